import { existsSync, statfsSync } from "node:fs";
import { tmpdir } from "node:os";

const MEMORY = "/dev/shm";
/** Many times what a run needs: a clone of the database has 20 MB. */
const ROOM_BYTES = 2 ** 32;

/**
 * For what a run throws away: in memory, where there is room. A clone is 1,700 files, which take 0.05 s there; ext4 often
 * takes over a second, having just dropped another. What a Durable Object writes waits for no disk either.
 */
export function memoryFolder(): string {
  if (!existsSync(MEMORY)) return tmpdir();
  const stats = statfsSync(MEMORY);
  return stats.bavail * stats.bsize < ROOM_BYTES ? tmpdir() : MEMORY;
}

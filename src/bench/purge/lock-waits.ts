import { open } from "node:fs/promises";

/** A wait for a lock that PostgreSQL has logged. */
export interface LockWait {
  mode: string;
  ms: number;
}

/**
 * Reads what was logged since `from` (a size of the file, in bytes) of waits that are over. Sessions that set
 * `log_lock_waits` log each that took longer than their `deadlock_timeout`; nobody here but the traffic does.
 */
export async function lockWaitsSince(logFile: string, from: number): Promise<LockWait[]> {
  const file = await open(logFile);
  try {
    const { size } = await file.stat();
    const { buffer } = await file.read(Buffer.alloc(size - from), 0, size - from, from);
    return lockWaits(buffer.toString("utf8"));
  } finally {
    await file.close();
  }
}

export function lockWaits(log: string): LockWait[] {
  return Array.from(log.matchAll(/ acquired (\w+) on .+? after ([\d.]+) ms/g), ([, mode, ms]) => ({
    mode: mode as string,
    ms: Number(ms),
  }));
}

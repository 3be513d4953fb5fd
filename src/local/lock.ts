import { randomBytes } from "node:crypto";
import { link, readFile, rename, rm, unlink, writeFile } from "node:fs/promises";
import process from "node:process";
import { errorCode, StartFailure } from "./failure.ts";
import { isAlive, startedAt } from "./os-process.ts";
import { readIfThere } from "./private-file.ts";

interface Holder {
  pid: number;
  /** Tells this process from a later one with the same pid. */
  startedAt: string | null;
}

/**
 * Takes the data folder for this process; the returned function gives it back. A lock whose process is gone is taken over;
 * a live one throws a StartFailure that names the pid.
 */
export async function takeLock(path: string): Promise<() => Promise<void>> {
  const mine = JSON.stringify({ pid: process.pid, startedAt: startedAt(process.pid) } satisfies Holder);
  const draft = `${path}.${randomBytes(6).toString("hex")}`;
  await writeFile(draft, mine, { mode: 0o600, flag: "wx" });
  try {
    // Linking is the test and the taking in one step, and never shows a lock that is still being written.
    while (!(await linked(draft, path))) await clearStale(path);
  } finally {
    await rm(draft, { force: true });
  }
  return async () => {
    if ((await readIfThere(path)) === mine) await rm(path, { force: true });
  };
}

async function linked(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if (errorCode(error) === "EEXIST") return false;
    throw error;
  }
}

async function clearStale(path: string): Promise<void> {
  const seen = await readIfThere(path);
  if (seen === null) return;
  const holder = parseHolder(seen);
  if (holder && isAlive(holder.pid) && startedAt(holder.pid) === holder.startedAt) {
    throw new StartFailure(
      `Another npm run dev or npm run db (process ${holder.pid}) is using this data folder: stop it, or set EBB_DATA and PORT.`,
    );
  }
  const aside = `${path}.${randomBytes(6).toString("hex")}`;
  try {
    await rename(path, aside);
  } catch (error) {
    if (errorCode(error) === "ENOENT") return;
    throw error;
  }
  // Somebody quicker may have replaced the stale lock between our look and our rename: give theirs back.
  if ((await readFile(aside, "utf8")) !== seen) await linked(aside, path);
  await unlink(aside);
}

function parseHolder(text: string): Holder | null {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== "object" || value === null || !("pid" in value) || !("startedAt" in value)) return null;
    const { pid, startedAt } = value;
    if (typeof pid !== "number" || !Number.isSafeInteger(pid) || pid < 1) return null;
    return { pid, startedAt: typeof startedAt === "string" ? startedAt : null };
  } catch {
    return null;
  }
}

import { readFile, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import process from "node:process";
import { errorCode, StartFailure } from "./failure.ts";
import { commandLine, isAlive, signalProcess, untilGone } from "./os-process.ts";

/**
 * Clears what a killed run left in a data folder: a server that still runs is stopped, and a lock file whose process is
 * gone, or whose pid now names another program, no longer stands in the way. Returns whether a server was stopped.
 */
export async function stopPreviousRun(dataDir: string): Promise<boolean> {
  const pidFile = join(dataDir, "postmaster.pid");
  const lines = await readLines(pidFile);
  if (!lines) return false;
  const pid = Number(lines[0]);
  if (!Number.isSafeInteger(pid) || pid < 2) {
    // Killed while writing it: PostgreSQL would refuse an empty or damaged file.
    await rm(pidFile, { force: true });
    return false;
  }
  if (isAlive(pid) && isServerOf(pid, dataDir)) {
    signalProcess(pid, "SIGINT");
    if (await untilGone(pid, 15_000)) return true;
    signalProcess(pid, "SIGQUIT");
    if (await untilGone(pid, 10_000)) return true;
    throw new StartFailure(`PostgreSQL of a previous run (process ${pid}) does not stop: end it by hand.`);
  }
  // PostgreSQL takes any live pid for a running server, but accepts its own parent's, which is this process. The rest of
  // the file must stay: by its shared memory key PostgreSQL finds sessions that have outlived their server.
  await writeFile(pidFile, [process.pid, ...lines.slice(1)].join("\n"));
  return false;
}

/** Pids recur: only a PostgreSQL started for exactly this folder may be signalled. */
function isServerOf(pid: number, dataDir: string): boolean {
  const [program = "", ...args] = commandLine(pid);
  return basename(program) === "postgres" && args[args.indexOf("-D") + 1] === dataDir;
}

async function readLines(path: string): Promise<string[] | null> {
  try {
    return (await readFile(path, "utf8")).split("\n");
  } catch (error) {
    if (errorCode(error) === "ENOENT" || errorCode(error) === "ENOTDIR") return null;
    if (errorCode(error) !== "EACCES") throw error;
    throw new StartFailure(`The database in ${path} belongs to another account: start as that one, or set EBB_DATA.`);
  }
}

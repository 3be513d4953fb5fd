import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import process from "node:process";
import { setTimeout as delay } from "node:timers/promises";
import { errorCode } from "./failure.ts";

const LINUX = process.platform === "linux";

/** Whether a process runs. One that has ended but was not reaped counts as gone: a container's first process may never reap. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (errorCode(error) !== "EPERM") return false;
  }
  const stat = LINUX ? statFields(pid) : null;
  return stat?.[0] !== "Z" && stat?.[0] !== "X";
}

/** When a process started, in the system's own notation, or null: with the pid it names one process, pids alone recur. */
export function startedAt(pid: number): string | null {
  if (LINUX) return statFields(pid)?.[19] ?? null;
  return ps(pid, "lstart=");
}

/** The parent of a process, or null when it is gone. */
export function parentOf(pid: number): number | null {
  const text = LINUX ? statFields(pid)?.[1] : ps(pid, "ppid=");
  return text ? Number(text) : null;
}

/** The arguments a process was started with, or none when it is gone. */
export function commandLine(pid: number): string[] {
  if (!LINUX) return ps(pid, "args=")?.split(" ") ?? [];
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").slice(0, -1);
  } catch {
    return [];
  }
}

/** Waits until a process that need not be our child is gone; false after `withinMs`. */
export async function untilGone(pid: number, withinMs: number): Promise<boolean> {
  const deadline = performance.now() + withinMs;
  while (isAlive(pid)) {
    if (performance.now() > deadline) return false;
    await delay(20);
  }
  return true;
}

/** Sends a signal to a process, or to a whole group when `pid` is negative; true when somebody received it. */
export function signalProcess(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal);
  } catch (error) {
    if (errorCode(error) === "ESRCH") return false;
    throw error;
  }
}

/** Fields of proc(5) stat from the third on; the second, the name, may itself contain spaces and brackets. */
function statFields(pid: number): string[] | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  } catch {
    return null;
  }
}

function ps(pid: number, column: string): string | null {
  const { status, stdout } = spawnSync("ps", ["-ww", "-o", column, "-p", String(pid)], { encoding: "utf8" });
  return status === 0 ? stdout.trim() : null;
}

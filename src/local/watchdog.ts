import { spawn } from "node:child_process";
import { signalProcess } from "./os-process.ts";

export interface Watched {
  /** The process to end. */
  pid: number;
  /** Whether it leads a process group that goes with it. */
  group: boolean;
  /** How to end it when we are gone. */
  signal: NodeJS.Signals;
  /** How to end it at once. */
  hardSignal: NodeJS.Signals;
  /** A folder worth nothing without us. */
  removeAfter?: string;
}

const watched = new Set<Watched>();

/**
 * Ends a child when this process is gone, even killed with SIGKILL: a tiny shell waits for the end of a pipe that only we
 * hold. Call the returned function once the child has ended, before its pid can name something else.
 */
export function watchOver(target: Watched): () => void {
  const script = [
    "read -r _",
    'kill -s "$1" -- "$2" 2>/dev/null',
    '[ -z "$3" ] && exit',
    'i=0; while [ $i -lt 30 ] && kill -s 0 -- "$2" 2>/dev/null; do sleep 0.1; i=$((i+1)); done',
    'rm -rf -- "$3"',
  ].join("\n");
  const id = target.group ? -target.pid : target.pid;
  const shell = spawn(
    "/bin/sh",
    ["-c", script, "ebb-watchdog", target.signal.slice(3), String(id), target.removeAfter ?? ""],
    { cwd: "/", stdio: ["pipe", "ignore", "ignore"], detached: true },
  );
  // Without a shell there is only no watchdog.
  shell.on("error", () => undefined);
  shell.stdin.on("error", () => undefined);
  shell.unref();
  watched.add(target);
  return () => {
    watched.delete(target);
    shell.kill("SIGKILL");
  };
}

/** Ends every watched child at once, without waiting for any. */
export function killWatched(): void {
  for (const { pid, group, hardSignal } of watched) signalProcess(group ? -pid : pid, hardSignal);
}

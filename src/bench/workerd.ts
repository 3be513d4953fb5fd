import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import { StartFailure } from "../local/failure.ts";
import { watchOver } from "../local/watchdog.ts";
import { DISK, type Service, workerdConfig } from "./workerd-config.ts";

export interface Workerd {
  pid: number;
  /** The port of each service on 127.0.0.1. */
  ports: ReadonlyMap<string, number>;
  /** How many structured log lines of each event the Workers have written. */
  events: ReadonlyMap<string, number>;
  /** CPU time used so far, in µs (in steps of 10 ms); null where the system does not tell. */
  cpuMicroseconds(): number | null;
  stop(): Promise<void>;
}

const START_MS = 30_000;
const STOP_MS = 5_000;

/** The workerd that wrangler brings, and so the one that everything else here runs on. */
export function workerdProgram(): { path: string; version: string } {
  const wrangler = createRequire(createRequire(import.meta.url).resolve("wrangler/package.json"));
  const { default: path, version } = wrangler("workerd") as { default: string; version: string };
  return { path, version };
}

/**
 * Serves these Workers from one plain workerd process, without the proxy that `wrangler dev` puts in front. Its Durable
 * Objects live in `folder`, which goes with it should this process be killed. Throws a StartFailure with the last lines when it ends early.
 */
export async function startWorkerd(
  folder: string,
  services: readonly Service[],
  signal: AbortSignal,
): Promise<Workerd> {
  await mkdir(join(folder, DISK), { recursive: true });
  const config = join(folder, "workerd.capnp");
  // It holds keys, if only for this run.
  await writeFile(config, workerdConfig(services, folder), { mode: 0o600 });
  const child = spawn(workerdProgram().path, ["serve", "--control-fd=3", config], {
    stdio: ["ignore", "pipe", "pipe", "pipe"],
    detached: true,
  });
  const ended = new Promise<void>((resolve) => {
    child.once("exit", () => resolve());
    child.once("error", () => resolve());
  });
  const { pid } = child;
  if (pid === undefined) throw new StartFailure("workerd could not be started: run npm ci.");
  const unwatch = watchOver({ pid, group: true, signal: "SIGTERM", hardSignal: "SIGKILL", removeAfter: folder });
  void ended.then(unwatch);
  const stop = async () => {
    child.kill("SIGTERM");
    const timer = new AbortController();
    const late = delay(STOP_MS, true, { signal: timer.signal }).catch(() => false);
    if ((await Promise.race([ended, late])) === true) child.kill("SIGKILL");
    timer.abort();
    await ended;
  };

  const events = new Map<string, number>();
  const last: string[] = [];
  for (const stream of [child.stdout, child.stderr] as Readable[]) {
    createInterface(stream).on("line", (line) => {
      const event = /"event":"([a-z-]+)"/.exec(line)?.[1];
      if (event !== undefined) events.set(event, (events.get(event) ?? 0) + 1);
      last.push(line);
      if (last.length > 20) last.shift();
    });
  }
  const ports = new Map<string, number>();
  const listening = new Promise<boolean>((resolve) => {
    createInterface(child.stdio[3] as Readable).on("line", (line) => {
      const { event, socket, port } = JSON.parse(line) as { event: string; socket: string; port: number };
      if (event === "listen") ports.set(socket, port);
      if (ports.size === services.length) resolve(true);
    });
  });
  const giveUp = new AbortController();
  const ready = await Promise.race([
    listening,
    ended.then(() => false),
    delay(START_MS, false, { signal: AbortSignal.any([signal, giveUp.signal]) }).catch(() => false),
  ]);
  giveUp.abort();
  if (ready) return { pid, ports, events, cpuMicroseconds: () => cpuMicroseconds(pid), stop };
  await stop();
  signal.throwIfAborted();
  throw new StartFailure(`workerd did not start:\n${last.join("\n")}`);
}

/** Fields 14 and 15 of proc(5) stat, in ticks of 10 ms; the name before them may itself contain spaces and brackets. */
function cpuMicroseconds(pid: number): number | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return (Number(fields[11]) + Number(fields[12])) * 10_000;
  } catch {
    return null;
  }
}

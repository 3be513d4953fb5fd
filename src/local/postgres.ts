import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, readFileSync, rmSync, statSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { StartFailure } from "./failure.ts";
import { freePort } from "./listening-port.ts";
import { makeDataFolder } from "./paths.ts";
import { ensureCluster, PROGRAM_ENVIRONMENT, settingsOf, THROWAWAY } from "./postgres-cluster.ts";
import { type PostgresHome, postgresHome } from "./postgres-home.ts";
import { stopPreviousRun } from "./postgres-previous-run.ts";
import { readIfThere } from "./private-file.ts";
import { watchOver } from "./watchdog.ts";

export interface PostgresOptions {
  /** Made when missing. For tests: a name in the system's temporary folder that does not exist yet. */
  dataDir: string;
  logFile: string;
  /** For tests: no write waits for the disk, and `stop` removes the data. */
  throwaway?: boolean;
  signal?: AbortSignal;
  say?: (line: string) => void;
}

export interface LocalPostgres {
  /** On 127.0.0.1, the same over restarts unless something took it. */
  port: number;
  /** The real data folder. */
  dataDir: string;
  superuserUrl(database?: string): string;
  /** Settles when the server has ended, for whatever reason. */
  exited: Promise<void>;
  /** Fast shutdown: sessions end, what is committed is on disk. */
  stop(): Promise<void>;
}

const LOG_LIMIT_BYTES = 5_000_000;

/**
 * Starts PostgreSQL 18 on a data folder, making the folder on the first start and clearing up after a killed run. Throws a
 * StartFailure of one sentence that names the log.
 */
export async function startPostgres(options: PostgresOptions): Promise<LocalPostgres> {
  const { throwaway = false, signal = new AbortController().signal, say = () => undefined } = options;
  makeDataFolder(dirname(options.dataDir));
  const home = await postgresHome(options.dataDir);
  const { dataDir } = home;
  if (home.linkedFrom)
    say(`The database is in ${dataDir}, because PostgreSQL cannot run as root or reach this folder.`);
  if (await stopPreviousRun(dataDir)) say("Stopped the PostgreSQL that a killed run had left behind.");
  const password = await ensureCluster(home, { throwaway, signal, say });
  const launched = await launch(home, { ...options, throwaway, signal }, await lastPort(dataDir));
  return {
    port: launched.port,
    dataDir,
    superuserUrl: (database = "postgres") =>
      `postgres://postgres:${password}@127.0.0.1:${launched.port}/${encodeURIComponent(database)}`,
    exited: launched.exited,
    stop: async () => {
      await launched.stop();
      if (!throwaway) return;
      rmSync(dataDir, { recursive: true, force: true });
      rmSync(options.dataDir, { recursive: true, force: true });
    },
  };
}

interface Launched {
  port: number;
  exited: Promise<void>;
  stop(): Promise<void>;
}

type LaunchOptions = PostgresOptions & { throwaway: boolean; signal: AbortSignal };

async function launch(home: PostgresHome, options: LaunchOptions, wantedPort: number | null): Promise<Launched> {
  const deadline = performance.now() + 60_000;
  for (let preferred = wantedPort; ; preferred = null) {
    const port = await freePort(preferred);
    const logged = sizeOf(options.logFile);
    const server = run(home, options, port);
    const ended = await untilReadyOrEnded(server, home.dataDir, options.signal);
    if (!ended) return server;
    await server.stop();
    options.signal.throwIfAborted();
    const log = readFileSync(options.logFile).subarray(logged).toString("utf8");
    // Somebody took the port since we looked, or sessions of a killed server are still ending: both pass.
    const passes = /Address already in use|shared memory block .* is still in use/.test(log);
    if (!passes || performance.now() > deadline) {
      const reason = /(?:FATAL|PANIC|postgres): +(.*)/.exec(log)?.[1] ?? "it ended at once";
      throw new StartFailure(`PostgreSQL did not start (${reason}): see ${options.logFile}.`);
    }
    await delay(100);
  }
}

function run(
  { programs, account, dataDir }: PostgresHome,
  options: LaunchOptions,
  port: number,
): Launched & { child: ChildProcess } {
  const settings: Record<string, string> = {
    listen_addresses: "127.0.0.1",
    port: String(port),
    unix_socket_directories: "",
    max_connections: "200",
    timezone: "UTC",
    log_timezone: "UTC",
    ...(options.throwaway ? { ...THROWAWAY, fsync: "off", synchronous_commit: "off", full_page_writes: "off" } : {}),
  };
  const log = openSync(options.logFile, sizeOf(options.logFile) > LOG_LIMIT_BYTES ? "w" : "a", 0o600);
  const child = spawn(join(programs.folder, "bin/postgres"), ["-D", dataDir, ...settingsOf(settings)], {
    cwd: "/",
    env: PROGRAM_ENVIRONMENT,
    stdio: ["ignore", log, log],
    // A group of its own: Ctrl-C at the terminal must reach us alone, who stop it after the Worker.
    detached: true,
    ...account,
  });
  closeSync(log);
  const exited = new Promise<void>((resolve) => {
    child.once("exit", () => resolve());
    child.once("error", () => resolve());
  });
  const unwatch =
    child.pid === undefined
      ? () => undefined
      : watchOver({
          pid: child.pid,
          group: false,
          signal: options.throwaway ? "SIGQUIT" : "SIGINT",
          hardSignal: "SIGQUIT",
          ...(options.throwaway ? { removeAfter: dataDir } : {}),
        });
  void exited.then(unwatch);
  return { child, port, exited, stop: () => stopServer(child, exited) };
}

/** Null when the server takes connections, else the way it ended. */
async function untilReadyOrEnded(
  server: { child: ChildProcess },
  dataDir: string,
  signal: AbortSignal,
): Promise<boolean> {
  const { child } = server;
  while (child.pid !== undefined && child.exitCode === null && child.signalCode === null && !signal.aborted) {
    // The eighth line is the server's own word about its state (miscadmin.h, LOCK_FILE_LINE_PM_STATUS).
    const lines = await readFile(join(dataDir, "postmaster.pid"), "utf8").then(
      (text) => text.split("\n"),
      () => [],
    );
    if (Number(lines[0]) === child.pid && lines[7]?.trim() === "ready") return false;
    await delay(20);
  }
  return true;
}

async function stopServer(child: ChildProcess, exited: Promise<void>): Promise<void> {
  for (const [signal, withinMs] of [
    ["SIGINT", 20_000],
    ["SIGQUIT", 10_000],
    ["SIGKILL", 5_000],
  ] as const) {
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    child.kill(signal);
    const timer = new AbortController();
    await Promise.race([exited, delay(withinMs, undefined, { signal: timer.signal }).catch(() => undefined)]);
    timer.abort();
  }
}

/** The port of the run before, from the server's own note of its arguments: URLs stay good over restarts. */
async function lastPort(dataDir: string): Promise<number | null> {
  const port = /"port=(\d+)"/.exec((await readIfThere(join(dataDir, "postmaster.opts"))) ?? "")?.[1];
  return port === undefined ? null : Number(port);
}

function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}

import { spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { StartFailure } from "./failure.ts";
import { signalProcess } from "./os-process.ts";
import { type LocalPaths, PROJECT } from "./paths.ts";
import { watchOver } from "./watchdog.ts";
import { readable } from "./worker-output.ts";

export interface WorkerOptions {
  paths: Pick<LocalPaths, "data" | "devVars" | "wrangler">;
  port: number;
  signal: AbortSignal;
  /** Takes what the Worker and wrangler say, a line each. */
  say: (line: string) => void;
  /** The folder of wrangler.toml; this project's when left out. */
  cwd?: string;
}

export interface LocalWorker {
  url: string;
  /** Settles when wrangler has ended, for whatever reason. */
  exited: Promise<void>;
  stop(): Promise<void>;
}

const START_MS = 120_000;
/** After wrangler's first error line: the rest of the error follows. */
const ERROR_REST_MS = 300;
const STOP_MS = 5_000;

/**
 * Serves the Worker with `wrangler dev` (which reads no `.dev.vars` when it is given an `--env-file`), cron testing
 * included, and returns when `/healthz` answers. Throws a StartFailure when it does not build or ends.
 */
export async function startWorker(options: WorkerOptions): Promise<LocalWorker> {
  const { paths, port, signal, say, cwd = PROJECT } = options;
  // As root the data folder can be traversed by others; what wrangler keeps is not for them.
  for (const folder of wranglerFolders(paths)) mkdirSync(folder, { recursive: true, mode: 0o700 });
  const wrangler = join(
    dirname(createRequire(import.meta.url).resolve("wrangler/package.json")),
    "wrangler-dist/cli.js",
  );
  const child = spawn(
    process.execPath,
    [
      ...["--no-warnings", wrangler, "dev", "--test-scheduled", "--ip", "127.0.0.1", "--port", String(port)],
      ...["--env-file", paths.devVars, "--persist-to", paths.wrangler, "--show-interactive-dev-session=false"],
    ],
    { cwd, env: wranglerEnvironment(paths), stdio: ["ignore", "pipe", "pipe"], detached: true },
  );
  const exited = new Promise<void>((resolve) => {
    child.once("exit", () => resolve());
    child.once("error", () => resolve());
  });
  const { pid } = child;
  if (pid === undefined) throw new StartFailure("wrangler could not be started: run npm ci.");
  const unwatch = watchOver({ pid, group: true, signal: "SIGTERM", hardSignal: "SIGKILL" });
  void exited.then(() => {
    unwatch();
    // Whatever of its group has outlived it.
    signalProcess(-pid, "SIGKILL");
  });

  const url = `http://127.0.0.1:${port}`;
  let ready = false;
  const early: string[] = [];
  const failed = Promise.withResolvers<"failed">();
  for (const stream of [child.stdout, child.stderr]) {
    createInterface(stream).on("line", (raw) => {
      const line = readable(raw);
      if (line === null) return;
      if (ready) return say(line);
      early.push(line);
      if (line.startsWith("error:")) setTimeout(() => failed.resolve("failed"), ERROR_REST_MS);
    });
  }
  const stop = async () => {
    signalProcess(-pid, "SIGTERM");
    const timer = new AbortController();
    const late = delay(STOP_MS, true, { signal: timer.signal }).catch(() => false);
    if ((await Promise.race([exited, late])) === true) signalProcess(-pid, "SIGKILL");
    timer.abort();
    await exited;
  };

  const giveUp = AbortSignal.any([signal, AbortSignal.timeout(START_MS)]);
  const outcome = await Promise.race([
    untilAnswering(url, giveUp),
    failed.promise,
    exited.then(() => "ended" as const),
  ]);
  if (outcome === "answering") {
    ready = true;
    for (const line of early.filter((text) => text.startsWith("warning:"))) say(line);
    return { url, exited, stop };
  }
  await stop();
  signal.throwIfAborted();
  for (const line of early) say(line);
  throw new StartFailure(
    outcome === "gave up"
      ? `The Worker did not answer within ${START_MS / 1_000} s.`
      : "The Worker did not start: see above.",
  );
}

function wranglerFolders({ data, wrangler }: WorkerOptions["paths"]): [state: string, logs: string, registry: string] {
  return [wrangler, join(data, "wrangler-logs"), join(data, "wrangler-registry")];
}

function wranglerEnvironment(paths: WorkerOptions["paths"]): NodeJS.ProcessEnv {
  const [, logs, registry] = wranglerFolders(paths);
  return {
    ...process.env,
    NO_COLOR: "1",
    FORCE_COLOR: "0",
    // Without the banner there is no look-up of a newer version; without cf there is none of this machine's place.
    WRANGLER_HIDE_BANNER: "true",
    CLOUDFLARE_CF_FETCH_ENABLED: "false",
    WRANGLER_SEND_METRICS: "false",
    WRANGLER_SEND_ERROR_REPORTS: "false",
    WRANGLER_LOG_PATH: logs,
    WRANGLER_REGISTRY_PATH: registry,
  };
}

async function untilAnswering(url: string, signal: AbortSignal): Promise<"answering" | "gave up"> {
  while (!signal.aborted) {
    try {
      const response = await fetch(`${url}/healthz`, { signal });
      await response.body?.cancel();
      return "answering";
    } catch {
      await delay(50, undefined, { signal }).catch(() => undefined);
    }
  }
  return "gave up";
}

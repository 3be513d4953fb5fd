import process from "node:process";
import { commandLine, isAlive, parentOf } from "./os-process.ts";
import { killWatched } from "./watchdog.ts";

/** npm passes a Ctrl-C on to us that the terminal has already sent: one key, two signals. */
const SAME_KEY_MS = 500;
const PARENT_CHECK_MS = 1_000;

/**
 * A signal that aborts on Ctrl-C, SIGTERM, SIGHUP, or when the npm that started us is gone. A second Ctrl-C kills every
 * child and ends this process at once.
 */
export function stopSignals(): AbortSignal {
  const controller = new AbortController();
  let first = 0;
  const onSignal = () => {
    const now = performance.now();
    if (!controller.signal.aborted) {
      first = now;
      controller.abort();
    } else if (now - first > SAME_KEY_MS) {
      killWatched();
      process.exit(1);
    }
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, onSignal);
  if (process.env["npm_lifecycle_event"] !== undefined) {
    const gone = npmIsGone();
    setInterval(() => {
      if (gone() && !controller.signal.aborted) controller.abort();
    }, PARENT_CHECK_MS).unref();
  }
  return controller.signal;
}

/**
 * Whether the npm that started us has ended. A shell stands between, which takes npm's SIGTERM without passing it on; and
 * npm ended with SIGKILL can pass nothing on at all.
 */
function npmIsGone(): () => boolean {
  const parent: number = process.ppid;
  const npm = commandLine(parent)[1] === "-c" ? parentOf(parent) : null;
  return () => process.ppid !== parent || (npm !== null && !isAlive(npm));
}

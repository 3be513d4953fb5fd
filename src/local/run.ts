import process from "node:process";
import { type LocalEnvironment, startDatabaseSide } from "./environment.ts";
import { errorMessage, StartFailure } from "./failure.ts";
import { assertPortFree, workerPort } from "./listening-port.ts";
import { type LocalPaths, localPaths } from "./paths.ts";
import { print, printError } from "./print.ts";
import { stopSignals } from "./stop-signals.ts";

/** Something that a command keeps running; its end is the command's end. */
export interface Part {
  name: string;
  exited: Promise<void>;
  stop(): Promise<void>;
}

export interface Command {
  /** Whether the Worker's port must be free now. */
  needsPort: boolean;
  /** Whether a plain `wrangler dev` shall find its variables. */
  forWrangler: boolean;
  /** Starts what runs on top of the database. */
  more(context: {
    environment: LocalEnvironment;
    paths: LocalPaths;
    port: number;
    signal: AbortSignal;
  }): Promise<Part[]>;
  /** What to print when all is running, after so many milliseconds. */
  ready(environment: LocalEnvironment, elapsedMs: number): string[];
}

/**
 * Runs a command until Ctrl-C (exit code 0) or until one of its parts fails (1, with one sentence), and leaves nothing
 * running either way.
 */
export async function run(command: Command): Promise<void> {
  const signal = stopSignals();
  const parts: Part[] = [];
  try {
    const paths = localPaths();
    const port = workerPort();
    if (command.needsPort) await assertPortFree(port);
    const environment = await startDatabaseSide({ paths, port, forWrangler: command.forWrangler, signal, say: print });
    parts.push({ name: "PostgreSQL", exited: environment.postgres.exited, stop: environment.stop });
    parts.push(...(await command.more({ environment, paths, port, signal })));
    for (const line of command.ready(environment, Math.round(performance.now()))) print(line);
    const stopped = new Promise<null>((resolve) => {
      signal.addEventListener("abort", () => resolve(null), { once: true });
      if (signal.aborted) resolve(null);
    });
    const ended = await Promise.race([stopped, ...parts.map(({ name, exited }) => exited.then(() => name))]);
    if (ended !== null) throw new StartFailure(`${ended} has ended unexpectedly: everything else is stopped.`);
    print("Stopping …");
  } catch (error) {
    if (!signal.aborted) {
      process.exitCode = 1;
      printError(error instanceof StartFailure ? error.message : `The start failed: ${errorMessage(error)}.`);
    }
  } finally {
    // The Worker before the database it writes to.
    for (const part of parts.reverse()) await part.stop();
  }
  process.exit();
}

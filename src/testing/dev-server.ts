import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";
import { freePort } from "../local/listening-port.ts";
import { PROJECT } from "../local/paths.ts";
import { watchOver } from "../local/watchdog.ts";

export interface DevServer {
  url: string;
  /** Of the seeded customer Acme, whose owner is Ada. */
  registrationKey: string;
  stop(): Promise<void>;
}

/** Starts the product as `npm run dev` does, on free ports and with a data folder that goes with it. */
export async function startDevServer(): Promise<DevServer> {
  const folder = await mkdtemp(join(tmpdir(), "ebb-dev-"));
  // PostgreSQL's account has to get through when root runs the tests.
  await chmod(folder, 0o711);
  const data = join(folder, "data");
  const env = { ...process.env, PORT: String(await freePort()), EBB_DATA: data };
  const child = spawn(process.execPath, [join(PROJECT, "src/local/dev.ts")], {
    cwd: PROJECT,
    env,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const { pid } = child;
  if (pid === undefined) throw new Error("node could not be started");
  const unwatch = watchOver({ pid, group: false, signal: "SIGTERM", hardSignal: "SIGKILL" });
  const exited = once(child, "exit");
  const stop = async () => {
    child.kill("SIGTERM");
    await exited;
    unwatch();
    await rm(folder, { recursive: true, force: true });
  };
  const said: string[] = [];
  const ready = Promise.withResolvers<string>();
  for (const stream of [child.stdout, child.stderr]) {
    createInterface(stream).on("line", (line) => {
      said.push(line);
      const url = /^ready (\S+)/.exec(line)?.[1];
      if (url !== undefined) ready.resolve(url);
    });
  }
  const ended = exited.then(() => {
    throw new Error(`the development server has ended: ${said.join("\n")}`);
  });
  try {
    const url = await Promise.race([ready.promise, ended]);
    ended.catch(() => undefined);
    const { registrationKey } = JSON.parse(await readFile(join(data, "local.json"), "utf8")) as DevServer;
    return { url, registrationKey, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

import { once } from "node:events";
import { createServer } from "node:net";
import process from "node:process";
import { errorCode, errorMessage, StartFailure } from "./failure.ts";

const LOOPBACK = "127.0.0.1";

/** `PORT`, by default 8787. Throws a StartFailure for anything but a port number. */
export function workerPort(env: NodeJS.ProcessEnv = process.env): number {
  const text = env["PORT"] ?? "8787";
  const port = Number(text);
  if (!/^\d{1,5}$/.test(text) || port < 1 || port > 65_535) {
    throw new StartFailure(`PORT is ${JSON.stringify(text)}, but must be a number from 1 to 65535.`);
  }
  return port;
}

/** Throws a StartFailure when something else listens on the port, or we may not. */
export async function assertPortFree(port: number): Promise<void> {
  try {
    await tryPort(port);
  } catch (error) {
    const reason = errorCode(error) === "EADDRINUSE" ? "in use" : `not usable (${errorMessage(error)})`;
    throw new StartFailure(`Port ${port} is ${reason}: free it, or choose another with the PORT variable.`);
  }
}

/** The preferred port when it is free on the loopback address, else one that the operating system picks. */
export async function freePort(preferred?: number | null): Promise<number> {
  if (preferred) {
    try {
      return await tryPort(preferred);
    } catch {
      // Taken since last time: a new one is written down.
    }
  }
  return tryPort(0);
}

async function tryPort(port: number): Promise<number> {
  const server = createServer();
  server.listen({ port, host: LOOPBACK, exclusive: true });
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("no address");
  return address.port;
}

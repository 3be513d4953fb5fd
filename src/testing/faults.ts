import { inject } from "vitest";
import type { Fault } from "../local/neon-fault.ts";

async function control(method: string, path: string, body?: unknown): Promise<unknown> {
  const { control } = inject("database");
  const response = await fetch(`${control.url}/${path}`, {
    method,
    headers: { [control.header]: control.token, "content-type": "application/json" },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  if (!response.ok) throw new Error(`control answered ${response.status}`);
  return await response.json();
}

/** Runs `fn` while the way to Postgres fails at the wire, and mends it whatever happens. */
export async function withFault<T>(fault: Fault, fn: () => Promise<T>): Promise<T> {
  await control("POST", "fault", fault);
  try {
    return await fn();
  } finally {
    await control("POST", "fault", null);
  }
}

/** For as long as `fn` runs, no connection to Postgres comes about. */
export function withoutPostgres<T>(fn: () => Promise<T>): Promise<T> {
  return withFault({ kind: "refuse", times: 1_000_000 }, fn);
}

/** Statements that reached Postgres while `fn` ran. */
export async function statementsDuring(fn: () => Promise<unknown>): Promise<number> {
  await control("DELETE", "statements", {});
  await fn();
  const { statements } = (await control("GET", "statements")) as { statements: number };
  return statements;
}

/** For as long as `fn` runs, what a verb writes is done and never committed: each answers `outcome-unknown`. */
export function withoutCommits<T>(fn: () => Promise<T>): Promise<T> {
  return withFault({ kind: "refuse-commit", times: 1_000_000 }, fn);
}

/** What `fn` returns, with the texts of the statements that reached Postgres while it ran, in their order. */
export async function traceOf<T>(fn: () => Promise<T>): Promise<{ result: T; trace: string[] }> {
  await control("POST", "trace", {});
  try {
    const result = await fn();
    return { result, trace: ((await control("DELETE", "trace", {})) as { trace: string[] }).trace };
  } catch (error) {
    await control("DELETE", "trace", {});
    throw error;
  }
}

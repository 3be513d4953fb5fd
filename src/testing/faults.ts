import { inject } from "vitest";
import type { Fault } from "../local/neon-fault.ts";
import type { SentStatement } from "../local/neon-statements.ts";

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

/** Statements of the API that reached Postgres while `fn` ran. */
export async function statementsDuring(fn: () => Promise<unknown>): Promise<number> {
  return (await traceOf(fn)).trace.length;
}

/** Statements of one gate that reached Postgres while `fn` ran: whatever other gates flush meanwhile is theirs. */
export async function flushesDuring(gateId: string, fn: () => Promise<unknown>): Promise<number> {
  const { sent } = await sentDuring(fn);
  return sent.filter(({ role, params }) => role === "ebb_ingest" && params.includes(gateId)).length;
}

/** For as long as `fn` runs, what a verb writes is done and never committed: each answers `outcome-unknown`. */
export function withoutCommits<T>(fn: () => Promise<T>): Promise<T> {
  return withFault({ kind: "refuse-commit", times: 1_000_000 }, fn);
}

/**
 * What `fn` returns, with the texts of the API's statements that reached Postgres while it ran, in their order. Gates have
 * a role of their own: one whose time to flush has come does so whenever that is.
 */
export async function traceOf<T>(fn: () => Promise<T>): Promise<{ result: T; trace: string[] }> {
  const { result, sent } = await sentDuring(fn);
  return { result, trace: sent.filter(({ role }) => role === "ebb_app").map(({ sql }) => sql) };
}

async function sentDuring<T>(fn: () => Promise<T>): Promise<{ result: T; sent: SentStatement[] }> {
  await control("POST", "trace", {});
  try {
    const result = await fn();
    return { result, sent: ((await control("DELETE", "trace", {})) as { trace: SentStatement[] }).trace };
  } catch (error) {
    await control("DELETE", "trace", {});
    throw error;
  }
}

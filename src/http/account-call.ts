import * as z from "zod";
import type { AccountCredential, KeyCredential } from "../access/credential.ts";
import type { Id, IdKind } from "../core/id.ts";
import { Problem } from "../core/problem.ts";
import type { Deps } from "../deps.ts";
import { takeOrRefuse } from "../gate/limit.ts";
import { takePublic } from "../gate/platform.ts";
import type { Idempotency } from "../idempotency.ts";
import type { KeyFacts } from "../keys/facts.ts";
import { type KeyCall, knownKey } from "../keys/known-key.ts";
import { sessionGate } from "../people/session-gate.ts";
import type { Context } from "../verb.ts";
import { idSchema } from "./id-schema.ts";
import { idempotencyKeyOf, requestHashOf } from "./idempotency-key.ts";
import { networkOf } from "./network.ts";
import { plainText } from "./text-schema.ts";
import { whenceOf } from "./whence.ts";

interface AccountInput {
  deps: Deps;
  requestId: string;
  credential: AccountCredential;
  request: Request;
  params: unknown;
  query: unknown;
  body: unknown;
}

/**
 * What every account route does first: takes from the caller's limits, and makes the context of its verb, on the tenant
 * that the path or `?tenant_id=…` names, or else on the caller's own.
 */
export async function accountCall(
  input: AccountInput,
  target: Id<"tenant"> | null = (input.query as { tenant_id?: Id<"tenant"> } | undefined)?.tenant_id ?? null,
): Promise<{ context: Context } & Taken> {
  const { deps, credential, request } = input;
  const requestId = input.requestId as Id<"request">;
  const entry = { credentialHash: credential.hash, target, reason: reasonOf(request), requestId };
  const taken =
    credential.kind === "session"
      ? await takeOfSession(deps, entry, networkOf(request))
      : await takeOfKey(deps, credential, { requestId, ...whenceOf(request) });
  const idempotency = await idempotencyOf(input);
  return { context: { deps, ...entry, ...(idempotency && { idempotency }) }, ...taken };
}

interface Taken {
  /** The RateLimit headers. */
  headers: Record<string, string>;
  /** Who it is: the person, or the key that is nobody's. */
  caller: string;
  /** Null of a session. */
  key: KeyFacts | null;
}

async function takeOfSession(
  deps: Deps,
  entry: Omit<Context, "deps" | "idempotency">,
  network: string,
): Promise<Taken> {
  // A cookie that anybody can make up is looked up in Postgres: that is limited first.
  await takePublic(deps, entry.requestId, network);
  const { gateId, subjects } = await sessionGate(deps, entry);
  const { requestId } = entry;
  const headers = await takeOrRefuse(deps, gateId, { requestId, routeClass: "account", subjects });
  return { headers, caller: subjects.person as string, key: null };
}

async function takeOfKey(deps: Deps, credential: KeyCredential, call: KeyCall): Promise<Taken> {
  const { facts, headers } = await knownKey(deps, credential, call);
  return { headers, caller: facts.personId ?? facts.id, key: facts };
}

/** Says that an answer is that of an earlier request; nothing for a first one. */
export function replayHeaders({ idempotency }: Context): Record<string, string> {
  return idempotency?.replayed === true ? { "idempotency-replayed": "true" } : {};
}

function reasonOf(request: Request): string | null {
  const reason = request.headers.get("ebb-reason");
  if (reason === null || reason.trim() === "") return null;
  if (!/^[\x20-\x7e]{1,200}$/.test(reason)) {
    throw new Problem("invalid-field", {
      errors: [{ path: "Ebb-Reason", message: "takes up to 200 printable ASCII characters" }],
    });
  }
  return reason;
}

async function idempotencyOf({ request, params, query, body }: AccountInput): Promise<Idempotency | null> {
  const key = request.method === "POST" ? idempotencyKeyOf(request) : null;
  if (key === null) return null;
  const route = `${request.method} ${new URL(request.url).pathname}`;
  return { key, route, requestHash: await requestHashOf({ params, query, body }), replayed: false };
}

/** What a person calls a key. */
export const keyName = plainText(100).min(1);
/** When a key ends: seconds since 1970, which its verb has in the future; year 9999 at the latest. */
export const validUntil = z.int().min(1).max(253_402_300_799).nullish();

/** `?limit=…&cursor=…` of a list; the cursor is the last id of the page before. */
export function pageQuery<K extends IdKind>(kind: K) {
  return z.object({
    limit: z.coerce.number().int().min(1).max(200).default(50),
    cursor: idSchema(kind).optional(),
  });
}

/** A list as it goes out: one page, and the cursor of the next, null at the end. */
export function listBody<T, U>(page: { items: readonly T[]; next: string | null }, show: (item: T) => U) {
  return { object: "list", data: page.items.map(show), next_cursor: page.next };
}

export function listSchema<T extends z.ZodType>(item: T) {
  return z.object({ object: z.literal("list"), data: z.array(item), next_cursor: z.string().nullable() });
}

/** Times on /api/v1 are whole seconds since 1970. */
export function seconds(ms: number): number {
  return Math.floor(ms / 1000);
}

export function secondsOrNull(ms: number | null): number | null {
  return ms === null ? null : seconds(ms);
}

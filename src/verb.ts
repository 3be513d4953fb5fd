import { sql } from "drizzle-orm";
import type { BatchItem, BatchResponse } from "drizzle-orm/batch";
import type { GateMessage } from "./core/gate-message.ts";
import { type Id, newId, uuidFromId } from "./core/id.ts";
import { can, opens, type Permission } from "./core/permission.ts";
import { Problem } from "./core/problem.ts";
import type { Entered, Entry, Reader, Writer } from "./db/app-database.ts";
import { outbox } from "./db/schema.ts";
import type { Deps } from "./deps.ts";
import { earlierResult, type Idempotency, keepResult } from "./idempotency.ts";

/** Who asks for a verb, on which tenant, in which request. */
export interface Context extends Entry {
  deps: Deps;
  requestId: Id<"request">;
  /** Where the caller sent an Idempotency-Key. */
  idempotency?: Idempotency;
}

/** What a change leaves in the audit of the tenant. Its final form comes with the audit chain. */
export interface AuditDraft {
  /** Noun and past participle: `instance.registered`. */
  action: string;
  /** The id of what was changed. */
  subject: string;
  /** Facts about the change; no secrets, no personal data beyond ids. */
  detail: Readonly<Record<string, string | number | boolean | null>>;
}

export interface Change<T> {
  result: T;
  /** Null of a sign-in alone: that changes nothing of the account, and is an authentication event, kept for 12 months. */
  audit: AuditDraft | null;
  /** Fields of the result that are never stored: a repeat of the request gets null in their place. */
  secrets?: readonly (keyof T & string)[];
  /** What the tenant's gate must hear of; goes into the outbox in the same transaction. */
  post?: readonly GateMessage[];
}

/**
 * Every change of an account: permission, tenant, write, outbox and audit entry commit together or not at all. `fn`
 * returns the audit entry with its result, so that no change can be made without one. The caller delivers what was
 * posted (`deliverOutbox`) after this returns. Throws Problems: `forbidden`, `not-found`, `unavailable`,
 * `outcome-unknown` and what `fn` throws.
 */
export async function mutate<T>(
  context: Context,
  permission: Permission,
  fn: (tx: Writer, entered: Entered) => Promise<Change<T>>,
): Promise<T> {
  const { deps, requestId } = context;
  return await deps.app.write(context, async (tx, entered) => {
    refuse(entered, permission);
    const { idempotency } = context;
    const earlier = idempotency === undefined ? undefined : await earlierResult(tx, entered, idempotency);
    if (earlier !== undefined) return earlier.result as T;
    const { result, audit, post = [], secrets = [] } = await fn(tx, entered);
    const now = deps.clock.now();
    if (idempotency !== undefined) await keepResult(tx, entered, idempotency, result, secrets, now);
    if (post.length > 0) {
      const { tenantId, gateId } = entered;
      await tx.insert(outbox).values(post.map((message) => ({ tenantId, gateId, message, recordedAt: now })));
    }
    if (audit !== null) {
      const id = uuidFromId("audit", newId("audit", now));
      const detail = JSON.stringify(audit.detail);
      await tx.execute(sql`select ebb.append_audit(${id}, ${audit.action}, ${audit.subject}, ${detail}, ${requestId})`);
    }
    return result;
  });
}

/** As `read`, and tells who asks and on which tenant. */
export async function enter<Q extends readonly BatchItem<"pg">[]>(
  context: Context,
  permission: Permission,
  queries: (db: Reader) => Q,
): Promise<{ entered: Entered; results: BatchResponse<Q> }> {
  const read = await context.deps.app.read(context, queries);
  refuse(read.entered, permission);
  return read;
}

/** A closed tenant is only looked at and reopened; an operator who reaches into data says why. */
function refuse({ permissions, closed, opened }: Entered, permission: Permission): void {
  if (!can(permissions, permission)) throw new Problem("forbidden");
  if (closed && permission !== "tenants:read" && permission !== "tenants:close") throw new Problem("tenant-closed");
  if (!opened && opens(permission)) throw new Problem("reason-required");
}

/** Reads in one transaction as the tenant entered. Throws Problems: `forbidden`, `not-found`, `unavailable`. */
export async function read<Q extends readonly [BatchItem<"pg">, ...BatchItem<"pg">[]]>(
  context: Context,
  permission: Permission,
  queries: (db: Reader) => Q,
): Promise<BatchResponse<Q>> {
  return (await enter(context, permission, queries)).results;
}

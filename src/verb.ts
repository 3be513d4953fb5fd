import { sql } from "drizzle-orm";
import type { BatchItem, BatchResponse } from "drizzle-orm/batch";
import type { GateMessage } from "./core/gate-message.ts";
import { type Id, newId, uuidFromId } from "./core/id.ts";
import { can, type Permission } from "./core/permission.ts";
import { Problem } from "./core/problem.ts";
import type { Entered, Entry, Reader, Writer } from "./db/app-database.ts";
import { outbox } from "./db/schema.ts";
import type { Deps } from "./deps.ts";

/** Who asks for a verb, on which tenant, in which request. */
export interface Context extends Entry {
  deps: Deps;
  requestId: Id<"request">;
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
  audit: AuditDraft;
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
    if (!can(entered.permissions, permission)) throw new Problem("forbidden");
    const { result, audit, post = [] } = await fn(tx, entered);
    const now = deps.clock.now();
    if (post.length > 0) {
      const { tenantId, gateId } = entered;
      await tx.insert(outbox).values(post.map((message) => ({ tenantId, gateId, message, recordedAt: now })));
    }
    const id = uuidFromId("audit", newId("audit", now));
    const detail = JSON.stringify(audit.detail);
    await tx.execute(sql`select ebb.append_audit(${id}, ${audit.action}, ${audit.subject}, ${detail}, ${requestId})`);
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
  if (!can(read.entered.permissions, permission)) throw new Problem("forbidden");
  return read;
}

/** Reads in one transaction as the tenant entered. Throws Problems: `forbidden`, `not-found`, `unavailable`. */
export async function read<Q extends readonly [BatchItem<"pg">, ...BatchItem<"pg">[]]>(
  context: Context,
  permission: Permission,
  queries: (db: Reader) => Q,
): Promise<BatchResponse<Q>> {
  return (await enter(context, permission, queries)).results;
}

import { eq, sql } from "drizzle-orm";
import { type Id, uuidFromId } from "../core/id.ts";
import { can } from "../core/permission.ts";
import { Problem } from "../core/problem.ts";
import type { Writer } from "../db/app-database.ts";
import { registrationKeys } from "../db/schema.ts";
import { deliverOutbox } from "../gate/outbox.ts";
import { type Context, mutate } from "../verb.ts";

/** What becomes of the instances that registered with a key when it is revoked. */
export const FATES = ["keep", "revoke", "remove"] as const;
export type Fate = (typeof FATES)[number];

/** Instances ended in one transaction: it takes a second or two, and each is a message to the gate. */
const AT_ONCE = 10_000;

export interface RevokedRegistrationKey {
  /** ms since 1970. */
  revokedAt: number;
  /** How many instances this call ended, and how many are left for the next. */
  ended: number;
  remaining: number;
  /** The gate has acknowledged it. */
  effective: boolean;
}

/** Revokes a live registration key; instances that registered with it stay. Throws `not-found`, also for an ended one. */
export async function removeRegistrationKey(context: Context, id: Id<"registrationKey">): Promise<void> {
  await mutate(context, "registration-keys:write", async (tx) => {
    const { changed } = await revoked(tx, id);
    if (!changed) throw new Problem("not-found");
    return { result: undefined, audit: { action: "registration-key.revoked", subject: id, detail: {} } };
  });
}

/**
 * Revokes a registration key after a leak, and on request the instances that registered with it, 10,000 in one call: the
 * key first and for good, so that no more can come. Asking again goes on where the last call stopped, and changes nothing
 * that is so already. Throws `not-found`, and `forbidden` where instances are asked for without `instances:delete`.
 */
export async function revokeRegistrationKey(
  context: Context,
  id: Id<"registrationKey">,
  instances: Fate,
): Promise<RevokedRegistrationKey> {
  const done = await mutate(context, "registration-keys:write", async (tx, entered) => {
    if (instances !== "keep" && !can(entered.permissions, "instances:delete")) throw new Problem("forbidden");
    const { revokedAt, changed } = await revoked(tx, id);
    const { ended, remaining } = instances === "keep" ? NONE : await endInstances(tx, id, instances);
    return {
      result: { revokedAt, ended, remaining, gateId: entered.gateId },
      audit: { action: "registration-key.revoked", subject: id, detail: { changed, instances, ended, remaining } },
    };
  });
  const { gateId, ...result } = done;
  return { ...result, effective: instances === "keep" || (await deliverOutbox(context.deps, gateId)) };
}

const NONE = { ended: 0, remaining: 0 };

/** The key's end, set once. It is locked first: a registration that is under way waits, and then finds it revoked. */
async function revoked(tx: Writer, id: Id<"registrationKey">): Promise<{ revokedAt: number; changed: boolean }> {
  const [key] = await tx
    .select({ revokedAt: registrationKeys.revokedAt })
    .from(registrationKeys)
    .where(eq(registrationKeys.id, id))
    .for("update");
  if (key === undefined) throw new Problem("not-found");
  if (key.revokedAt !== null) return { revokedAt: key.revokedAt, changed: false };
  const [now] = await tx
    .update(registrationKeys)
    // The database's clock: it is what `ebb.enter` compares with.
    .set({ revokedAt: sql`ebb.clock()` })
    .where(eq(registrationKeys.id, id))
    .returning({ revokedAt: registrationKeys.revokedAt });
  return { revokedAt: now?.revokedAt ?? 0, changed: true };
}

async function endInstances(
  tx: Writer,
  id: Id<"registrationKey">,
  fate: Exclude<Fate, "keep">,
): Promise<{ ended: number; remaining: number }> {
  const uuid = uuidFromId("registrationKey", id);
  const { rows } = await tx.execute<{ ended: number; remaining: number }>(
    sql`select * from ebb.end_instances_of_key(${uuid}::uuid, ${fate === "remove"}, ${AT_ONCE}::integer)`,
  );
  return { ended: Number(rows[0]?.ended ?? 0), remaining: Number(rows[0]?.remaining ?? 0) };
}

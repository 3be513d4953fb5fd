import { and, eq } from "drizzle-orm";
import type { Id } from "../core/id.ts";
import type { Precondition } from "../core/precondition.ts";
import { Problem } from "../core/problem.ts";
import { credentials } from "../db/schema.ts";
import { deliverOutbox } from "../gate/outbox.ts";
import { type Context, mutate } from "../verb.ts";
import { type ApiKey, KEY_COLUMNS } from "./list.ts";
import { type Restrictions, readRestrictions, refuseBeyond } from "./restrictions.ts";

/** What is left out stays. */
export type KeyChange = Partial<Restrictions & { name: string }>;

/**
 * Changes a live API key's name and narrows where and how often it is taken. Wider it becomes never: a stolen key that
 * may change keys would free itself, so for more another key is made. Throws `not-found`,
 * `conflict` for one that has ended, `invalid-field`, and what the precondition throws of the key as it was.
 */
export async function updateApiKey(
  context: Context,
  id: Id<"credential">,
  change: KeyChange,
  precondition?: Precondition<ApiKey>,
): Promise<{ key: ApiKey; effective: boolean }> {
  const { clock } = context.deps;
  const { key, gateId } = await mutate(context, "keys:write", async (tx, entered) => {
    const [former] = await tx
      .select(KEY_COLUMNS)
      .from(credentials)
      .where(and(eq(credentials.id, id), eq(credentials.kind, "api-key")))
      .for("update");
    if (former === undefined) throw new Problem("not-found");
    await precondition?.(former);
    if (former.revokedAt !== null || (former.validUntil ?? Number.POSITIVE_INFINITY) <= clock.now()) {
      throw new Problem("conflict");
    }
    const { name, ...restrictions } = { ...former, ...change };
    const narrowed = readRestrictions(restrictions);
    refuseBeyond(narrowed, former, "can only be narrowed: make another key for more");
    await tx
      .update(credentials)
      .set({ name, ...narrowed })
      .where(eq(credentials.id, id));
    const fields = Object.keys(change).toSorted().join(" ");
    return {
      result: { key: { ...former, name, ...narrowed }, gateId: entered.gateId },
      audit: { action: "key.changed", subject: id, detail: { fields } },
      post: [{ kind: "keys-changed" }],
    };
  });
  return { key, effective: await deliverOutbox(context.deps, gateId) };
}

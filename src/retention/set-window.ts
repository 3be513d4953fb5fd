import { sql } from "drizzle-orm";
import { type Id, newId, uuidFromId } from "../core/id.ts";
import { Problem } from "../core/problem.ts";
import { instantFromSql } from "../db/columns.ts";
import { type Context, mutate } from "../verb.ts";
import { variableClass } from "./variable-class.ts";

/**
 * Sets the window of the tenant entered for a class of data, in months, and returns from when on it holds: a shorter one
 * at once, for what is stored already too; a longer one in 30 days, for what is stored from then on. For the platform
 * owner alone, and tenants of the enterprise plan. Throws `forbidden`, `not-found`, `window-not-variable`,
 * `plan-not-sufficient`, and `invalid-field` out of the class's bounds.
 */
export async function setWindow(
  context: Context,
  className: string,
  months: number,
): Promise<{ tenantId: Id<"tenant">; effectiveAt: number }> {
  const { name, least, greatest } = variableClass(className);
  if (months < least || months > greatest) {
    const message = `must be from ${least} to ${greatest}`;
    throw new Problem("invalid-field", { errors: [{ path: "months", message }] });
  }
  return await mutate(context, "retention:write", async (tx, { tenantId }) => {
    const id = newId("retentionWindow", context.deps.clock.now());
    const { rows } = await tx.execute<{ effective_at: string }>(
      sql`select ebb.set_window(${uuidFromId("retentionWindow", id)}::uuid, ${name}, ${months}::integer) as effective_at`,
    );
    const effectiveAt = instantFromSql(rows[0]?.effective_at ?? "");
    return {
      result: { tenantId, effectiveAt },
      audit: { action: "window.set", subject: id, detail: { retention_class: name, months } },
    };
  });
}

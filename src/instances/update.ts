import { and, eq, isNull, sql } from "drizzle-orm";
import { type Id, uuidFromId } from "../core/id.ts";
import type { Precondition } from "../core/precondition.ts";
import { Problem } from "../core/problem.ts";
import { instances, workspaces } from "../db/schema.ts";
import { deliverOutbox } from "../gate/outbox.ts";
import { type AuditDraft, type Context, mutate } from "../verb.ts";
import { type Instance, instanceColumns } from "./list.ts";

/** What is left out stays. */
export interface InstanceChange {
  name?: string;
  workspaceId?: Id<"workspace">;
}

/**
 * Renames an instance, or moves it to another live workspace of its tenant. The access tokens of the people signed in on
 * it name the former workspace: theirs alone are refused from then on until they are refreshed. `effective` says whether
 * the gate has acknowledged that. Throws `not-found`, also for a workspace that is not there, and what the precondition
 * throws of the instance as it was.
 */
export async function updateInstance(
  context: Context,
  id: Id<"instance">,
  change: InstanceChange,
  precondition?: Precondition<Instance>,
): Promise<{ instance: Instance; effective: boolean }> {
  const { instance, gateId } = await mutate(context, "instances:write", async (tx, entered) => {
    const [former] = await tx
      .select(instanceColumns)
      .from(instances)
      .where(and(eq(instances.id, id), isNull(instances.removedAt)))
      .for("update");
    if (former === undefined) throw new Problem("not-found");
    await precondition?.(former);
    const { name = former.name, workspaceId = former.workspaceId } = change;
    const moves = workspaceId !== former.workspaceId;
    if (moves) {
      // As raising their generation, and removing one, takes them: of two at once one waits.
      await tx.execute(sql`select ebb.lock_members()`);
      const live = await tx
        .select({ id: workspaces.id })
        .from(workspaces)
        .where(and(eq(workspaces.id, workspaceId), isNull(workspaces.removedAt)));
      if (live.length === 0) throw new Problem("not-found");
    }
    await tx.update(instances).set({ name, workspaceId }).where(eq(instances.id, id));
    const detail: AuditDraft["detail"] = { renamed: name !== former.name };
    if (!moves) {
      return {
        result: { instance: { ...former, name }, gateId: entered.gateId },
        audit: { action: "instance.changed", subject: id, detail },
      };
    }
    const uuid = uuidFromId("instance", id);
    const { rows } = await tx.execute<{ people: number }>(sql`select ebb.instance_moved(${uuid}::uuid) as people`);
    return {
      result: { instance: { ...former, name, workspaceId }, gateId: entered.gateId },
      audit: {
        action: "instance.moved",
        subject: id,
        detail: { ...detail, from: former.workspaceId, to: workspaceId, people: Number(rows[0]?.people ?? 0) },
      },
    };
  });
  return { instance, effective: await deliverOutbox(context.deps, gateId) };
}

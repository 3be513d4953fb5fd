import { eq } from "drizzle-orm";
import type { Id } from "../core/id.ts";
import { Problem } from "../core/problem.ts";
import type { Entered } from "../db/app-database.ts";
import { instances } from "../db/schema.ts";
import { callGate, gateUnavailable } from "../gate/call.ts";
import { type InspectedPolicy, type Inspection, PROTOCOL, type Refusal } from "../gate/protocol.ts";
import { policyNamed } from "../limits/plans.ts";
import { type Subjects, UPSTREAM } from "../limits/policy.ts";
import { type Context, enter } from "../verb.ts";

export interface TenantLimits extends Inspection {
  /** The tenant itself asks: what lies above it is left out. */
  own: boolean;
}

/**
 * The limits that hold for the tenant entered, how full they are now, and what they lately refused, as its gate knows it.
 * What the tenant above allots is shown to those above alone. Throws `unavailable` when the gate does not answer.
 */
export async function inspectLimits(context: Context, subjects: Subjects): Promise<TenantLimits> {
  const { gateId, actorTenantId, tenantId } = await tenantWith(
    context,
    subjects.instance as Id<"instance"> | undefined,
  );
  const inspection = await callGate(context.deps, gateId, (gate) =>
    gate.inspect({ v: PROTOCOL, gateId, subjects }),
  ).catch((error: unknown) => {
    throw gateUnavailable(context.deps, error);
  });
  const own = actorTenantId === tenantId;
  if (!own) return { ...inspection, own };
  return {
    ...inspection,
    own,
    policies: inspection.policies.filter(isOwn),
    refusals: inspection.refusals.map(withoutAbove),
  };
}

/** The tenant, and that the instance asked about is one of its own. */
async function tenantWith(context: Context, instance: Id<"instance"> | undefined): Promise<Entered> {
  const { entered, results } = await enter(context, "limits:read", (db) =>
    instance === undefined ? [] : [db.select({ id: instances.id }).from(instances).where(eq(instances.id, instance))],
  );
  if (results.some((found) => found.length === 0)) throw new Problem("not-found");
  return entered;
}

function isOwn({ source }: InspectedPolicy): boolean {
  return source !== "allotment";
}

function withoutAbove(refusal: Refusal): Refusal {
  const violated = new Set(refusal.violated.map((name) => (policyNamed(name) === null ? UPSTREAM : name)));
  const states = refusal.states.filter(({ name }) => policyNamed(name) !== null);
  return { ...refusal, violated: [...violated], states };
}

import { eq } from "drizzle-orm";
import type { Id } from "../core/id.ts";
import { Problem } from "../core/problem.ts";
import type { Entered } from "../db/app-database.ts";
import { instances } from "../db/schema.ts";
import { callGate, gateUnavailable } from "../gate/call.ts";
import { type InspectedPolicy, type Inspection, PROTOCOL, type Refusal } from "../gate/protocol.ts";
import { policyNamed } from "../limits/plans.ts";
import { type Subjects, UPSTREAM } from "../limits/policy.ts";
import { KEY_CALLS } from "../limits/settings.ts";
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
  const { gateId, actorGateId, actorKind, actorId, actorTenantId, tenantId } = await tenantWith(
    context,
    subjects.instance as Id<"instance"> | undefined,
  );
  // Who asks is counted at the gate of its own tenant alone.
  const { key, ...others } = subjects;
  const caller = { ...(key !== undefined && { key }), ...(actorKind === "person" && { person: actorId }) };
  const asked = gateId === actorGateId ? { ...others, ...caller } : others;
  const inspection = await callGate(context.deps, gateId, (gate) =>
    gate.inspect({ v: PROTOCOL, gateId, subjects: asked }),
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
  const violated = new Set(refusal.violated.map((name) => (isTenants(name) ? name : UPSTREAM)));
  const states = refusal.states.filter(({ name }) => isTenants(name));
  return { ...refusal, violated: [...violated], states };
}

/** A policy of the plan's, or a key's own. */
function isTenants(name: string): boolean {
  return policyNamed(name) !== null || name === KEY_CALLS;
}

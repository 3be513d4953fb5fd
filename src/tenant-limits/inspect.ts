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
  const { gateId, actorTenantId, tenantId } = await enter(context, "limits:read");
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

function isOwn({ source }: InspectedPolicy): boolean {
  return source !== "allotment";
}

function withoutAbove(refusal: Refusal): Refusal {
  const violated = new Set(refusal.violated.map((name) => (policyNamed(name) === null ? UPSTREAM : name)));
  return { ...refusal, violated: [...violated] };
}

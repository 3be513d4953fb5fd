import type { TenantMessage } from "../core/gate-message.ts";
import { parseId } from "../core/id.ts";
import { GATE_ID } from "../core/region.ts";
import { limitProblem, PLANS, policyNamed } from "../limits/plans.ts";

const STATUSES = ["active", "suspended", "closed"] as const;
/** A tenant has at most two above it. */
const MOST_ANCESTORS = 2;

/**
 * A message about a tenant, checked before anything of it is written down: a gate reads it again at every waking. Limits
 * of policies that this version does not know are left out. Null when it is not one that this version can apply.
 */
export function readTenantMessage(message: TenantMessage): Required<TenantMessage> | null {
  const { tenantId, status, plan, overrides = {}, allotments = {}, ancestors = [] } = message;
  if (typeof tenantId !== "string" || parseId("tenant", tenantId) === null) return null;
  if (!STATUSES.includes(status) || !PLANS.includes(plan)) return null;
  if (!isRecord(overrides) || !isRecord(allotments)) return null;
  if (!Array.isArray(ancestors) || ancestors.length > MOST_ANCESTORS) return null;
  if (!ancestors.every((gateId) => typeof gateId === "string" && GATE_ID.test(gateId))) return null;
  const limits = { overrides: readLimits(overrides), allotments: readLimits(allotments) };
  if (limits.overrides === null || limits.allotments === null) return null;
  const { overrides: set, allotments: allotted } = limits;
  return { kind: "tenant", tenantId, status, plan, overrides: set, allotments: allotted, ancestors: [...ancestors] };
}

/** Limits by policy name; null when one of them is no limit. */
export function readLimits(limits: Readonly<Record<string, unknown>>): Record<string, number> | null {
  const known: [string, number][] = [];
  for (const [name, limit] of Object.entries(limits)) {
    const policy = policyNamed(name);
    if (policy === null) continue;
    if (typeof limit !== "number" || limitProblem(policy, limit) !== null) return null;
    known.push([name, limit]);
  }
  return Object.fromEntries(known);
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

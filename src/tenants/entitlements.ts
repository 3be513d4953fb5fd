import type { Plan } from "../limits/plans.ts";

/**
 * What a plan includes, beyond what every plan does, by the names that instances read: `assistant`, credits for it
 * (`assistant-credits` of src/limits/plans.json); `own-retention`, windows of its own for tool-execution logs
 * (src/privacy/schedule.ts).
 */
const ENTITLEMENTS = {
  free: [],
  team: ["assistant"],
  enterprise: ["assistant", "own-retention"],
} as const satisfies Record<Plan, readonly string[]>;

export type Entitlement = (typeof ENTITLEMENTS)[Plan][number];

export function entitlementsOf(plan: Plan): readonly Entitlement[] {
  return ENTITLEMENTS[plan];
}

import type { Application } from "../../limits/limiter.ts";
import type { Policy } from "../../limits/policy.ts";

/** All these policies at once, for one caller of one tenant: what our limiter is asked. */
export function applicationsOf(policies: readonly Policy[]): Application[] {
  return policies.map((policy) => ({ policy, subject: policy.scope === "tenant" ? "" : "caller" }));
}

import type { Call, Option } from "./command.ts";
import { TENANTS, type TenantChoice } from "./configuration.ts";
import { UsageFailure } from "./failure.ts";

/** `--tenant`, for commands that work on the keys of a tenant. */
export const TENANT_OPTION: Option = {
  type: "string",
  value: TENANTS.join("|"),
  what: "the tenant of which key in local.json (direct when left out)",
};

/** Whose key asks. Throws a UsageFailure where both --tenant and EBB_API_KEY say so. */
export function chosenTenant({ options, configuration }: Pick<Call, "options" | "configuration">): TenantChoice {
  const tenant = options.choice("tenant", TENANTS);
  if (tenant !== null && configuration.env["EBB_API_KEY"]) {
    throw new UsageFailure("--tenant chooses between the keys of local.json, but EBB_API_KEY is set: leave one out.");
  }
  return tenant ?? "direct";
}

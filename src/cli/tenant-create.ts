import { REGIONS } from "../core/region.ts";
import { PLANS } from "../limits/plans.ts";
import { Api } from "./api.ts";
import type { Command } from "./command.ts";
import { seededTenant, tenantOption } from "./limits-tenant.ts";
import { Tenant } from "./tenant-text.ts";
import { printable } from "./terminal.ts";

const KINDS = ["reseller", "direct", "client"] as const;

export const tenantCreateCommand: Command = {
  name: "tenant create",
  summary: "make a reseller, a direct customer or a client",
  notes: [
    "It lies below the tenant of the key that asks, or below the one that --tenant names. A reseller's client has at most the reseller's plan.",
  ],
  options: {
    name: { type: "string", value: "text", required: true, what: "what it is called" },
    kind: { type: "string", value: KINDS.join("|"), required: true, what: "what it is" },
    plan: { type: "string", value: PLANS.join("|"), what: "free when left out" },
    region: { type: "string", value: REGIONS.join("|"), what: "where its gate lives, for good (any when left out)" },
    owner: { type: "string", value: "e-mail", what: "whom to invite as its first owner" },
    tenant: tenantOption("the key's own"),
  },
  example: 'tenant create --kind reseller --name "Northwind" --plan team',
  run: async (call) => {
    const { options, configuration, style } = call;
    const parent = seededTenant(call);
    const tenant = await new Api(configuration, "operator").post(
      `/api/v1/tenants${parent === null ? "" : `?tenant_id=${parent}`}`,
      {
        name: options.text("name"),
        kind: options.choice("kind", KINDS),
        plan: options.choice("plan", PLANS) ?? "free",
        region: options.choice("region", REGIONS) ?? "any",
        owner_email: options.text("owner"),
      },
      Tenant,
      { conflict: "No tenant of this kind can lie there" },
    );
    return {
      json: tenant,
      text: [
        `Made the ${tenant.kind} ${style.strong(printable(tenant.name))}: ${tenant.id}.`,
        options.text("owner") === null
          ? "Nobody belongs to it yet: invite its owner."
          : "Its first owner is invited by mail.",
      ],
    };
  },
};

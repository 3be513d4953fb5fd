import * as z from "zod";
import { POLICIES, policyNamed } from "../limits/plans.ts";
import { LARGEST_LIMIT } from "../limits/policy.ts";
import { isDivisible } from "../limits/settings.ts";
import type { Command, Options } from "./command.ts";
import { UsageFailure } from "./failure.ts";
import { type Limit, Limits, limitsTable } from "./limits-show.ts";
import { type Target, tenantOption, tenantToChange, unseen } from "./limits-tenant.ts";
import { countsText, tenantText, windowText } from "./limits-text.ts";
import { formatCount } from "./table.ts";
import { PLAIN, type Style } from "./terminal.ts";

const Setting = z.looseObject({
  tenant_id: z.string(),
  policy: z.string(),
  limit: z.number().nullable(),
  /** Whether the tenant's gate has acknowledged it. */
  effective: z.boolean(),
});
type Setting = z.infer<typeof Setting>;

export const limitsSetCommand: Command = {
  name: "limits set",
  summary: "set a tenant's own limit, or with --allot what its reseller allots to it",
  notes: [
    "An override takes the place of the plan's limit. It is for the platform owner's key alone.",
    "An allotment is what a reseller gives a client out of its own limit of the whole tenant. It is for keys of the reseller and of the platform owner; the client does not learn of it. Of its own limit and the allotment the smaller one decides. The clients together cannot have more than the reseller.",
    "The key needs the permission limits:write. Locally it is the platform owner's.",
  ],
  argument: { name: "policy", what: "which policy, as limits show names it" },
  options: {
    limit: { type: "string", value: "N", what: "at most so many in its window; 0 closes what it counts" },
    default: { type: "boolean", what: "take back what was set: the plan's limit holds, or nothing is allotted" },
    allot: { type: "boolean", what: "what the reseller allots to its client, in place of an override" },
    tenant: tenantOption("locally direct, with --allot client"),
  },
  example: "limits set alive-tenant --limit 500 --allot",
  run: async (call) => {
    const { argument, options, style } = call;
    const allot = options.flag("allot");
    const policy = settable(argument, allot);
    const limit = limitOf(options);
    const target = tenantToChange(call, allot ? "client" : "direct");
    const path = `/api/v1/tenants/${target.id}/${allot ? "allotments" : "limits"}/${policy}`;
    const means = allot
      ? {
          "not-found": `${target.id} is no client of a reseller that this key may see`,
          forbidden:
            "This key may not allot: that takes limits:write, and a key of the reseller or of the platform owner",
        }
      : {
          ...unseen(target.id),
          forbidden: "This key may not set an override: that takes limits:write, and a key of the platform owner",
        };
    const setting =
      limit === null
        ? await target.api.delete(path, Setting, means)
        : await target.api.put(path, { limit }, Setting, means);
    const [name, limits] = await Promise.all([target.name(), setting.effective ? holding(target, policy) : null]);
    return { json: { ...setting, limits }, text: settingText({ setting, allot, name, limits }, style) };
  },
};

function settable(name: string | null, allot: boolean): string {
  if (name === null)
    throw new UsageFailure("limits set takes the name of a policy: npm run ebb -- limits show has them.");
  if (policyNamed(name) === null) {
    throw new UsageFailure(`There is no policy “${name}”: npm run ebb -- limits show has their names.`);
  }
  if (allot && !isDivisible(name)) {
    const names = POLICIES.filter((policy) => isDivisible(policy.name)).map((policy) => policy.name);
    throw new UsageFailure(`--allot divides what counts for the whole tenant: ${names.join(", ")}.`);
  }
  return name;
}

function limitOf(options: Options): number | null {
  const text = options.text("limit");
  if ((text !== null) === options.flag("default")) {
    throw new UsageFailure("limits set takes either --limit N or --default.");
  }
  if (text === null) return null;
  const limit = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (limit <= LARGEST_LIMIT) return limit;
  throw new UsageFailure(`--limit is a whole number from 0 to ${LARGEST_LIMIT}.`);
}

/** What holds now of a policy. Null where the key may set limits and not read them: what was set is set all the same. */
async function holding({ api, id }: Target, policy: string): Promise<Limit[] | null> {
  const limits = await api.get(`/api/v1/tenants/${id}/limits`, Limits).catch(() => null);
  return limits?.data.filter((row) => row.policy === policy || row.policy === `allotted-${policy}`) ?? null;
}

interface Made {
  setting: Setting;
  allot: boolean;
  name: string | null;
  limits: readonly Limit[] | null;
}

export function settingText({ setting, allot, name, limits }: Made, style: Style = PLAIN): string[] {
  const { policy, limit, effective } = setting;
  const tenant = tenantText({ id: setting.tenant_id, name });
  const whose = allot ? `What is allotted to ${tenant}` : `The limit of ${tenant}`;
  return [
    `${whose} for ${policy} ${outcome(setting, allot)}${limit === 0 ? ": closed." : "."}`,
    ...(effective
      ? ["It holds from the next call on."]
      : [style.bad("Its gate has not acknowledged it yet: until then what held before holds. limits show tells.")]),
    ...(limits === null || limits.length === 0 ? [] : ["", ...limitsTable(limits, style)]),
  ];
}

function outcome({ policy, limit }: Setting, allot: boolean): string {
  if (limit === null) return allot ? "is taken back: its own limit decides" : "is its plan's again";
  const known = policyNamed(policy);
  const counts = known === null ? "" : ` ${countsText(known.unit, known.scope)}`;
  const within = known === null ? "" : known.windowS === "month" ? " a month" : ` in ${windowText(known.windowS)}`;
  return `is set to ${formatCount(limit)}${counts}${within}`;
}

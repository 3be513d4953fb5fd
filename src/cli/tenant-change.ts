import * as z from "zod";
import { PLANS } from "../limits/plans.ts";
import type { Call, Command, Option } from "./command.ts";
import { UsageFailure } from "./failure.ts";
import { NEEDED_TENANT, seededTenant, type Target, tenantToChange, unseen } from "./limits-tenant.ts";
import { counted } from "./table.ts";

const Changed = z.looseObject({ id: z.string(), effective: z.boolean() });
const Renamed = z.looseObject({ id: z.string(), name: z.string() });
const LATER = "Its gate has not acknowledged it yet: that is tried again.";

interface Change {
  name: string;
  summary: string;
  notes?: readonly string[];
  options?: Readonly<Record<string, Option>>;
  example: string;
  /** Changes the tenant and says in one sentence what was done. */
  change: (call: Call, target: Target) => Promise<{ json: unknown; done: string; effective?: boolean }>;
}

/** A change of one tenant, named by --tenant, by a key from above it or its own. */
function changing({ change, options = {}, ...command }: Change): Command {
  return {
    ...command,
    options: { tenant: NEEDED_TENANT, ...options },
    run: async (call) => {
      const target = tenantToChange(call, "client", command.name);
      const { json, done, effective = true } = await change(call, target);
      return { json, text: effective ? [done] : [done, LATER] };
    },
  };
}

function act(name: string, done: (id: string) => string): Change["change"] {
  return async (_call, { api, id }) => {
    const changed = await api.post(`/api/v1/tenants/${id}/${name}`, undefined, Changed, {
      ...unseen(id),
      forbidden: "That is done from above the tenant",
      conflict: "The account is closed, or lies below one that is",
    });
    return { json: changed, done: done(id), effective: changed.effective };
  };
}

/** `tenant rename`, `suspend`, `resume`, `move`, `plan`, `close` and `reopen`. */
export const TENANT_CHANGE_COMMANDS: readonly Command[] = [
  changing({
    name: "tenant rename",
    summary: "rename a tenant",
    options: { name: { type: "string", value: "text", required: true, what: "what it is called from now on" } },
    example: 'tenant rename --tenant client --name "Globex Ltd"',
    change: async ({ options }, { api, id }) => {
      const name = options.text("name");
      const renamed = await api.patch(`/api/v1/tenants/${id}`, { name }, Renamed, unseen(id));
      return { json: renamed, done: `${id} is called ${renamed.name} now.` };
    },
  }),
  changing({
    name: "tenant suspend",
    summary: "suspend a tenant and all below it",
    notes: ["Pings are answered and not recorded; everything else is refused. Only from above."],
    example: "tenant suspend --tenant client",
    change: act("suspend", (id) => `${id} is suspended, with all below it.`),
  }),
  changing({
    name: "tenant resume",
    summary: "resume a suspended tenant",
    example: "tenant resume --tenant client",
    change: act("resume", (id) => `${id} goes on.`),
  }),
  changing({
    name: "tenant move",
    summary: "move a client to another reseller, or make it a direct customer",
    notes: ["For the platform owner. What the former reseller allotted and the keys that it made there end."],
    options: {
      to: { type: "string", value: "tenant", required: true, what: "the reseller, or the platform itself" },
    },
    example: "tenant move --tenant client --to operator",
    change: async (call, { api, id }) => {
      const parent = seededTenant(call, "to");
      const moved = await api.post(`/api/v1/tenants/${id}/move`, { parent_id: parent }, Changed, {
        ...unseen(id),
        forbidden: "Only the platform owner moves tenants",
        conflict: "It cannot lie there",
      });
      return { json: moved, done: `${id} lies below ${parent} now.`, effective: moved.effective };
    },
  }),
  changing({
    name: "tenant plan",
    summary: "put a tenant on a plan, or end its subscription",
    notes: ["Only from above. With --end what it has is kept for 30 or 90 days from now."],
    options: {
      plan: { type: "string", value: PLANS.join("|"), what: "the plan from now on" },
      seats: { type: "string", value: "number", what: "how many people may hold a seat; any number when left out" },
      end: { type: "boolean", what: "end the subscription" },
    },
    example: "tenant plan --tenant client --plan team",
    change: async ({ options }, { api, id }) => {
      const plan = options.choice("plan", PLANS);
      if ((plan === null) !== options.flag("end")) throw new UsageFailure("tenant plan needs one of --plan and --end.");
      const seats = options.count("seats", 1_000_000);
      if (plan === null && seats !== null) throw new UsageFailure("--seats goes with --plan.");
      const path = `/api/v1/tenants/${id}/subscription`;
      const meanings = {
        ...unseen(id),
        forbidden: "Plans are changed from above the tenant",
        "plan-not-sufficient": "A reseller's client has at most the reseller's plan",
        "no-seat-left": "More seats than that are taken, by members and by open invitations",
        conflict: "One of its clients has a better plan, or the account is closed",
      };
      const changed = await (plan === null
        ? api.delete(path, Changed, meanings)
        : api.put(path, seats === null ? { plan } : { plan, seats }, Changed, meanings));
      const withSeats = seats === null ? "" : ` with ${counted(seats, "seat")}`;
      const done = plan === null ? `The subscription of ${id} has ended.` : `${id} is on the plan ${plan}${withSeats}.`;
      return { json: changed, done, effective: changed.effective };
    },
  }),
  changing({
    name: "tenant close",
    summary: "close an account, with all below it",
    notes: [
      "After 30 days everything of it is deleted but what the law keeps; until then tenant reopen takes it back.",
    ],
    example: "tenant close --tenant client",
    change: act("close", (id) => `${id} is closed. Until 30 days have passed, tenant reopen takes that back.`),
  }),
  changing({
    name: "tenant reopen",
    summary: "take the closing of an account back, within 30 days",
    example: "tenant reopen --tenant client",
    change: act("reopen", (id) => `${id} is open again.`),
  }),
];

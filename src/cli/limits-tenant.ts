import * as z from "zod";
import { parseId } from "../core/id.ts";
import { Api } from "./api.ts";
import type { Call, Option } from "./command.ts";
import type { Configuration } from "./configuration.ts";
import { CommandFailure, UsageFailure } from "./failure.ts";

/** The tenants that npm run dev has seeded, and what local.json calls them. */
const SEEDED = { operator: "platform", direct: "direct", reseller: "reseller", client: "client" } as const;
type Seeded = keyof typeof SEEDED;
const WORDS = Object.keys(SEEDED) as Seeded[];

const TENANT = {
  type: "string",
  value: "tenant",
  what: `an id as tenant list shows it, or what npm run dev has seeded: ${WORDS.join(", ")}`,
} as const;

/** `--tenant`, for commands that look at a tenant from itself or from above. */
export function tenantOption(whenLeftOut: string): Option {
  return { ...TENANT, what: `${TENANT.what} (${whenLeftOut} when left out)` };
}

/** `--tenant`, for commands that change a tenant which must be named. */
export const NEEDED_TENANT: Option = { ...TENANT, required: true };

/** The tenant that a command is about, and the API as the key that asks about it sees it. */
export interface Target {
  api: Api;
  id: string;
  /** Null where the key may not list tenants, or there are too many to look through for a heading. */
  name(): Promise<string | null>;
}

/** What a 404 means under a tenant's path. */
export function unseen(id: string) {
  return { "not-found": `${id} is no tenant that this key may see` };
}

/** To look at: the key's own tenant unless --tenant names another. Locally the direct one, by its own key. */
export async function tenantToLookAt(call: Pick<Call, "options" | "configuration">): Promise<Target> {
  const { api, id } = tenantNamed(call);
  return id === null ? await ownTenant(api) : target(api, id);
}

/** To change, by a key of a tenant above it: nothing but --tenant says which, unless it is a seeded one. */
export function tenantToChange(
  call: Pick<Call, "options" | "configuration">,
  whenLeftOut: Seeded,
  command = "limits set",
): Target {
  const { configuration } = call;
  const wanted = named(call);
  if (wanted === null && hasOwnKey(configuration)) {
    throw new UsageFailure(`${command} needs --tenant tnt_…: npm run ebb -- tenant list shows the ids.`);
  }
  const api = new Api(configuration, "operator");
  return target(api, idOf(configuration, wanted ?? whenLeftOut));
}

/** To look at, where the API knows whose key asks: the id is null unless --tenant names one. */
export function tenantNamed(call: Pick<Call, "options" | "configuration">): { api: Api; id: string | null } {
  const wanted = named(call);
  if (wanted === null) return { api: new Api(call.configuration, "direct"), id: null };
  const isDirect = wanted === "direct" || wanted === seeded(call.configuration, "direct");
  return { api: new Api(call.configuration, isDirect ? "direct" : "operator"), id: idOf(call.configuration, wanted) };
}

/** What --tenant, or another option, names for a command of the platform owner's: an id, or null. */
export function seededTenant(call: Pick<Call, "options" | "configuration">, option = "tenant"): string | null {
  const wanted = named(call, option);
  return wanted === null ? null : idOf(call.configuration, wanted);
}

/** Its name, where the key may list tenants and there are not too many to look through for a heading. */
export function nameOf(api: Api, id: string): Promise<string | null> {
  return target(api, id).name();
}

function named({ options, configuration }: Pick<Call, "options" | "configuration">, option = "tenant"): string | null {
  const wanted = options.text(option);
  if (wanted === null || parseId("tenant", wanted) !== null) return wanted;
  const word = WORDS.find((candidate) => candidate === wanted);
  if (word === undefined) {
    throw new UsageFailure(`--${option} is the id of a tenant, such as tnt_01J…, or one of ${WORDS.join(", ")}.`);
  }
  if (!hasOwnKey(configuration)) return word;
  throw new UsageFailure(`--${option} ${word} is a tenant of local.json, but EBB_API_KEY is set: name an id.`);
}

function hasOwnKey({ env }: Configuration): boolean {
  return Boolean(env["EBB_API_KEY"]?.trim());
}

function seeded({ local }: Configuration, word: Seeded): string | null {
  const tenants = z.record(z.string(), z.string()).safeParse(local?.["tenants"]);
  return tenants.data?.[SEEDED[word]] ?? null;
}

function idOf(configuration: Configuration, wanted: string): string {
  const word = WORDS.find((candidate) => candidate === wanted);
  if (word === undefined) return wanted;
  const id = seeded(configuration, word);
  if (id !== null) return id;
  throw new CommandFailure(
    `${configuration.localJson} names no ${word} tenant: give --tenant an id, as npm run ebb -- tenant list shows it.`,
  );
}

const Tenant = z.object({ id: z.string(), parent_id: z.string().nullable(), name: z.string() });
/** Enough to find a name in without looking through a whole platform. */
const FirstTenants = z.object({ data: z.array(Tenant) });

function target(api: Api, id: string): Target {
  const name = async () => {
    const { data } = await api.get("/api/v1/tenants?limit=200", FirstTenants).catch(() => ({ data: [] }));
    return data.find((tenant) => tenant.id === id)?.name ?? null;
  };
  return { api, id, name };
}

/** The one whose parent the key does not see. */
async function ownTenant(api: Api): Promise<Target> {
  const forbidden = "This key may not list tenants: give --tenant an id";
  const tenants = await api.all("/api/v1/tenants", Tenant, { forbidden });
  const ids = new Set(tenants.map(({ id }) => id));
  const own = tenants.find(({ parent_id }) => parent_id === null || !ids.has(parent_id));
  if (own === undefined) throw new CommandFailure("The key sees no tenant: give --tenant an id.");
  return { api, id: own.id, name: () => Promise.resolve(own.name) };
}

import { sql } from "drizzle-orm";
import type * as z from "zod";
import { mintRoutingId } from "../access/routing-id.ts";
import { hashSecret, newSecret } from "../access/secret.ts";
import { csrfToken, SESSION_COOKIE } from "../access/session-cookie.ts";
import { DAY_MS } from "../core/clock.ts";
import { ID_PREFIXES, type Id, type IdKind, idFromUuid, newId, uuidFromId } from "../core/id.ts";
import { PERMISSIONS, type Role } from "../core/permission.ts";
import { httpSql } from "../db/connect.ts";
import { credentials, memberships, people, sessions } from "../db/schema.ts";
import { PROTOCOL } from "../gate/protocol.ts";
import type { RouteDefinition } from "../http/route.ts";
import { gateOf, ORIGIN, signFor } from "./instance.ts";
import { rowMaker } from "./rows.ts";
import { databaseUrls, owner, ownerRows, type TestTenant, testRoutingKeys, testTenant } from "./world.ts";

/** What an id names in a path, a query or a body, and the table in which every tenant of the world has one. */
const TABLES: Partial<Record<IdKind, string>> = {
  instance: "instances",
  credential: "credentials",
  registrationKey: "registration_keys",
  person: "people",
  membership: "memberships",
  invitation: "invitations",
  identityProvider: "identity_providers",
  legalHold: "legal_holds",
  authenticationEvent: "authentication_events",
  audit: "audit_entries",
  brand: "brands",
  subscription: "subscriptions",
  workspace: "workspaces",
  purgeReceipt: "purge_receipts",
  session: "sessions",
  tokenFamily: "token_families",
  voucher: "vouchers",
};
/** Path parameters that are no ids. */
const WORDS: Record<string, string> = { policy: "alive-tenant", retention_class: "tool-execution-logs" };

/** `own` is a reseller, `child` its client, `moved` was; `parent` is the platform, `unknown` never was. */
export const PLACES = ["own", "child", "sibling", "parent", "moved", "unknown"] as const;
/** Besides, the own tenants of two callers who are refused everything. */
export type Place = (typeof PLACES)[number] | "suspended" | "closed";
export type Home = "own" | "child" | "parent" | "suspended" | "closed";

export interface Caller {
  name: string;
  home: Home;
  /** Null: a credential of full permissions that is nobody's in particular. */
  role: Role | null;
  /** Where it is tried: its own tenant, and what is below, beside and above it. */
  places: readonly Place[];
  /** Whether it is tried without a reason too, below the platform. */
  withoutReason?: true;
  /** The refusal that meets whatever it asks. */
  always?: { status: number; problem: string };
  headers(method: string): Promise<Record<string, string>>;
}

export interface IsolationWorld {
  tenants: Record<Exclude<Place, "unknown">, TestTenant>;
  callers: Caller[];
  /** The id of a place's own row for a kind, one that every place has. */
  idOf(place: Place, kind: IdKind, parameter: string): string;
  /** A path's parameters with what belongs to this place. */
  fill(route: RouteDefinition, place: Place, ids?: Readonly<Record<string, string>>): string;
  /** What only this place's answers may hold: its ids and its name. */
  marksOf(place: Place): string[];
}

const bearer = (secret: string): Caller["headers"] => {
  return () => Promise.resolve({ authorization: `Bearer ${secret}` });
};

/** Kinds of id that a field takes and nothing else: what makes it a position of an id. */
export function idKindOf(schema: z.ZodType): IdKind | undefined {
  if (schema.safeParse("no id of any kind").success) return undefined;
  const kinds = Object.keys(ID_PREFIXES) as IdKind[];
  return kinds.find((kind) => schema.safeParse(newId(kind, 0)).success);
}

export async function isolationWorld(): Promise<IsolationWorld> {
  const parent = await testTenant({ kind: "platform", name: "mark-parent" });
  const reseller = (name: string) => testTenant({ kind: "reseller", parent, name: `mark-${name}` });
  const [own, sibling, suspended, closed] = [
    await reseller("own"),
    await reseller("sibling"),
    await reseller("suspended"),
    await reseller("closed"),
  ];
  const child = await testTenant({ kind: "client", parent: own, name: "mark-child" });
  const moved = await testTenant({ kind: "client", parent: own, name: "mark-moved" });
  const tenants = { own, child, sibling, parent, moved, suspended, closed };
  await makeMove(moved, sibling);
  const ids = new Map<string, string>();
  for (const [place, tenant] of Object.entries(tenants)) {
    await relax(tenant);
    await addRows(place, tenant, ids);
  }
  const callers = await makeCallers(tenants);
  await owner(async (db) => {
    await db.execute(sql`update tenants set status = 'suspended' where id = ${uuidFromId("tenant", suspended.id)}`);
    await db.execute(sql`update tenants set closed_at = now() where id = ${uuidFromId("tenant", closed.id)}`);
  });
  const never = new Map<IdKind, string>();
  const idOf: IsolationWorld["idOf"] = (place, kind, parameter) => {
    if (place === "unknown") {
      const id = never.get(kind) ?? newId(kind, Date.now());
      never.set(kind, id);
      return id;
    }
    if (kind === "tenant") return tenants[place].id;
    const id = ids.get(`${place} ${parameter}`) ?? ids.get(`${place} ${kind}`);
    if (id === undefined) throw new TypeError(`src/testing/isolation-world.ts knows no row for ${parameter} (${kind})`);
    return id;
  };
  return {
    tenants,
    callers,
    idOf,
    fill: (route, place, given = {}) =>
      route.path.replaceAll(/\{([^}]+)\}/g, (_, name: string) => {
        const id = given[name] ?? WORDS[name];
        if (id !== undefined) return id;
        const kind = idKindOf(route.params?.shape[name] as z.ZodType);
        if (kind === undefined) throw new TypeError(`src/testing/isolation-world.ts has no word for ${name}`);
        return idOf(place, kind, name);
      }),
    marksOf: (place) =>
      place === "unknown"
        ? []
        : [
            `mark-${place}`,
            tenants[place].id,
            // Receipts are of nobody's data, and everybody's to read.
            ...[...ids].flatMap(([key, id]) => (key.startsWith(`${place} `) && !id.startsWith("prc_") ? [id] : [])),
          ],
  };
}

/** Under another reseller since, as `ebb.move_tenant` leaves it. */
async function makeMove(moved: TestTenant, to: TestTenant): Promise<void> {
  const path = [...to.path, moved.id].map((id) => uuidFromId("tenant", id));
  await ownerRows(
    sql`update tenants set parent_id = ${uuidFromId("tenant", to.id)}, path = ${`{${path.join(",")}}`}::uuid[]
         where id = ${uuidFromId("tenant", moved.id)}`,
  );
}

/** Thousands of requests: the limits have tests of their own. */
async function relax({ id: tenantId, gateId }: TestTenant): Promise<void> {
  const overrides = { "account-key": 100_000, "account-person": 100_000, "account-tenant": 100_000 };
  const message = { kind: "tenant", tenantId, status: "active", plan: "enterprise", overrides } as const;
  await gateOf({ gateId }).deliver({ v: PROTOCOL, gateId, messages: [{ id: 1_000_000, message }] });
}

/** A live row of each table for this tenant, whose name says whose it is. */
async function addRows(place: string, tenant: TestTenant, ids: Map<string, string>): Promise<void> {
  const urls = databaseUrls();
  const uuid = uuidFromId("tenant", tenant.id);
  const make = await rowMaker({ as: () => httpSql(urls.owner) }, uuid);
  const add = async (parameter: string, kind: IdKind, values: Record<string, unknown> = {}) => {
    const id = crypto.randomUUID();
    const at = ["authenticationEvent", "audit", "purgeReceipt", "session", "tokenFamily"].includes(kind)
      ? new Date().toISOString()
      : null;
    await make.add(TABLES[kind] as string, at, { id, ...values });
    ids.set(`${place} ${parameter}`, idFromUuid(kind, id));
  };
  const name = `mark-${place}`;
  await add("person", "person", { email: `${name}@example.test`, name });
  const person = uuidFromId("person", ids.get(`${place} person`) as Id<"person">);
  await add("session", "session", { person_id: person });
  await add("membership", "membership", { person_id: person, role: "member" });
  await add("instance", "instance", { name });
  const instance = uuidFromId("instance", ids.get(`${place} instance`) as Id<"instance">);
  await add("tokenFamily", "tokenFamily", { person_id: person, instance_id: instance });
  await add("credential", "credential", { kind: "api-key", name });
  await add("token_id", "credential", { kind: "personal-access-token", name, person_id: person });
  await add("registrationKey", "registrationKey", { name });
  await add("invitation", "invitation", {
    email: `${name}@example.test`,
    role: "member",
    valid_until: new Date(Date.now() + DAY_MS).toISOString(),
  });
  await add("voucher", "voucher", { name, plan: "team", valid_until: new Date(Date.now() + DAY_MS).toISOString() });
  await add("identityProvider", "identityProvider", { name, issuer: `https://${name}.example` });
  await add("brand", "brand", { name });
  await add("legalHold", "legalHold", { tenant_id: uuid, subject_kind: "person", reason: name });
  await add("authenticationEvent", "authenticationEvent", { event: "sign-in" });
  await add("audit", "audit", { subject: name, detail: "{}" });
  await add("purgeReceipt", "purgeReceipt", { receipt: "{}" });
  const [workspace] = await ownerRows<{ id: string }>(sql`select id from workspaces where tenant_id = ${uuid} limit 1`);
  ids.set(`${place} workspace`, idFromUuid("workspace", workspace?.id ?? ""));
}

async function makeCallers(tenants: IsolationWorld["tenants"]): Promise<Caller[]> {
  const { own, child, parent, suspended, closed } = tenants;
  const [ownOwner, ownAdmin, ownMember, operator, platformOwner, platformMember] = [
    await person("own", own, "owner"),
    await person("own", own, "admin"),
    await person("own", own, "member"),
    await person("parent", parent, "operator"),
    await person("parent", parent, "owner"),
    await person("parent", parent, "member"),
  ];
  const key = (home: Home, { apiKey }: TestTenant): Caller => ({
    name: `key of ${home}`,
    home,
    role: null,
    places: PLACES,
    headers: bearer(apiKey),
  });
  const refused = (name: string, status: number, problem: string, headers: Caller["headers"]): Caller => ({
    name,
    home: "own",
    role: null,
    // Before any tenant is looked at.
    places: ["own"],
    always: { status, problem },
    headers,
  });
  // A key that the former reseller had made in the tenant that moved away.
  const left = await credential(tenants.moved, null, "api-key");
  await ownerRows(sql`update credentials set revoked_at = now() where secret_hash = ${await hashSecret(left)}`);
  const instance = newId("instance", Date.now());
  return [
    key("own", own),
    key("child", child),
    { ...key("parent", parent), withoutReason: true },
    ...[...ownOwner, ...ownAdmin, ...ownMember, ...platformOwner, ...platformMember],
    ...operator.map((caller): Caller => ({ ...caller, withoutReason: true })),
    {
      ...key("suspended", suspended),
      places: ["suspended", "sibling", "parent"],
      always: { status: 403, problem: "tenant-suspended" },
    },
    {
      ...key("closed", closed),
      places: ["closed", "sibling", "parent"],
      always: { status: 403, problem: "tenant-closed" },
    },
    refused("key that a move has ended", 401, "key-revoked", bearer(left)),
    refused("registration key", 401, "unauthenticated", bearer(own.registrationKey)),
    refused("instance token", 401, "unauthenticated", bearer(await signFor(own, instance))),
    refused("no credential", 401, "unauthenticated", () => Promise.resolve({})),
  ];
}

/** A person of this role, by a session and by a personal access token that was given every permission. */
async function person(home: Home, tenant: TestTenant, role: Role): Promise<Caller[]> {
  const nowMs = Date.now();
  const id = newId("person", nowMs);
  const secret = newSecret();
  await owner(async (db) => {
    await db.insert(people).values({ id, issuer: "https://id.example", subject: id, createdAt: nowMs });
    await db
      .insert(memberships)
      .values({ id: newId("membership", nowMs), tenantId: tenant.id, personId: id, role, createdAt: nowMs });
    await db
      .insert(sessions)
      .values({ id: newId("session", nowMs), personId: id, secretHash: await hashSecret(secret), issuedAt: nowMs });
  });
  const csrf = await csrfToken(secret);
  const cookie = { cookie: `${SESSION_COOKIE}=${secret}` };
  const token = await credential(tenant, id, "personal-access-token");
  const places: readonly Place[] =
    home === "parent" ? ["parent", "own", "unknown"] : ["own", "child", "sibling", "parent"];
  return [
    {
      name: `session of ${role} of ${home}`,
      home,
      role,
      places,
      headers: (method) =>
        Promise.resolve(method === "GET" ? cookie : { ...cookie, "x-csrf-token": csrf, origin: ORIGIN }),
    },
    { name: `token of ${role} of ${home}`, home, role, places, headers: bearer(token) },
  ];
}

async function credential(
  tenant: TestTenant,
  personId: Id<"person"> | null,
  kind: "api-key" | "personal-access-token",
): Promise<string> {
  const nowMs = Date.now();
  const secret = await mintRoutingId(kind, tenant.gateId, await testRoutingKeys());
  const permissions = PERMISSIONS.filter((permission) => permission !== "instances:register");
  await owner(async (db) => {
    await db.insert(credentials).values({
      id: newId("credential", nowMs),
      tenantId: tenant.id,
      kind,
      name: "test",
      personId,
      secretHash: await hashSecret(secret),
      permissions,
      createdAt: nowMs,
    });
  });
  return secret;
}

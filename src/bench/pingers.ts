import { randomInt } from "node:crypto";
import { signAccessToken } from "../access/access-token.ts";
import { loadRoutingKeys, mintRoutingId, type RoutingKeys } from "../access/routing-id.ts";
import { loadTokenKeys, type TokenKeys } from "../access/token-keys.ts";
import { type Id, newId, uuidFromId } from "../core/id.ts";
import { newGateId } from "../core/region.ts";
import { makeRegistrationKey, makeTenant } from "../local/bootstrap.ts";
import { StartFailure } from "../local/failure.ts";
import { asOwner } from "../local/owner-connection.ts";
import { type BenchDatabase, PUBLIC_URL } from "./database.ts";
import { httpRequest } from "./load-job.ts";

/** Where instances live: a tenant with its first workspace. */
export interface Home {
  id: Id<"tenant">;
  gateId: string;
  workspaceId: Id<"workspace">;
}

/** What makes instances that may ping: rows in Postgres and, for each, one token signed with the bench's own key. */
export interface Pingers {
  /** An enterprise tenant that its gate has heard of: one instance registers through the Worker on this port. */
  tenant(port: number): Promise<Home>;
  /** So many tenants that their gates have not heard of, written straight into Postgres. */
  tenants(count: number): Promise<Home[]>;
  /** One ping each of a new instance in each of these homes, in random order: real ones come in no order either. */
  pings(homes: readonly Home[]): Promise<string[]>;
}

const BODY = { os: { kind: "linux", name: "Debian GNU/Linux", version: "12" } };
/** Tokens signed at once. */
const TOGETHER = 256;

export async function makePingers(database: BenchDatabase): Promise<Pingers> {
  const tokenKeys = await loadTokenKeys(database.secrets.TOKEN_SIGNING_KEYS);
  const routingKeys = await loadRoutingKeys(database.secrets.ROUTING_HMAC_KEYS);
  return {
    tenant: (port) => registeredTenant(database, routingKeys, port),
    tenants: (count) => insertTenants(database, count),
    async pings(homes) {
      const instances: NewInstance[] = [];
      for (let from = 0; from < homes.length; from += TOGETHER) {
        const some = homes.slice(from, from + TOGETHER);
        instances.push(...(await Promise.all(some.map((home) => newInstance(home, tokenKeys, routingKeys)))));
      }
      shuffle(instances);
      await insertInstances(database, instances);
      return instances.map(({ token }) => httpRequest("POST", "/instance/alive", { bearer: token, json: BODY }));
    },
  };
}

interface NewInstance {
  id: Id<"instance">;
  home: Home;
  clientId: string;
  token: string;
}

async function newInstance(home: Home, tokenKeys: TokenKeys, routingKeys: RoutingKeys): Promise<NewInstance> {
  const now = Date.now();
  const id = newId("instance", now);
  const clientId = await mintRoutingId("client-id", home.gateId, routingKeys);
  const subject = { instanceId: id, tenantId: home.id, gateId: home.gateId, clientId, scope: "profile:read" };
  return { id, home, clientId, token: await signAccessToken(subject, PUBLIC_URL, tokenKeys, now) };
}

async function registeredTenant(database: BenchDatabase, routingKeys: RoutingKeys, port: number): Promise<Home> {
  const nowMs = Date.now();
  const { tenant, key } = await asOwner(database.urls.owner, async (db) => {
    const tenant = await makeTenant(db, { kind: "direct", name: "Bench", parent: null, plan: "enterprise" }, nowMs);
    return { tenant, key: await makeRegistrationKey(db, { tenant, routingKeys, nowMs }) };
  });
  const response = await fetch(`http://127.0.0.1:${port}/oauth2/register`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      scope: "profile:read",
      grant_types: ["client_credentials"],
      instance_registration_key: key,
    }),
  });
  const answer = await response.text();
  if (response.status !== 201) throw new StartFailure(`No instance could register (${response.status}): ${answer}`);
  return tenant;
}

async function insertTenants(database: BenchDatabase, count: number): Promise<Home[]> {
  const nowMs = Date.now();
  const homes = Array.from({ length: count }, () => ({
    id: newId("tenant", nowMs),
    gateId: newGateId("any"),
    workspaceId: newId("workspace", nowMs),
  }));
  const ids = homes.map(({ id }) => uuidFromId("tenant", id));
  await database.query(
    `insert into tenants (id, path, kind, name, status, home_region, gate_id, created_at)
     select id, array[id], 'direct', 'Bench', 'active', 'any', gate_id, now() from unnest($1::uuid[], $2::text[]) as t (id, gate_id)`,
    [ids, homes.map(({ gateId }) => gateId)],
  );
  await database.query(
    `insert into workspaces (id, tenant_id, name, generation, created_at)
     select id, tenant_id, 'Default', 0, now() from unnest($1::uuid[], $2::uuid[]) as w (id, tenant_id)`,
    [homes.map(({ workspaceId }) => uuidFromId("workspace", workspaceId)), ids],
  );
  return homes;
}

async function insertInstances(database: BenchDatabase, instances: readonly NewInstance[]): Promise<void> {
  await database.query(
    `insert into instances (id, tenant_id, workspace_id, client_id, scope, grant_types, registered_at)
     select id, tenant_id, workspace_id, client_id, 'profile:read', array['client_credentials'], now()
       from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[]) as i (id, tenant_id, workspace_id, client_id)`,
    [
      instances.map(({ id }) => uuidFromId("instance", id)),
      instances.map(({ home }) => uuidFromId("tenant", home.id)),
      instances.map(({ home }) => uuidFromId("workspace", home.workspaceId)),
      instances.map(({ clientId }) => clientId),
    ],
  );
}

function shuffle(values: unknown[]): void {
  for (let last = values.length - 1; last > 0; last--) {
    const other = randomInt(last + 1);
    [values[last], values[other]] = [values[other], values[last]];
  }
}

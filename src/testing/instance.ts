import { env, exports } from "cloudflare:workers";
import { sql } from "drizzle-orm";
import { inject } from "vitest";
import { signAccessToken, signUserToken, type UserTokenSubject } from "../access/access-token.ts";
import { loadTokenKeys } from "../access/token-keys.ts";
import type { TenantMessage } from "../core/gate-message.ts";
import { type Id, newId, uuidFromId } from "../core/id.ts";
import { type PingCall, PROTOCOL, type TakeCall } from "../gate/protocol.ts";
import type { TestTenant } from "./world.ts";
import { owner } from "./world.ts";

export const ORIGIN = "https://ebb.test";

/** The Worker as a client meets it. */
export function call(path: string, init: RequestInit = {}): Promise<Response> {
  return exports.default.fetch(new Request(ORIGIN + path, init));
}

export function postJson(path: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  return call(path, { method: "POST", body: text, headers: { "content-type": "application/json", ...headers } });
}

export function postForm(
  path: string,
  form: Record<string, string>,
  headers: Record<string, string> = {},
): Promise<Response> {
  return call(path, { method: "POST", body: new URLSearchParams(form), headers });
}

export interface Client {
  client_id: string;
  client_secret: string;
}

/** Registers an instance of this tenant over HTTP. */
export async function register(tenant: Pick<TestTenant, "registrationKey">): Promise<Client> {
  const response = await postJson("/oauth2/register", {
    scope: "profile:read",
    grant_types: ["client_credentials"],
    instance_registration_key: tenant.registrationKey,
  });
  if (response.status !== 201) throw new Error(`register answered ${response.status}`);
  return await response.json<Client>();
}

/** Exchanges a client's secret for an access token over HTTP. */
export async function tokenOf(client: Client): Promise<string> {
  const response = await postForm("/oauth2/token", { grant_type: "client_credentials", ...client });
  if (response.status !== 200) throw new Error(`token answered ${response.status}`);
  return (await response.json<{ access_token: string }>()).access_token;
}

export function ping(token: string, body: unknown = null): Promise<Response> {
  return postJson("/instance/alive", body, { authorization: `Bearer ${token}` });
}

/** The tenant's gate, for looking inside and for its alarm. */
export function gateOf(tenant: Pick<TestTenant, "gateId">) {
  return env.TENANT_GATE.get(env.TENANT_GATE.idFromName(tenant.gateId));
}

/** The call that an instance's ping makes of its gate, for pinging it without the edge. */
export function pingCall(
  tenant: Pick<TestTenant, "id" | "gateId">,
  instanceId: Id<"instance">,
  more: Partial<PingCall> = {},
): PingCall {
  const nowMs = Date.now();
  return {
    v: PROTOCOL,
    gateId: tenant.gateId,
    requestId: newId("request", nowMs),
    tenantId: tenant.id,
    instanceId,
    tokenId: "token",
    issuedAtMs: nowMs,
    kind: "alive",
    os: { kind: null, name: null, version: null },
    ...more,
  };
}

/** The call with which an account route asks a tenant's gate, for asking it without the edge. */
export function takeCall(tenant: Pick<TestTenant, "gateId">, more: Partial<TakeCall> = {}): TakeCall {
  const requestId = newId("request", Date.now());
  return { v: PROTOCOL, gateId: tenant.gateId, requestId, routeClass: "account", subjects: { key: "a key" }, ...more };
}

/** Places in the outbox, behind those of any row of a test. */
let news = 1_000_000;

/** Tells a tenant's gate what holds for the tenant, as the outbox would. */
export async function tellGate(tenant: TestTenant, change: Partial<TenantMessage>): Promise<void> {
  const message: TenantMessage = { kind: "tenant", tenantId: tenant.id, status: "active", plan: "team", ...change };
  const messages = [{ id: news++, message }];
  const taken = await gateOf(tenant).deliver({ v: PROTOCOL, gateId: tenant.gateId, messages });
  if (taken.length !== 1) throw new Error("the gate did not take the message");
}

/** A token for an instance as the token endpoint signs it, at any moment. */
export async function signFor(
  tenant: Pick<TestTenant, "id" | "gateId">,
  instanceId: Id<"instance">,
  nowMs = Date.now(),
): Promise<string> {
  const keys = await loadTokenKeys(inject("workerBindings")["TOKEN_SIGNING_KEYS"] as string);
  const subject = { instanceId, tenantId: tenant.id, gateId: tenant.gateId, clientId: "ebbc_test", scope: "" };
  return await signAccessToken(subject, ORIGIN, keys, nowMs);
}

/** A person's token on an instance as the token endpoint signs it. */
export async function signUserFor(
  tenant: Pick<TestTenant, "id" | "gateId" | "workspaceId">,
  instanceId: Id<"instance">,
  more: Partial<UserTokenSubject> = {},
  nowMs = Date.now(),
): Promise<string> {
  const keys = await loadTokenKeys(inject("workerBindings")["TOKEN_SIGNING_KEYS"] as string);
  const subject = {
    personId: newId("person", nowMs),
    instanceId,
    tenantId: tenant.id,
    workspaceId: tenant.workspaceId,
    gateId: tenant.gateId,
    clientId: "ebbc_test",
    scope: "profile:read",
    familyId: newId("tokenFamily", nowMs),
    generation: 1,
    signedInAtMs: nowMs,
    notAfterMs: null,
    ...more,
  };
  return (await signUserToken(subject, ORIGIN, keys, nowMs)).token;
}

/** Puts this many live instances of a tenant into Postgres at once, without their registrations. */
export async function manyInstances(tenant: TestTenant, count: number): Promise<Id<"instance">[]> {
  const nowMs = Date.now();
  const ids = Array.from({ length: count }, () => newId("instance", nowMs));
  const uuids = ids.map((id) => uuidFromId("instance", id));
  await owner((db) =>
    db.execute(sql`
      insert into instances (id, tenant_id, workspace_id, client_id, scope, grant_types, registered_at)
      select id, ${uuidFromId("tenant", tenant.id)}, ${uuidFromId("workspace", tenant.workspaceId)}, id::text, 'profile:read offline', '{}', now()
        from unnest(${`{${uuids.join(",")}}`}::uuid[]) as id`),
  );
  return ids;
}

import { env } from "cloudflare:workers";
import { sql } from "drizzle-orm";
import { createDeps } from "../../workers/runtime.ts";
import { createApp } from "../app.ts";
import type { GateMessage } from "../core/gate-message.ts";
import { type Id, idFromUuid, uuidFromId } from "../core/id.ts";
import type { Role } from "../core/permission.ts";
import { PROTOCOL } from "../gate/protocol.ts";
import { scopeField } from "../http/pages/consent.ts";
import { SCOPES, type Scope } from "../oauth/scope.ts";
import { call, gateOf, ORIGIN, postForm } from "./instance.ts";
import {
  ALL_GRANTS,
  consentAs,
  type OAuthClient,
  patOf,
  pkcePair,
  proof,
  REDIRECT_URI,
  registerClient,
} from "./oauth-world.ts";
import { personIn, sessionHeaders, type TestPerson } from "./people.ts";
import { ownerRows, type TestTenant, testTenant } from "./world.ts";

/** A tenant, somebody in it with a personal access token that holds all they may, and a client that is claimed. */
export interface OAuthScene {
  tenant: TestTenant;
  person: TestPerson;
  pat: string;
  client: OAuthClient;
}

export async function oauthScene(more: Record<string, unknown> = {}, role: Role = "owner"): Promise<OAuthScene> {
  const tenant = await testTenant();
  const person = await personIn(tenant, role);
  return { tenant, person, pat: await patOf(person), client: await registerClient(tenant, more) };
}

/** What a refusal or answer says: its status, and its code or else its body. */
export async function answered(response: Response): Promise<[number, unknown]> {
  const body = await response.json<{ error?: string }>();
  return [response.status, body.error ?? body];
}

/** What a client sends with an authorization request, and the verifier of its challenge. */
export async function codeRequest(client: Pick<OAuthClient, "client_id">, more: Record<string, string> = {}) {
  const { verifier, challenge } = await pkcePair();
  const query = {
    response_type: "code",
    client_id: client.client_id,
    redirect_uri: REDIRECT_URI,
    code_challenge: challenge,
    code_challenge_method: "S256",
    ...more,
  };
  return { query, verifier };
}

/** Has this person approve an authorization request, with these scopes, and returns the code and its verifier. */
export async function codeFor(
  client: Pick<OAuthClient, "client_id">,
  person: Pick<TestPerson, "secret">,
  { scopes = SCOPES, query: more = {} }: { scopes?: readonly Scope[]; query?: Record<string, string> } = {},
): Promise<{ code: string; verifier: string }> {
  const { query, verifier } = await codeRequest(client, more);
  const ticked = Object.fromEntries(scopes.map((scope) => [scopeField(scope), "yes"]));
  const back = await consentAs(person, query, "approve", ticked);
  return { code: back.searchParams.get("code") ?? "", verifier };
}

/** Exchanges a code, whatever comes. */
export function exchange(
  client: OAuthClient,
  { code, verifier }: { code: string; verifier: string },
  more: Record<string, string> = {},
): Promise<Response> {
  return postForm("/oauth2/token", {
    ...proof(client),
    grant_type: "authorization_code",
    code,
    redirect_uri: REDIRECT_URI,
    code_verifier: verifier,
    ...more,
  });
}

/** Asks what a token is worth. */
export async function introspected(client: OAuthClient, token: string, more: Record<string, string> = {}) {
  return await answered(await postForm("/oauth2/introspect", { ...proof(client), token, ...more }));
}

/** Gives a token back. */
export function revokes(client: OAuthClient, token: string, more: Record<string, string> = {}): Promise<Response> {
  return postForm("/oauth2/revoke", { ...proof(client), token, ...more });
}

/** Status and code of a GET with a bearer token. */
export async function sees(token: string, path = "/instance/user/session"): Promise<[number, unknown]> {
  const [status, body] = await answered(await call(path, { headers: { authorization: `Bearer ${token}` } }));
  return status === 200 ? [200, null] : [status, body];
}

/** The Worker with its clock moved by this much, ms; the gates and Postgres keep theirs. Takes forms. */
export async function workerAt(shiftMs: number) {
  const app = createApp({ ...(await createDeps(env)), clock: { now: () => Date.now() + shiftMs } });
  return async (path: string, form: Record<string, string>): Promise<Response> =>
    await app.fetch(new Request(ORIGIN + path, { method: "POST", body: new URLSearchParams(form) }));
}

/** Places in the outbox, behind those of any row of a test. */
let news = 3_000_000;

/** Tells a tenant's gate something, as the outbox would. */
export async function tells(tenant: Pick<TestTenant, "gateId">, message: GateMessage): Promise<void> {
  const messages = [{ id: news++, message }];
  const taken = await gateOf(tenant).deliver({ v: PROTOCOL, gateId: tenant.gateId, messages });
  if (taken.length !== 1) throw new Error("the gate did not take the message");
}

/** The instance that a claimed client is. */
export async function instanceOf({ client_id }: Pick<OAuthClient, "client_id">): Promise<Id<"instance">> {
  const [row] = await ownerRows<{ id: string }>(sql`select id from instances where client_id = ${client_id}`);
  return idFromUuid("instance", row?.id as string);
}

/** A client registers other properties (RFC 7592), by its secret. */
export function changes(client: OAuthClient, more: Record<string, unknown>): Promise<Response> {
  return call(`/oauth2/register/${client.client_id}`, {
    method: "PUT",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ ...proof(client), grant_types: ALL_GRANTS, redirect_uris: [REDIRECT_URI], ...more }),
  });
}

/** Revokes the personal access tokens of somebody over HTTP. */
export async function revokePats(person: Pick<TestPerson, "id" | "secret">): Promise<void> {
  const rows = await ownerRows<{ id: string }>(sql`select id from credentials
    where person_id = ${uuidFromId("person", person.id)} and kind = 'personal-access-token'`);
  for (const { id } of rows) {
    const headers = await sessionHeaders(person, "DELETE");
    const response = await call(`/api/v1/tokens/${idFromUuid("credential", id)}`, { method: "DELETE", headers });
    if (response.status !== 200) throw new Error(`tokens answered ${response.status}: ${await response.text()}`);
  }
}

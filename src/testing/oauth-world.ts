import { newSecret } from "../access/secret.ts";
import type { Id } from "../core/id.ts";
import type { Permission } from "../core/permission.ts";
import { DEVICE_CODE_GRANT } from "../oauth/client-metadata.ts";
import { call, postForm, postJson } from "./instance.ts";
import { sessionHeaders, type TestPerson } from "./people.ts";
import type { TestTenant } from "./world.ts";

/** A client as `/oauth2/register` answered. */
export interface OAuthClient {
  client_id: string;
  client_secret?: string;
  claim_code?: string;
}

export interface Tokens {
  access_token: string;
  refresh_token?: string;
  expires_in: number;
  scope: string;
}

export interface Pending {
  device_code: string;
  user_code: string;
  verification_uri_complete: string;
  interval: number;
}

export const ALL_GRANTS = ["client_credentials", DEVICE_CODE_GRANT, "refresh_token", "authorization_code"];
export const REDIRECT_URI = "https://app.example/callback";

/** Registers a client over HTTP: with the tenant's key, or unclaimed for null. */
export async function registerClient(
  tenant: Pick<TestTenant, "registrationKey"> | null,
  more: Record<string, unknown> = {},
): Promise<OAuthClient> {
  const response = await postJson("/oauth2/register", {
    scope: "profile:read assistant offline billing:write",
    grant_types: ALL_GRANTS,
    redirect_uris: [REDIRECT_URI],
    ...(tenant === null ? {} : { instance_registration_key: tenant.registrationKey }),
    ...more,
  });
  if (response.status !== 201) throw new Error(`register answered ${response.status}: ${await response.text()}`);
  return await response.json<OAuthClient>();
}

/** The client's id, and its secret where it has one, as form fields. */
export function proof({ client_id, client_secret }: OAuthClient): Record<string, string> {
  return client_secret === undefined ? { client_id } : { client_id, client_secret };
}

/** Begins a login on a device. */
export async function beginLogin(client: OAuthClient, scope = "profile:read assistant"): Promise<Pending> {
  const response = await postForm("/oauth2/device/authorize", { ...proof(client), scope });
  if (response.status !== 200)
    throw new Error(`device/authorize answered ${response.status}: ${await response.text()}`);
  return await response.json<Pending>();
}

/** Asks for the tokens of a device code, whatever comes. */
export function poll(client: OAuthClient, { device_code }: Pick<Pending, "device_code">): Promise<Response> {
  return postForm("/oauth2/token", { ...proof(client), grant_type: DEVICE_CODE_GRANT, device_code });
}

export function refreshWith(client: OAuthClient, refreshToken: string, more: Record<string, string> = {}) {
  return postForm("/oauth2/token", {
    ...proof(client),
    grant_type: "refresh_token",
    refresh_token: refreshToken,
    ...more,
  });
}

/** A person's own access token, made over HTTP; for a workspace where it shall claim. */
export async function patOf(
  person: Pick<TestPerson, "secret">,
  permissions: readonly Permission[] | null = null,
  workspaceId: Id<"workspace"> | null = null,
): Promise<string> {
  const headers = await sessionHeaders(person, "POST");
  const body = { name: "test", permissions, workspace_id: workspaceId };
  const response = await postJson("/api/v1/tokens", body, headers);
  if (response.status !== 201) throw new Error(`tokens answered ${response.status}: ${await response.text()}`);
  return (await response.json<{ token: string }>()).token;
}

/** Answers a device's request with a personal access token. */
export function answerWith(
  token: string,
  answer: "approve" | "deny",
  { user_code }: Pick<Pending, "user_code">,
  more: Record<string, string> = {},
): Promise<Response> {
  const query = new URLSearchParams({ user_code, ...more });
  return call(`/oauth2/device/${answer}?${query}`, { method: "POST", headers: { authorization: `Bearer ${token}` } });
}

/** A whole login: begun, approved with this token, and polled for. */
export async function loginOn(
  client: OAuthClient,
  token: string,
  { scope, ...more }: Record<string, string> = {},
): Promise<Tokens> {
  const pending = await beginLogin(client, scope);
  const approved = await answerWith(token, "approve", pending, more);
  if (approved.status !== 200) throw new Error(`approve answered ${approved.status}: ${await approved.text()}`);
  const response = await poll(client, pending);
  if (response.status !== 200) throw new Error(`token answered ${response.status}: ${await response.text()}`);
  return await response.json<Tokens>();
}

/** The `csrf_token` and other hidden fields of the form on a page. */
export function hiddenFields(html: string): Record<string, string> {
  const fields = [...html.matchAll(/<input type="hidden" name="([^"]+)" value="([^"]*)">/g)];
  return Object.fromEntries(fields.map(([, name = "", value = ""]) => [name, value]));
}

/** Posts a form of ours as a browser on our own page does. */
export async function postPage(
  path: string,
  person: Pick<TestPerson, "secret">,
  form: Record<string, string>,
  cookies: readonly string[] = [],
): Promise<Response> {
  const { cookie, origin, "x-csrf-token": csrf } = await sessionHeaders(person, "POST");
  const headers = { cookie: [cookie, ...cookies].join("; "), origin: origin as string };
  const body = new URLSearchParams({ csrf_token: csrf as string, ...form });
  return await call(path, { method: "POST", redirect: "manual", headers, body });
}

/** A verifier and its S256 challenge (RFC 7636). */
export async function pkcePair(): Promise<{ verifier: string; challenge: string }> {
  const verifier = newSecret();
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier));
  const text = btoa(String.fromCharCode(...new Uint8Array(digest)));
  return { verifier, challenge: text.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "") };
}

/** Sends a browser to the authorization endpoint; nobody is followed. */
export function authorize(query: Record<string, string>, headers: Record<string, string> = {}): Promise<Response> {
  return call(`/oauth2/authorize?${new URLSearchParams(query)}`, { redirect: "manual", headers });
}

/** The cookie pair that an answer sets under this name. */
export function cookieOf(response: Response, name: string): string {
  const header = response.headers.getSetCookie().find((cookie) => cookie.startsWith(`${name}=`)) ?? "";
  return header.split(";")[0] ?? "";
}

/** Goes through consent as this person, and says where the browser is sent back to. */
export async function consentAs(
  person: Pick<TestPerson, "secret">,
  query: Record<string, string>,
  answer: "approve" | "deny" = "approve",
  more: Record<string, string> = {},
): Promise<URL> {
  const { page, carried } = await asksConsent(person, query);
  if (page.status !== 200) throw new Error(`consent answered ${page.status}: ${await page.text()}`);
  const { request = "" } = hiddenFields(await page.text());
  const back = await postPage("/consent", person, { request, answer, ...more }, [carried]);
  return await sentOnTo(back);
}

/** What a person sees of an authorization request: the page, and the cookie that brought the request to it. */
export async function asksConsent(
  person: Pick<TestPerson, "secret">,
  query: Record<string, string>,
): Promise<{ page: Response; carried: string }> {
  const sent = await authorize(query);
  if (sent.headers.get("location") !== "/consent") throw new Error(`authorize sent to ${sent.headers.get("location")}`);
  const carried = cookieOf(sent, "__Host-ebb-request");
  const { cookie } = await sessionHeaders(person);
  const page = await call("/consent", { redirect: "manual", headers: { cookie: `${cookie}; ${carried}` } });
  return { page, carried };
}

/** Where an answer sends a browser: by a redirect, or by a page that goes on by itself. */
export async function sentOnTo(response: Response): Promise<URL> {
  const text = await response.text();
  const [, url] = /<meta http-equiv="refresh" content="0; url=([^"]*)">/.exec(text) ?? [];
  const location = response.status === 303 ? response.headers.get("location") : url?.replaceAll("&amp;", "&");
  if (location == null) throw new Error(`sent nowhere: ${response.status} ${text}`);
  return new URL(location);
}

/** Registers an unclaimed client as Cloudflare says that it comes from there, each from a network of its own. */
export async function registerFrom(
  cf: { country?: string; asOrganization?: string } = {},
  more: Record<string, unknown> = {},
): Promise<OAuthClient & { claim_code: string; registration_expires_at: number }> {
  const response = await call("/oauth2/register", {
    method: "POST",
    headers: { "content-type": "application/json", "cf-connecting-ip": newAddress() },
    body: JSON.stringify({
      scope: "profile:read assistant offline billing:write",
      grant_types: ALL_GRANTS,
      redirect_uris: [REDIRECT_URI],
      ...more,
    }),
    cf,
  } as RequestInit);
  if (response.status !== 201) throw new Error(`register answered ${response.status}: ${await response.text()}`);
  return await response.json();
}

let addresses = 0;

/** An IPv4 address in a network of its own: what is limited by network is not limited together. */
export function newAddress(): string {
  addresses += 1;
  return `10.${(addresses >> 8) % 256}.${addresses % 256}.1`;
}

/** Types a code on `/device`, as a signed-in person. */
export function typeCode(person: Pick<TestPerson, "secret">, userCode: string): Promise<Response> {
  return postPage("/device", person, { user_code: userCode });
}

/** Approves or denies on the page, having compared the code. */
export function answerOnPage(
  person: Pick<TestPerson, "secret">,
  { user_code }: Pick<Pending, "user_code">,
  answer: "approve" | "deny" = "approve",
  more: Record<string, string> = {},
): Promise<Response> {
  return postPage("/device/answer", person, { user_code, answer, code_matches: "yes", ...more });
}

/** The status of an OAuth answer, and its `error`; of tokens `tokens`. */
export async function saidOf(response: Response): Promise<[status: number, error: string]> {
  const body = await response.json<{ error?: string; access_token?: string }>();
  return [response.status, body.error ?? (body.access_token === undefined ? "none" : "tokens")];
}

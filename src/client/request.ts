import type { Settings } from "./options.ts";

/** One request, complete: what is shown is built by the same functions as what is sent. */
export interface OutgoingRequest {
  method: "GET" | "POST";
  url: string;
  /** Names in lower case. The runtime adds those of the transport, such as `host` and `content-length`. */
  headers: Record<string, string>;
  body: Uint8Array<ArrayBuffer> | null;
}

export interface ClientSecret {
  id: string;
  secret: string;
}

const DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code";
const GRANT_TYPES = ["client_credentials", DEVICE_GRANT, "refresh_token"];

type Address = Pick<Settings, "url">;

/** RFC 7591, with the contract's key. Repeated with the same `idempotencyKey` it registers nothing more. */
export function registerRequest(
  settings: Settings,
  registrationKey: string | null,
  idempotencyKey: string,
): OutgoingRequest {
  const request = json(settings, "/oauth2/register", null, {
    scope: settings.scope,
    grant_types: GRANT_TYPES,
    ...(settings.name === null ? {} : { client_name: settings.name }),
    ...(registrationKey === null ? { require_claim_code: true } : { instance_registration_key: registrationKey }),
  });
  request.headers["idempotency-key"] = idempotencyKey;
  return request;
}

/** RFC 6749 section 4.4. */
export function instanceTokenRequest(settings: Address, client: ClientSecret): OutgoingRequest {
  return form(settings, "/oauth2/token", client, { grant_type: "client_credentials" });
}

/** RFC 8628 section 3.1. */
export function deviceRequest(settings: Address, client: ClientSecret, scope: string): OutgoingRequest {
  return form(settings, "/oauth2/device/authorize", client, { scope });
}

/** RFC 8628 section 3.4. */
export function pollRequest(settings: Address, client: ClientSecret, deviceCode: string): OutgoingRequest {
  return form(settings, "/oauth2/token", client, { grant_type: DEVICE_GRANT, device_code: deviceCode });
}

/** RFC 6749 section 6. */
export function refreshRequest(settings: Address, client: ClientSecret, refreshToken: string): OutgoingRequest {
  return form(settings, "/oauth2/token", client, { grant_type: "refresh_token", refresh_token: refreshToken });
}

export function aliveRequest(settings: Settings, token: string): OutgoingRequest {
  return json(settings, "/instance/alive", token, settings.os === null ? undefined : { os: settings.os });
}

export type Reading = "owner" | "workspace" | "user/session" | "user/profile";

export function readRequest(settings: Address, what: Reading, token: string): OutgoingRequest {
  return { method: "GET", url: `${settings.url}/instance/${what}`, headers: headersWith(token), body: null };
}

export function signOutRequest(settings: Address, token: string): OutgoingRequest {
  return json(settings, "/instance/user/session/revoke", token, undefined);
}

export function leaseRequest(settings: Address, token: string): OutgoingRequest {
  return json(settings, "/instance/user/lease", token, undefined);
}

export function keysRequest(settings: Address): OutgoingRequest {
  return { method: "GET", url: `${settings.url}/.well-known/jwks.json`, headers: headersWith(null), body: null };
}

function json(settings: Address, path: string, token: string | null, value: unknown): OutgoingRequest {
  const headers = headersWith(token);
  if (value === undefined) return { method: "POST", url: settings.url + path, headers, body: null };
  headers["content-type"] = "application/json";
  return { method: "POST", url: settings.url + path, headers, body: bytesOf(JSON.stringify(value)) };
}

function form(settings: Address, path: string, client: ClientSecret, fields: Record<string, string>): OutgoingRequest {
  const text = new URLSearchParams({ ...fields, client_id: client.id, client_secret: client.secret }).toString();
  const headers = { ...headersWith(null), "content-type": "application/x-www-form-urlencoded" };
  return { method: "POST", url: settings.url + path, headers, body: bytesOf(text) };
}

function headersWith(token: string | null): Record<string, string> {
  return { accept: "application/json", ...(token === null ? {} : { authorization: `Bearer ${token}` }) };
}

function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(new TextEncoder().encode(text));
}

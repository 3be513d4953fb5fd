import { Problem } from "../core/problem.ts";
import type { Deps } from "../deps.ts";
import { verifyAccessToken } from "./access-token.ts";
import type { AccountCredential, InstanceCredential, UserCredential } from "./credential.ts";
import { openRoutingId } from "./routing-id.ts";
import { hashSecret } from "./secret.ts";
import { refuseCrossSite, sessionSecret } from "./session-cookie.ts";

/** Longer than any token of ours: what is longer is not looked at. */
const LONGEST = 2_048;
/** Three parts, the first a JSON object: no key of ours looks like it. */
const JWT = /^bearer eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/i;

/** The token of `Authorization: Bearer …` (RFC 6750 section 2.1). Throws `unauthenticated` for anything else. */
export function bearerToken(request: Request): string {
  const header = request.headers.get("authorization");
  const match = header === null || header.length > LONGEST ? null : /^bearer ([A-Za-z0-9._~+/-]+=*)$/i.exec(header);
  if (match === null) throw new Problem("unauthenticated");
  return match[1] as string;
}

/** Proves an instance's access token by its signature alone; whether it was revoked is for the gate to say. */
export async function authenticateInstance(request: Request, deps: Deps): Promise<InstanceCredential> {
  const credential = await verified(request, deps);
  // As for any credential of another kind: what it is good for is not told.
  if (credential.kind !== "instance-token") throw new Problem("unauthenticated");
  return credential;
}

/** Proves a person's access token on an instance by its signature alone, as above. */
export async function authenticateUser(request: Request, deps: Deps): Promise<UserCredential> {
  const credential = await verified(request, deps);
  if (credential.kind !== "user-token") throw new Problem("unauthenticated");
  return credential;
}

function verified(request: Request, deps: Deps): Promise<InstanceCredential | UserCredential> {
  return verifyAccessToken(bearerToken(request), deps.publicUrl, deps.tokenKeys, deps.clock.now());
}

/** What the account API takes, or a person's access token where a route takes that too. */
export async function authenticateAccountOrUser(
  request: Request,
  deps: Deps,
): Promise<AccountCredential | UserCredential> {
  const header = request.headers.get("authorization");
  return header !== null && JWT.test(header)
    ? await authenticateUser(request, deps)
    : await authenticateAccount(request, deps);
}

/**
 * Proves that an API key or a personal access token was made by us, or that a session's request came from our own pages;
 * whether it is live is for the database to say. A bearer token goes before a cookie.
 */
export async function authenticateAccount(request: Request, deps: Deps): Promise<AccountCredential> {
  const secret = request.headers.has("authorization") ? null : sessionSecret(request);
  if (secret !== null) {
    await refuseCrossSite(request, secret, deps.publicUrl);
    return { kind: "session", hash: await hashSecret(secret) };
  }
  const key = bearerToken(request);
  for (const kind of ["api-key", "personal-access-token"] as const) {
    const gateId = await openRoutingId(kind, key, deps.routingKeys);
    if (gateId !== null) return { kind, gateId, hash: await hashSecret(key) };
  }
  throw new Problem("unauthenticated");
}

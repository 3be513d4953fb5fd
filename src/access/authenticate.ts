import { Problem } from "../core/problem.ts";
import type { Deps } from "../deps.ts";
import { verifyAccessToken } from "./access-token.ts";
import type { ApiKeyCredential, InstanceCredential } from "./credential.ts";
import { openRoutingId } from "./routing-id.ts";
import { hashSecret } from "./secret.ts";

/** Longer than any token of ours: what is longer is not looked at. */
const LONGEST = 2_048;

/** The token of `Authorization: Bearer …` (RFC 6750 section 2.1). Throws `unauthenticated` for anything else. */
export function bearerToken(request: Request): string {
  const header = request.headers.get("authorization");
  const match = header === null || header.length > LONGEST ? null : /^bearer ([A-Za-z0-9._~+/-]+=*)$/i.exec(header);
  if (match === null) throw new Problem("unauthenticated");
  return match[1] as string;
}

/** Proves an instance's access token by its signature alone; whether it was revoked is for the gate to say. */
export async function authenticateInstance(request: Request, deps: Deps): Promise<InstanceCredential> {
  return await verifyAccessToken(bearerToken(request), deps.publicUrl, deps.tokenKeys, deps.clock.now());
}

/** Proves that an API key was made by us; whether it is live is for the database to say. */
export async function authenticateApiKey(request: Request, deps: Deps): Promise<ApiKeyCredential> {
  const key = bearerToken(request);
  const gateId = await openRoutingId("api-key", key, deps.routingKeys);
  if (gateId === null) throw new Problem("unauthenticated");
  return { kind: "api-key", gateId, hash: await hashSecret(key) };
}

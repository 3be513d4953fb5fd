import { env } from "cloudflare:workers";
import { hashSecret } from "../access/secret.ts";
import { DAY_MS } from "../core/clock.ts";
import type { ClientFacts } from "../core/gate-message.ts";
import { type Id, newId } from "../core/id.ts";
import { nurseryGateId } from "../gate/nursery.ts";
import { type AdoptCall, type ClientCall, PROTOCOL } from "../gate/protocol.ts";

/** An unclaimed client that a nursery may take in, and its secret. */
export interface Unclaimed extends Omit<AdoptCall, "v"> {
  secret: string | null;
}

export const facts = (more: Partial<ClientFacts> = {}): ClientFacts => ({
  name: "Ada's laptop",
  scope: "profile:read assistant",
  grantTypes: ["client_credentials", "urn:ietf:params:oauth:grant-type:device_code", "refresh_token"],
  redirectUris: ["http://127.0.0.1/callback"],
  authMethod: "client_secret_post",
  registeredAtMs: Date.now(),
  ...more,
});

/** A client that has just registered without a key; `secret` null: a public one. */
export async function unclaimed(secret: string | null = crypto.randomUUID()): Promise<Unclaimed> {
  const instanceId = newId("instance", Date.now());
  return {
    gateId: nurseryGateId(instanceId),
    clientId: `ebbc_${crypto.randomUUID()}`,
    instanceId,
    secret,
    secretHash: secret === null ? null : await hashSecret(secret),
    client: facts(secret === null ? { authMethod: "none" } : {}),
    expiresAtMs: Date.now() + DAY_MS,
  };
}

export function nurseryOf({ gateId }: Pick<Unclaimed, "gateId">) {
  return env.TENANT_GATE.get(env.TENANT_GATE.idFromName(gateId));
}

/** Has its nursery take it in. */
export function adopt({ secret: _, ...client }: Unclaimed): Promise<"adopted" | "full"> {
  return nurseryOf(client).adopt({ v: PROTOCOL, ...client });
}

/** The call with which the token endpoint asks about a client, at its nursery unless another gate is named. */
export async function clientCall(
  client: Pick<Unclaimed, "gateId" | "clientId" | "secret">,
  more: Partial<ClientCall> = {},
): Promise<ClientCall> {
  const { gateId, clientId, secret } = client;
  const requestId: Id<"request"> = newId("request", Date.now());
  const secretHash = secret === null ? null : await hashSecret(secret);
  return { v: PROTOCOL, gateId, requestId, clientId, secretHash, ...more };
}

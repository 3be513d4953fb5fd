import { and, eq, isNull, sql } from "drizzle-orm";
import { mintRoutingId, openRoutingId } from "../access/routing-id.ts";
import { hashSecret, newSecret } from "../access/secret.ts";
import { toBase64Url, toHex } from "../core/bytes.ts";
import { type Id, idFromUuid, newId } from "../core/id.ts";
import { Problem, type ProblemName } from "../core/problem.ts";
import { credentials, instances, registrationKeys } from "../db/schema.ts";
import type { Deps } from "../deps.ts";
import { takeOrRefuse } from "../gate/limit.ts";
import { deliverOutbox } from "../gate/outbox.ts";
import { mutate } from "../verb.ts";

/** Scopes that a client may register for; others are left out of what is granted (RFC 6749 section 3.3). */
export const SCOPES = ["profile:read", "assistant", "offline", "billing:write"] as const;

/** Grant types that a client may name. Every instance gets client_credentials: it is how it pings. */
export const GRANT_TYPES = [
  "client_credentials",
  "urn:ietf:params:oauth:grant-type:device_code",
  "refresh_token",
  "authorization_code",
] as const;

export interface Registration {
  scope: string;
  grantTypes: readonly string[];
  registrationKey: string;
}

export interface RegisteredClient {
  instanceId: Id<"instance">;
  clientId: string;
  /** Shown this once. */
  clientSecret: string;
  issuedAtMs: number;
  scope: string;
  grantTypes: string[];
  headers: Record<string, string>;
}

/** What a refusal of `ebb.enter` means when the credential is a registration key. */
const KEY_PROBLEMS: Partial<Record<ProblemName, ProblemName>> = {
  unauthenticated: "registration-key-unknown",
  "key-expired": "registration-key-expired",
  "key-revoked": "registration-key-revoked",
  "registration-key-used": "registration-key-used",
};

/** The key travels in the body: its refusal names the field. */
function keyRefused(problem: ProblemName): Problem {
  return new Problem(problem, { errors: [{ path: "instance_registration_key", message: "is not accepted" }] });
}

/**
 * Registers an instance with a registration key (RFC 7591): it is claimed at once into the key's workspace. A forged key
 * is refused before anything is looked up; a single-use key is spent in the transaction that makes the instance, so two
 * at once make one. Throws `registration-key-*`, `invalid-client-metadata`, `quota-exceeded`, `unavailable`.
 */
export async function registerInstance(
  deps: Deps,
  requestId: Id<"request">,
  registration: Registration,
): Promise<RegisteredClient> {
  const grantTypes = GRANT_TYPES.filter(
    (grant) => grant === "client_credentials" || registration.grantTypes.includes(grant),
  );
  const requested = registration.scope.split(/[ ,]+/);
  const scope = SCOPES.filter((name) => requested.includes(name)).join(" ");
  const keyGate = await openRoutingId("registration-key", registration.registrationKey, deps.routingKeys);
  if (keyGate === null) throw keyRefused("registration-key-unknown");
  const credentialHash = await hashSecret(registration.registrationKey);
  const headers = await takeOrRefuse(deps, keyGate, {
    requestId,
    routeClass: "register",
    subjects: { key: toHex(credentialHash) },
  });

  const clientSecret = newSecret();
  const secretHash = await hashSecret(clientSecret);
  const registered = await mutate(
    { deps, requestId, credentialHash, target: null },
    "instances:register",
    async (tx, entered) => {
      const now = deps.clock.now();
      const keyId = idFromUuid("registrationKey", entered.actorId);
      if (entered.workspaceId === null) throw new Problem("invalid-client-metadata");
      const spent = await tx
        .update(registrationKeys)
        .set({
          uses: sql`${registrationKeys.uses} + 1`,
          usedUpAt: sql`case when ${registrationKeys.reusable} then null else ebb.clock() end`,
        })
        .where(and(eq(registrationKeys.id, keyId), isNull(registrationKeys.usedUpAt)))
        .returning({ id: registrationKeys.id });
      if (spent.length === 0) throw new Problem("registration-key-used");

      const { tenantId, gateId, workspaceId } = entered;
      const instanceId = newId("instance", now);
      const clientId = await mintRoutingId("client-id", gateId, deps.routingKeys);
      await tx
        .insert(instances)
        .values({ id: instanceId, tenantId, workspaceId, clientId, scope, grantTypes, registeredAt: now });
      await tx.insert(credentials).values({
        id: newId("credential", now),
        tenantId,
        kind: "client-secret",
        name: "client secret",
        instanceId,
        secretHash,
        permissions: [],
        createdAt: now,
      });
      return {
        result: { instanceId, clientId, issuedAtMs: now, gateId },
        audit: { action: "instance.registered", subject: instanceId, detail: { registration_key: keyId } },
        post: [{ kind: "client", clientId, instanceId, secretHash: toBase64Url(secretHash), scope }],
      };
    },
  ).catch((error: unknown) => {
    const name = error instanceof Problem ? KEY_PROBLEMS[error.problem] : undefined;
    throw name === undefined ? error : keyRefused(name);
  });
  // Should the gate not hear of it now, the first token request of this client delivers it, or the cron does.
  await deliverOutbox(deps, registered.gateId);
  const { instanceId, clientId, issuedAtMs } = registered;
  return { instanceId, clientId, clientSecret, issuedAtMs, scope, grantTypes, headers };
}

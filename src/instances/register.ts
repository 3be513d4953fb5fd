import { and, eq, isNull, sql } from "drizzle-orm";
import { mintRoutingId, openRoutingId } from "../access/routing-id.ts";
import { hashSecret, newSecret } from "../access/secret.ts";
import { toBase64Url, toHex } from "../core/bytes.ts";
import { type Id, idFromUuid, newId } from "../core/id.ts";
import { Problem, type ProblemName } from "../core/problem.ts";
import type { Writer } from "../db/app-database.ts";
import { credentials, instances, registrationKeys } from "../db/schema.ts";
import type { Deps } from "../deps.ts";
import { takeOrRefuse } from "../gate/limit.ts";
import { deliverOutbox } from "../gate/outbox.ts";
import type { ClientMetadata } from "../oauth/client-metadata.ts";
import { mutate } from "../verb.ts";
import { prefixedName } from "./prefixed-name.ts";
import { idempotencyOf, type Repeatable, registerAgain } from "./register-again.ts";

export interface Registration {
  metadata: ClientMetadata;
  registrationKey: string;
  /** Where the caller named the request, so that it can be repeated after a lost answer. */
  repeatable: Repeatable | null;
  /** From where it registers, ISO 3166-1; null where unknown. */
  place: string | null;
}

export interface RegisteredClient {
  instanceId: Id<"instance">;
  clientId: string;
  /** Shown this once; null for a public client. */
  clientSecret: string | null;
  metadata: ClientMetadata;
  issuedAtMs: number;
  /** It was registered before, by the same request. */
  replayed: boolean;
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

/** Why a key that was good when it entered registers nobody now: another used it up, or it was revoked. */
async function endedMeanwhile(tx: Writer, keyId: Id<"registrationKey">): Promise<Problem> {
  const [key] = await tx
    .select({ revokedAt: registrationKeys.revokedAt })
    .from(registrationKeys)
    .where(eq(registrationKeys.id, keyId));
  return new Problem(key?.revokedAt == null ? "registration-key-used" : "registration-key-revoked");
}

/**
 * Registers an instance with a registration key (RFC 7591): it is claimed at once into the key's workspace. A forged key
 * is refused before anything is looked up; a use of the key is spent in the transaction that makes the instance, so of
 * many at once no more succeed than it allows. A request that is repeated has the same instance, another secret and
 * spends nothing. Throws `registration-key-*`, `idempotency-key-reused`, `registration-ended`, `invalid-client-metadata`,
 * `quota-exceeded`, `unavailable`, `outcome-unknown`.
 */
export async function registerInstance(
  deps: Deps,
  requestId: Id<"request">,
  registration: Registration,
): Promise<RegisteredClient> {
  const { metadata, repeatable, place } = registration;
  const { name, scope, grantTypes, redirectUris, authMethod } = metadata;
  const keyGate = await openRoutingId("registration-key", registration.registrationKey, deps.routingKeys);
  if (keyGate === null) throw keyRefused("registration-key-unknown");
  const credentialHash = await hashSecret(registration.registrationKey);
  const headers = await takeOrRefuse(deps, keyGate, {
    requestId,
    routeClass: "register",
    subjects: { key: toHex(credentialHash) },
  });

  const clientSecret = authMethod === "none" ? null : newSecret();
  const secretHash = clientSecret === null ? null : await hashSecret(clientSecret);
  const idempotency = repeatable && idempotencyOf(repeatable);
  const registered = await mutate(
    { deps, requestId, credentialHash, target: null, ...(idempotency && { idempotency }) },
    "instances:register",
    async (tx, entered) => {
      const now = deps.clock.now();
      const keyId = idFromUuid("registrationKey", entered.actorId);
      if (entered.workspaceId === null) throw new Problem("invalid-client-metadata");
      // In one statement, on the locked row: of many at once no more register than the key allows.
      const [spent] = await tx
        .update(registrationKeys)
        .set({
          uses: sql`${registrationKeys.uses} + 1`,
          usedUpAt: sql`case when ${registrationKeys.uses} + 1 >= case when ${registrationKeys.reusable} then ${registrationKeys.maxUses} else 1 end then ebb.clock() end`,
        })
        .where(
          and(eq(registrationKeys.id, keyId), isNull(registrationKeys.usedUpAt), isNull(registrationKeys.revokedAt)),
        )
        .returning({ namePrefix: registrationKeys.namePrefix });
      if (spent === undefined) throw await endedMeanwhile(tx, keyId);

      const { tenantId, gateId, workspaceId } = entered;
      const instanceId = newId("instance", now);
      const clientId = await mintRoutingId("client-id", gateId, deps.routingKeys);
      // Whoever made the key says what its instances are called.
      const called = prefixedName(spent.namePrefix) ?? name;
      await tx.insert(instances).values({
        id: instanceId,
        tenantId,
        workspaceId,
        name: called,
        clientId,
        scope,
        grantTypes,
        redirectUris,
        tokenEndpointAuthMethod: authMethod,
        registrationKeyId: keyId,
        registeredAt: now,
      });
      if (secretHash !== null) {
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
      }
      const client = { name: called, scope, grantTypes, redirectUris, authMethod, registeredAtMs: now };
      return {
        result: { instanceId, clientId, issuedAtMs: now, gateId, name: called },
        audit: { action: "instance.registered", subject: instanceId, detail: { registration_key: keyId } },
        post: [
          {
            kind: "client",
            clientId,
            instanceId,
            secretHash: secretHash === null ? null : toBase64Url(secretHash),
            scope,
            client,
          },
        ],
      };
    },
  ).catch((error: unknown) => {
    // Used up, perhaps by this very request: its answer was lost.
    if (repeatable !== null && isUsedUp(error)) return null;
    throw ofKey(error);
  });
  if (registered === null || idempotency?.replayed === true) {
    const again = { credentialHash, repeatable: repeatable as Repeatable, secretHash, place, requestId };
    const found = await registerAgain(deps, again).catch((error: unknown) => {
      throw ofKey(error);
    });
    if (found === null) throw keyRefused("registration-key-used");
    return { ...found, clientSecret, replayed: true, headers };
  }
  // Should the gate not hear of it now, the first token request of this client delivers it, or the cron does.
  await deliverOutbox(deps, registered.gateId);
  const { instanceId, clientId, issuedAtMs } = registered;
  const called = { ...metadata, name: registered.name };
  return { instanceId, clientId, clientSecret, metadata: called, issuedAtMs, replayed: false, headers };
}

const isUsedUp = (error: unknown) => error instanceof Problem && error.problem === "registration-key-used";

/** The same error; of the key's own refusals one that names the field. */
function ofKey(error: unknown): unknown {
  const name = error instanceof Problem ? KEY_PROBLEMS[error.problem] : undefined;
  return name === undefined ? error : keyRefused(name);
}

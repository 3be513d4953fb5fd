import { authenticateClient, type ClientSecret } from "../clients/authenticate.ts";
import type { RevokedSubject } from "../core/gate-message.ts";
import { PROBLEMS, Problem } from "../core/problem.ts";
import type { Deps } from "../deps.ts";
import { callGate, gateUnavailable } from "../gate/call.ts";
import { PROTOCOL } from "../gate/protocol.ts";
import { type IntrospectionDocument, type IntrospectionFacts, introspectionDocument } from "../oauth/introspection.ts";
import { profileOf } from "../sign-ins/profile.ts";
import { workspaceOfInstance } from "../tenants/workspace-of-instance.ts";
import { type PresentedToken, presentedToken } from "./presented-token.ts";

/**
 * What a token is worth now (RFC 7662), for a client of the tenant whose token it is; to any other, and of anything that
 * is not live, it is just not active. Throws `invalid-client`, `client-revoked`, `quota-exceeded`, `unavailable`.
 */
export async function introspect(
  deps: Deps,
  secret: ClientSecret,
  token: string,
  requestId: string,
): Promise<{ document: IntrospectionDocument; headers: Record<string, string> }> {
  const { claimed, secretHash, headers } = await authenticateClient(deps, requestId, secret, "poll");
  // Its id is no proof: anybody could try tokens out with it (RFC 7662 section 2.1).
  if (secretHash === null) throw new Problem("invalid-client", { headers });
  const nowMs = deps.clock.now();
  const presented = await presentedToken(deps, token);
  const dead = presented?.kind === "refresh-token" && !presented.live;
  if (claimed === null || presented === null || dead || presented.tenantId !== claimed.tenantId) {
    return { document: introspectionDocument(null, deps.publicUrl, nowMs), headers };
  }
  const { gateId, tenantId } = claimed;
  const subjects: RevokedSubject[] = [{ kind: "instance", id: presented.instanceId }];
  if (presented.kind !== "refresh-token") subjects.push({ kind: "token", id: presented.tokenId });
  if (presented.kind !== "instance-token") subjects.push({ kind: "session", id: presented.familyId });
  const generation =
    presented.kind === "user-token" ? { personId: presented.personId, generation: presented.generation } : undefined;
  const { reason } = await callGate(deps, gateId, (gate) =>
    gate.judge({
      v: PROTOCOL,
      gateId,
      tenantId,
      presented: subjects,
      issuedAtMs: presented.issuedAtMs,
      ...(generation && { generation }),
    }),
  ).catch((error: unknown) => {
    throw gateUnavailable(deps, error);
  });
  const facts = reason === null ? await factsOf(deps, presented) : null;
  return { document: introspectionDocument(facts, deps.publicUrl, nowMs), headers };
}

/** Null where what the token stands on has ended, also while its gate has not heard: instance, sign-in, membership. */
async function factsOf(deps: Deps, presented: PresentedToken): Promise<IntrospectionFacts | null> {
  const [workspaceId] = await Promise.all([
    workspaceOfInstance(deps, presented).then(({ id }) => id),
    presented.kind === "instance-token" ? null : profileOf(deps, presented),
  ]).catch(nothing);
  if (workspaceId === null) return null;
  const { clientId, instanceId, issuedAtMs, expiresAtMs } = presented;
  const shared = { clientId, instanceId, issuedAtMs, expiresAtMs };
  switch (presented.kind) {
    case "instance-token": {
      return { ...shared, token: "access", scope: presented.scope, subject: instanceId, workspaceId };
    }
    case "user-token": {
      const { personId, scopes } = presented;
      return { ...shared, token: "access", scope: scopes.join(" "), subject: personId, workspaceId };
    }
    case "refresh-token": {
      const { personId, scope } = presented;
      return { ...shared, token: "refresh", scope, subject: personId, workspaceId };
    }
  }
}

/** For a refusal: whatever its reason, the token is not active. A failure is thrown. */
function nothing(error: unknown): [null] {
  if (error instanceof Problem && PROBLEMS[error.problem].status < 500) return [null];
  throw error;
}

import type { UserCredential } from "../access/credential.ts";
import { Problem } from "../core/problem.ts";
import type { Deps } from "../deps.ts";
import { callGate, gateUnavailable } from "../gate/call.ts";
import { admittedHeaders } from "../gate/limit.ts";
import { PROTOCOL } from "../gate/protocol.ts";
import type { AskedKind } from "./bucket.ts";

/**
 * Asks the gate of a person's token whether it is still good, and has it recorded that the token asked for its session or
 * profile: once an hour a person and instance, the hour alone. Returns the RateLimit headers. Throws why the token is
 * refused (`token-revoked`, `instance-deleted`, `sign-in-ended`, `token-outdated`, `tenant-suspended`), `quota-exceeded`,
 * and `unavailable` when the gate does not answer.
 */
export async function recordAsked(
  deps: Pick<Deps, "gates" | "random">,
  requestId: string,
  credential: UserCredential,
  kind: AskedKind,
): Promise<Record<string, string>> {
  const { gateId, tenantId, instanceId, personId, familyId, tokenId, generation, issuedAtMs } = credential;
  const token = { tenantId, instanceId, personId, familyId, tokenId, generation, issuedAtMs };
  const answer = await callGate(deps, gateId, (gate) =>
    gate.record({ v: PROTOCOL, gateId, requestId, kind, ...token }),
  ).catch((error: unknown) => {
    throw gateUnavailable(deps, error);
  });
  if (answer.outcome === "refused") throw new Problem(answer.reason);
  return admittedHeaders(answer.decision);
}

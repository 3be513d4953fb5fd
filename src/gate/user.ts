import type { InstanceCredential, UserCredential } from "../access/credential.ts";
import type { RevokedSubject } from "../core/gate-message.ts";
import { uuidFromId } from "../core/id.ts";
import type { Deps } from "../deps.ts";
import type { RouteClass } from "../limits/route-classes.ts";
import { takeOrRefuse } from "./limit.ts";
import type { TakeCall } from "./protocol.ts";

/** Everything by which a person's token can be revoked. */
export function presentedOfUser({ instanceId, familyId, tokenId, personId }: UserCredential): RevokedSubject[] {
  return [
    { kind: "instance", id: instanceId },
    { kind: "session", id: familyId },
    { kind: "token", id: tokenId },
    { kind: "person", id: personId },
  ];
}

/**
 * What every call with a person's token begins with, but those that `gate.record` answers: still valid? within the limits
 * of a class? Those of an instance and of a person both apply, where the class has them. Returns the RateLimit headers.
 * Throws why the token is refused, `quota-exceeded` and `unavailable`.
 */
export async function takeOfUser(
  deps: Pick<Deps, "gates" | "random">,
  requestId: string,
  credential: UserCredential,
  routeClass: RouteClass = "account",
): Promise<Record<string, string>> {
  const { personId, generation } = credential;
  return await takeOrRefuse(deps, credential.gateId, {
    ...callOfUser(requestId, credential, routeClass),
    generation: { personId, generation },
  });
}

/** The same call without its generation: for what somebody may do of whom less, or more, is permitted meanwhile. */
export function callOfUser(
  requestId: string,
  credential: UserCredential,
  routeClass: RouteClass,
): Omit<TakeCall, "v" | "gateId"> {
  const { instanceId, personId, issuedAtMs } = credential;
  return {
    requestId,
    routeClass,
    subjects: { instance: instanceId, person: uuidFromId("person", personId) },
    issuedAtMs,
    presented: presentedOfUser(credential),
  };
}

/** What a call with an instance's own token begins with, but a ping. Returns and throws the same. */
export async function takeOfInstance(
  deps: Pick<Deps, "gates" | "random">,
  requestId: string,
  { gateId, instanceId, tokenId, issuedAtMs }: InstanceCredential,
  routeClass: RouteClass = "profile",
): Promise<Record<string, string>> {
  return await takeOrRefuse(deps, gateId, {
    requestId,
    routeClass,
    subjects: { instance: instanceId },
    issuedAtMs,
    presented: [{ kind: "token", id: tokenId }],
  });
}

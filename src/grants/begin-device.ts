import { mintRoutingId } from "../access/routing-id.ts";
import { hashSecret } from "../access/secret.ts";
import { authenticateClient, type ClientSecret, refuseUnregisteredGrant } from "../clients/authenticate.ts";
import { MINUTE_MS } from "../core/clock.ts";
import { newId, uuidFromId } from "../core/id.ts";
import { Problem } from "../core/problem.ts";
import { bytesToSql, instantToSql } from "../db/columns.ts";
import type { Deps } from "../deps.ts";
import { DEVICE_CODE_GRANT } from "../oauth/client-metadata.ts";
import { DEVICE_INTERVAL_S } from "../oauth/device-poll.ts";
import { problemOf } from "../oauth/refusal.ts";
import { formatScope, parseScope, requestScopes } from "../oauth/scope.ts";
import { newUserCode } from "../oauth/user-code.ts";
import { userCodeHash } from "./user-code-hash.ts";

/** A device code lives ten minutes (RFC 8628 section 3.2). */
export const DEVICE_CODE_LIFETIME_S = (10 * MINUTE_MS) / 1000;
export const POLL_INTERVAL_S = DEVICE_INTERVAL_S;
/** User codes that are in use already, before something else must be wrong: there are 25 billion. */
const MOST_COLLISIONS = 5;

export interface DeviceAuthorization {
  deviceCode: string;
  userCode: string;
  verificationUri: string;
  /** The same with the user code in it; the page asks for the code to be compared all the same. */
  verificationUriComplete: string;
  headers: Record<string, string>;
}

/**
 * A device asks for a person's sign-in (RFC 8628 section 3.1), claimed or not, for what its client has registered at most;
 * for all of that when it names no scope. Throws `invalid-client`, `unauthorized-client`, `invalid-scope`, `quota-exceeded`, `unavailable`.
 */
export async function beginDevice(
  deps: Deps,
  requestId: string,
  secret: ClientSecret,
  scope: string | undefined,
): Promise<DeviceAuthorization> {
  const authenticated = await authenticateClient(deps, requestId, secret);
  refuseUnregisteredGrant(authenticated, DEVICE_CODE_GRANT);
  const { client, gateId, headers } = authenticated;
  const requested = requestScopes(scope, parseScope(client.scope));
  if (!requested.ok) throw new Problem(problemOf(`grant:${requested.reason}`), { headers });
  const nowMs = deps.clock.now();
  const deviceCode = await mintRoutingId("device-code", gateId, deps.routingKeys);
  for (let attempt = 1; ; attempt++) {
    const userCode = newUserCode((length) => crypto.getRandomValues(new Uint8Array(length)));
    try {
      await deps.app.ask("select ebb.begin_device($1, $2, $3, $4, $5, $6)", [
        uuidFromId("deviceCode", newId("deviceCode", nowMs)),
        bytesToSql(await hashSecret(deviceCode)),
        bytesToSql(await userCodeHash(userCode)),
        secret.clientId,
        formatScope(requested.scope),
        instantToSql(nowMs),
      ]);
    } catch (error) {
      const taken = error instanceof Problem && error.problem === "conflict";
      if (taken && attempt < MOST_COLLISIONS) continue;
      throw taken ? new Problem("internal", { cause: error }) : error;
    }
    const verificationUri = `${deps.publicUrl}/device`;
    return {
      deviceCode,
      userCode,
      verificationUri,
      verificationUriComplete: `${verificationUri}?user_code=${userCode}`,
      headers,
    };
  }
}

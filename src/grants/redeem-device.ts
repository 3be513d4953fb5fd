import { openRoutingId } from "../access/routing-id.ts";
import { hashSecret } from "../access/secret.ts";
import { authenticateClient, type ClientSecret, refuseUnregisteredGrant } from "../clients/authenticate.ts";
import { Problem } from "../core/problem.ts";
import { bytesToSql, instantFromSql, instantToSql, nullableInstantFromSql } from "../db/columns.ts";
import type { Deps } from "../deps.ts";
import { DEVICE_CODE_GRANT } from "../oauth/client-metadata.ts";
import { type DeviceFacts, decidePoll } from "../oauth/device-poll.ts";
import { problemOf } from "../oauth/refusal.ts";
import { beginSignIn, type SignInTokens, type Whence } from "./sign-in-tokens.ts";

/** Polls of one code that come at the same moment: the later ones are decided on what the earlier left. */
const MOST_ATTEMPTS = 3;

/**
 * A device asks whether its sign-in was approved (RFC 8628 section 3.4), and has its tokens when it was: once. Throws
 * `authorization-pending`, `slow-down`, `access-denied` (also where its person is nothing in the tenant any more),
 * `expired-token`, `invalid-grant`, and what proving the client throws.
 */
export async function redeemDevice(
  deps: Deps,
  secret: ClientSecret,
  deviceCode: string,
  whence: Whence,
): Promise<SignInTokens> {
  const authenticated = await authenticateClient(deps, whence.requestId, secret, "poll");
  const { headers } = authenticated;
  refuseUnregisteredGrant(authenticated, DEVICE_CODE_GRANT);
  const genuine = (await openRoutingId("device-code", deviceCode, deps.routingKeys)) !== null;
  const hash = bytesToSql(await hashSecret(deviceCode));
  for (let attempt = 1; ; attempt++) {
    const nowMs = deps.clock.now();
    const [row] = genuine ? await deps.app.ask("select * from ebb.device_by_code($1)", [hash]) : [];
    const decision = decidePoll(row === undefined ? null : factsOf(row), genuine, secret.clientId, nowMs);
    if (decision.kind === "grant") {
      return await beginSignIn(deps, authenticated, "ebb.redeem_device", hash, whence);
    }
    const polled = decision.reason === "pending" || decision.reason === "slow-down";
    if (polled && row !== undefined) {
      const [noted] = await deps.app.ask("select ebb.note_poll($1, $2, $3, $4) as noted", [
        row["id"],
        row["polled_at"],
        instantToSql(nowMs),
        decision.intervalS ?? row["interval_s"],
      ]);
      if (noted?.["noted"] !== true && attempt < MOST_ATTEMPTS) continue;
    }
    throw new Problem(problemOf(`poll:${decision.reason}`), { headers });
  }
}

function factsOf(row: Record<string, unknown>): DeviceFacts {
  return {
    clientId: row["client_id"] as string,
    issuedAtMs: instantFromSql(row["issued_at"] as string),
    expiresAtMs: instantFromSql(row["expires_at"] as string),
    approved: row["approved_at"] !== null,
    denied: row["denied_at"] !== null,
    usedAt: nullableInstantFromSql(row["used_at"]),
    polledAtMs: nullableInstantFromSql(row["polled_at"]),
    intervalS: row["interval_s"] as number,
  };
}

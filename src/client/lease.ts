import { textField } from "./json-field.ts";
import type { Parts } from "./parts.ts";
import { keysRequest, leaseRequest } from "./request.ts";
import { fail, type Result } from "./result.ts";
import { publicKeysOf } from "./state.ts";
import type { UserToken } from "./user-token.ts";
import { type Lease, SKEW_MS, verifyLease } from "./verify-lease.ts";

/** How far the clock may advance before the moment is written down, ms. */
const NOTE_EVERY_MS = 60_000;

export interface Leases {
  /** Fetches a lease with the service's keys, and keeps it only if it verifies. */
  fetch(): Promise<Result<Lease>>;
  /** Verifies the lease that is kept. Needs no network. */
  verify(): Promise<Result<Lease>>;
}

export function createLeases({ settings, memory, send }: Parts, userToken: UserToken): Leases {
  const { now, issuer } = settings;
  return {
    fetch: async () => {
      const answer = await userToken.send((token) => leaseRequest(settings, token));
      if (!answer.ok) return answer;
      const token = textField(answer.value, "lease", 8_192);
      if (token === null) return fail("invalid-answer");
      const published = await send(keysRequest(settings), "person");
      const keys = published.ok ? publicKeysOf(published.value) : (memory.state.lease?.keys ?? []);
      if (keys.length === 0) return published.ok ? fail("invalid-answer") : published;
      const { client, user } = memory.state;
      // Signed out while it was on its way: it would outlive the sign-in.
      if (client === null || user === null) return fail("signed-out");
      const lease = await verifyLease(token, { issuer, audience: client.id, keys, nowMs: now() });
      if (!lease.ok) return lease;
      // The service has just said what time it is: what a wrong clock has left behind is over.
      const seenAtMs = Math.min(Math.max(memory.state.seenAtMs, now()), lease.value.issuedAtMs + SKEW_MS);
      await memory.save({ lease: { token, keys }, seenAtMs });
      return lease;
    },
    verify: async () => {
      const { lease, client, seenAtMs } = memory.state;
      if (lease === null || client === null) return fail("no-lease");
      const nowMs = now();
      if (nowMs < seenAtMs - SKEW_MS) return fail("clock-set-back");
      if (nowMs > seenAtMs + NOTE_EVERY_MS) await memory.save({});
      // A clock that was set back by less counts from the latest moment seen here.
      return await verifyLease(lease.token, {
        issuer,
        audience: client.id,
        keys: lease.keys,
        nowMs: Math.max(nowMs, seenAtMs),
      });
    },
  };
}

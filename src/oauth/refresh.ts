import { MINUTE_MS } from "../core/clock.ts";
import { formatScope, intersectScopes, parseScope } from "./scope.ts";

/** Times in milliseconds since 1970. */
export interface RefreshFacts {
  token: {
    id: string;
    /** Of its first use: a retry does not move it. */
    usedAtMs: number | null;
    revokedAtMs: number | null;
    expiresAtMs: number;
  };
  family: {
    clientId: string;
    endedAtMs: number | null;
    scope: string;
    /** When it ends at the latest. */
    endsAtMs: number;
  };
  /** Of the tokens that came in the place of this one the last, which is the one not voided; null: none came. */
  successor: { id: string; usedAtMs: number | null; revokedAtMs: number | null } | null;
}

export interface RefreshPresented {
  clientId: string;
  /** Of the request; omitted, it is the family's (RFC 6749 section 6). */
  scope?: string | undefined;
}

export type RefreshReason = "unknown" | "expired" | "other-client" | "ended" | "scope";

export type RefreshDecision =
  /**
   * A new token comes in the place of this one, which is used from now on; `voids`: the id of the one that had come
   * before, and is void. `scope` is that of the access token; the family keeps its own.
   */
  | { kind: "rotate"; voids: string | null; scope: string }
  | { kind: "refuse"; reason: RefreshReason }
  /** Shown a second time: the family must be ended, and the request is refused. */
  | { kind: "reuse" };

/** For how long the predecessor of a token that nobody has used is still good, from its first use. */
export const LOST_ANSWER_MS = MINUTE_MS;

/**
 * Decides about a refresh token (RFC 6749 section 6, RFC 9700 section 4.14.2). Checked in this order:
 * 1. Unknown.
 * 2. Another client's: refused, and nothing changes.
 * 3. Its family has ended.
 * 4. Voided: the family ends. Somebody holds an answer that its client never used.
 * 5. Used: within 60 s of that, while nobody has used what came in its place, its answer was lost: another comes, and
 *    the unused one is void, so that there is always one. Otherwise two hold the same token, and the family ends.
 * 6. Expired.
 * 7. A scope wider than the family's: refused without spending the token; a narrower one is for the access token alone.
 */
export function decideRefresh(facts: RefreshFacts | null, presented: RefreshPresented, nowMs: number): RefreshDecision {
  if (facts === null) return { kind: "refuse", reason: "unknown" };
  const { token, family, successor } = facts;
  if (family.clientId !== presented.clientId) return { kind: "refuse", reason: "other-client" };
  if (family.endedAtMs !== null || nowMs >= family.endsAtMs) return { kind: "refuse", reason: "ended" };
  if (token.revokedAtMs !== null) return { kind: "reuse" };
  let voids: string | null = null;
  if (token.usedAtMs !== null) {
    const unredeemed = successor !== null && successor.usedAtMs === null && successor.revokedAtMs === null;
    if (!unredeemed || nowMs - token.usedAtMs > LOST_ANSWER_MS) return { kind: "reuse" };
    voids = successor.id;
  }
  if (nowMs >= token.expiresAtMs) return { kind: "refuse", reason: "expired" };
  const scope = narrowed(family.scope, presented.scope);
  return scope === null ? { kind: "refuse", reason: "scope" } : { kind: "rotate", voids, scope };
}

/** The scope asked for; null when it has anything that was not granted (RFC 6749 section 6), or lacks what nothing is without. */
function narrowed(granted: string, asked: string | undefined): string | null {
  if (asked === undefined) return granted;
  const requested = parseScope(asked);
  const scope = intersectScopes(requested, parseScope(granted));
  return scope.includes("profile:read") && scope.length === requested.length ? formatScope(scope) : null;
}

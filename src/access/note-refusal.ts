import { toHex } from "../core/bytes.ts";
import { HOUR_MS } from "../core/clock.ts";
import { errorFields } from "../core/log.ts";
import type { ProblemName } from "../core/problem.ts";
import type { Deps } from "../deps.ts";
import { bearerToken } from "./authenticate.ts";
import { openRoutingId } from "./routing-id.ts";
import { hashSecret } from "./secret.ts";
import { sessionSecret } from "./session-cookie.ts";

/** What is told to genuine credentials alone. */
const REASONS: ReadonlySet<ProblemName> = new Set([
  "key-expired",
  "key-revoked",
  "forbidden",
  "not-accepted-here",
  "tenant-suspended",
  "tenant-closed",
  "cross-site",
]);

/** Refusals that this isolate has noted: whoever hammers with a dead key does not reach Postgres with each call. */
const KEPT = 10_000;

/**
 * Has the account that a refused credential belongs to see it in its authentication history, once an hour. Best effort:
 * never throws, and changes no answer.
 */
export function refusalNoter(
  countryOf: (request: Request) => string | null,
): (request: Request, problem: ProblemName, deps: Deps, requestId: string) => Promise<void> {
  const noted = new Set<string>();
  return async function noteRefusal(request, problem, deps, requestId) {
    if (!REASONS.has(problem)) return;
    try {
      const hash = await presentedHash(request, deps);
      if (hash === null) return;
      const once = `${Math.floor(deps.clock.now() / HOUR_MS)} ${problem} ${toHex(hash)}`;
      if (noted.has(once)) return;
      if (noted.size >= KEPT) noted.clear();
      await deps.app.noteRefusal(hash, problem, countryOf(request), requestId);
      noted.add(once);
    } catch (error) {
      deps.logger.log("warn", "refusal-not-noted", { requestId, ...errorFields(error) });
    }
  };
}

/** SHA-256 of the key, token or session cookie that a request shows; null for what was not made by us. */
async function presentedHash(request: Request, deps: Deps): Promise<Uint8Array | null> {
  if (!request.headers.has("authorization")) {
    const secret = sessionSecret(request);
    return secret === null ? null : await hashSecret(secret);
  }
  const key = bearerToken(request);
  for (const kind of ["api-key", "personal-access-token"] as const) {
    if ((await openRoutingId(kind, key, deps.routingKeys)) !== null) return await hashSecret(key);
  }
  return null;
}

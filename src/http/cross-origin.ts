import type { Reply } from "./reply.ts";
import type { RouteFacts } from "./route.ts";
import type { MountedPath } from "./route-table.ts";

/**
 * Pages of other origins (Fetch standard, section 3.2, "CORS protocol"). What asks for a credential in the request itself
 * may be asked from anywhere: no cookie of ours goes along, because the answer never allows credentials. Pages, and the
 * authorization endpoint with them, may not (RFC 9700 section 2.6).
 */

/** What callers send besides what every page may. */
const REQUEST_HEADERS = "Authorization, Content-Type, Idempotency-Key, If-Match, Ebb-Reason";
/** What a page may read of an answer besides what it always may. */
const RESPONSE_HEADERS = "RateLimit, RateLimit-Policy, Retry-After, ETag, Date, WWW-Authenticate, X-Request-Id";
/** Two hours, in seconds: Chromium keeps no permission longer. */
const MAX_AGE_S = 7_200;

/** Whether a page of any origin may read what this route answers. */
export function isOpenToPages({ security, anyOrigin }: Pick<RouteFacts, "security" | "anyOrigin">): boolean {
  return security !== "public" || anyOrigin === true;
}

/** Lets the page that asks read an answer, good or bad. */
export function openToPages(response: Response, request: Request, route: RouteFacts): void {
  if (!isOpenToPages(route)) return;
  // What is public may be kept and shown to somebody else: it says the same to all.
  if (route.security !== "public" && !request.headers.has("origin")) return;
  response.headers.set("access-control-allow-origin", "*");
  response.headers.set("access-control-expose-headers", RESPONSE_HEADERS);
}

/** The answer to a browser that asks whether a page may send a request; null for any other request. */
export function preflight(request: Request, { byMethod }: MountedPath): Reply | null {
  const { method, headers } = request;
  if (method !== "OPTIONS" || !headers.has("origin") || !headers.has("access-control-request-method")) return null;
  const methods = [...byMethod].filter(([, route]) => isOpenToPages(route)).map(([name]) => name);
  if (methods.length === 0) return null;
  return {
    status: 204,
    headers: {
      "access-control-allow-origin": "*",
      "access-control-allow-methods": methods.join(", "),
      "access-control-allow-headers": REQUEST_HEADERS,
      "access-control-max-age": String(MAX_AGE_S),
    },
  };
}

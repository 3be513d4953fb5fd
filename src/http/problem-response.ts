import { PROBLEMS, Problem, type ProblemName } from "../core/problem.ts";
import { SECURITY_HEADERS } from "./middleware/security-headers.ts";
import { isBearer, type Security } from "./route.ts";

/** What a refusal depends on besides the problem itself. */
export interface ProblemContext {
  path: string;
  requestId: string;
  nowMs: number;
  /** The request's Authorization header: decides between a Basic challenge and none (RFC 6749 section 5.2). */
  authorization: string | null;
  /** Undefined where no route was found. */
  security?: Security | undefined;
  /** The scope that the route needs, if it needs one. */
  scope?: string | undefined;
}

/** Registered with IANA by draft-ietf-httpapi-ratelimit-headers. */
const QUOTA_EXCEEDED_TYPE = "https://iana.org/assignments/http-problem-types#quota-exceeded";

/** What a Basic challenge may answer: the client, not a token, failed to authenticate. */
const CLIENT_PROBLEMS: ReadonlySet<ProblemName> = new Set(["invalid-client", "client-revoked"]);

/** Anything thrown, as a Problem: what is not one already is `internal`, and its text stays inside. */
export function toProblem(error: unknown): Problem {
  return error instanceof Problem ? error : new Problem("internal", { cause: error });
}

export function isOAuthPath(path: string): boolean {
  return path.startsWith("/oauth2/");
}

export function problemType(name: ProblemName): string {
  return name === "quota-exceeded" ? QUOTA_EXCEEDED_TYPE : `urn:ebb:problem:${name}`;
}

/**
 * RFC 9457 problem details, with `code`, `error` and `message` for clients of the published contract. Extension
 * members never replace a member of ours.
 */
export function problemBody(problem: Problem, requestId: string): Record<string, unknown> {
  const { status, code, title } = PROBLEMS[problem.problem];
  const { errors, members = {} } = visibleDetail(problem);
  const body: Record<string, unknown> = {
    type: problemType(problem.problem),
    title,
    status,
    code,
    error: problem.problem,
    message: title,
    request_id: requestId,
    ...(errors === undefined ? {} : { errors }),
  };
  for (const [name, value] of Object.entries(members)) if (!Object.hasOwn(body, name)) body[name] = value;
  return body;
}

/** RFC 6749 section 5.2, and the refused fields where there are any; the request id is in its header alone. */
export function oauthErrorBody(problem: Problem): Record<string, unknown> {
  const { oauth, title } = PROBLEMS[problem.problem];
  const { errors } = visibleDetail(problem);
  return { error: oauth, error_description: title, ...(errors === undefined ? {} : { errors }) };
}

/** The one place where a refusal becomes bytes. Header values that HTTP does not allow end in a plain `internal`. */
export function problemResponse(problem: Problem, context: ProblemContext): Response {
  try {
    return build(problem, context);
  } catch (cause) {
    return build(new Problem("internal", { cause }), context);
  }
}

/** A 404 says nothing else, whatever its thrower knew: another tenant's resource looks like one that never was. */
function visibleDetail(problem: Problem): Problem["detail"] {
  return problem.problem === "not-found" ? {} : problem.detail;
}

function build(problem: Problem, context: ProblemContext): Response {
  const { status } = PROBLEMS[problem.problem];
  const { headers: own = {}, retryAfterS } = visibleDetail(problem);
  const oauth = isOAuthPath(context.path);
  const headers = new Headers(own);
  for (const [name, value] of Object.entries(SECURITY_HEADERS)) headers.set(name, value);
  headers.set("content-type", oauth ? "application/json" : "application/problem+json");
  headers.set("cache-control", "no-store");
  if (oauth) headers.set("pragma", "no-cache");
  headers.set("x-request-id", context.requestId);
  if (retryAfterS !== undefined && Number.isFinite(retryAfterS)) {
    headers.set("retry-after", String(Math.max(0, Math.ceil(retryAfterS))));
  }
  if (status === 401) {
    // A client whose clock is wrong can see it here, and the edge does not add it in every environment.
    headers.set("date", new Date(context.nowMs).toUTCString());
    const challenge = challengeFor(problem.problem, context);
    if (challenge !== undefined) headers.set("www-authenticate", challenge);
  }
  if (problem.problem === "insufficient-scope") {
    const scope = context.scope === undefined ? "" : `, scope="${context.scope}"`;
    headers.set("www-authenticate", `Bearer realm="ebb", error="insufficient_scope"${scope}`);
  }
  const body = oauth ? oauthErrorBody(problem) : problemBody(problem, context.requestId);
  return new Response(JSON.stringify(body), { status, headers });
}

/**
 * RFC 6750 section 3: no error code for a caller without a credential, and here none for an unknown or forged one
 * either, so that both look alike; a reason is for genuine credentials only. RFC 6749 section 5.2: `Basic` only for a
 * client that tried it; ours send their secret in the body and get no challenge.
 */
function challengeFor(name: ProblemName, context: ProblemContext): string | undefined {
  const bearer = isBearer(context.security);
  if (isOAuthPath(context.path) && !bearer) {
    const usedBasic = /^basic(?: |$)/i.test(context.authorization ?? "");
    return CLIENT_PROBLEMS.has(name) && usedBasic ? 'Basic realm="ebb"' : undefined;
  }
  if (name === "unauthenticated" || CLIENT_PROBLEMS.has(name)) return 'Bearer realm="ebb"';
  return `Bearer realm="ebb", error="invalid_token", error_description="${PROBLEMS[name].title}"`;
}

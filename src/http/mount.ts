import type { Context, Env, Hono } from "hono";
import { type FieldError, Problem, type ProblemName } from "../core/problem.ts";
import type { Deps } from "../deps.ts";
import { openToPages, preflight } from "./cross-origin.ts";
import { fieldErrors, MAX_FIELD_ERRORS } from "./field-errors.ts";
import { accessLog } from "./middleware/access-log.ts";
import { requestIds } from "./middleware/request-id.ts";
import { isOAuthPath, problemResponse, toProblem } from "./problem-response.ts";
import { type Reply, replyToResponse } from "./reply.ts";
import { readBody } from "./request-body.ts";
import { type BearerSecurity, type CredentialOf, isAccount, isBearer, type RouteDefinition } from "./route.ts";
import { groupByPath, type MountedPath } from "./route-table.ts";
import { parseUrlencoded } from "./urlencoded.ts";

/**
 * Prove a bearer credential from the request alone or throw a Problem; `public`: limit a caller who shows none. Given
 * from outside: `http` knows no keys.
 */
export type Authenticators = {
  [S in BearerSecurity]: (request: Request, deps: Deps) => Promise<CredentialOf<S>>;
} & { public: (request: Request, deps: Deps, requestId: string) => Promise<void> };

/** Hears of what the account API refused, before the answer goes out. Must not throw. */
export type OnRefusal = (request: Request, problem: ProblemName, deps: Deps, requestId: string) => Promise<void>;

/**
 * Mounts every route: request id → preflight → authenticate (or limit by network) → media type → bounded read → parse →
 * validate → handle → headers → log. Answers 404 and 405 as problems too (RFC 9110 sections 15.5.5, 15.5.6), and HEAD as
 * GET without content. Throws when two routes share an operationId or a method and path.
 */
export function mountRoutes<E extends Env>(
  app: Hono<E>,
  routes: readonly RouteDefinition[],
  deps: Deps,
  authenticators: Authenticators,
  onRefusal?: OnRefusal,
): void {
  const newRequestId = requestIds(deps.clock);
  const logAccess = accessLog(deps.logger);

  async function serve(c: Context<E>, mounted: MountedPath | undefined, failure?: unknown): Promise<Response> {
    const startedAtMs = deps.clock.now();
    const requestId = newRequestId(startedAtMs);
    const { method } = c.req;
    const route = mounted?.byMethod.get(method);
    let problem: Problem | undefined;
    let response: Response;
    try {
      if (failure !== undefined) throw failure;
      if (mounted === undefined) throw new Problem("not-found");
      const reply = preflight(c.req.raw, mounted) ?? (await run(c, mounted, requestId));
      response = replyToResponse(reply, {
        requestId,
        cacheable: route?.security === "public",
        oauth: isOAuthPath(mounted.pattern),
      });
    } catch (error) {
      problem = toProblem(error);
      if (isAccount(route?.security)) await onRefusal?.(c.req.raw, problem.problem, deps, requestId);
      response = problemResponse(problem, {
        path: mounted?.pattern ?? c.req.path,
        requestId,
        nowMs: startedAtMs,
        authorization: c.req.raw.headers.get("authorization"),
        security: route?.security,
        scope: route?.scope,
      });
    }
    if (route !== undefined) openToPages(response, c.req.raw, route);
    logAccess({
      requestId,
      method,
      pattern: mounted?.pattern ?? "*",
      status: response.status,
      durationMs: deps.clock.now() - startedAtMs,
      // Without a route nothing succeeds but a page's question whether it may ask.
      quiet: route === undefined || route.quiet === true,
      problem,
    });
    return response;
  }

  async function run(c: Context<E>, { byMethod, allow }: MountedPath, requestId: string): Promise<Reply> {
    const request = c.req.raw;
    const route = byMethod.get(c.req.method);
    if (route === undefined) throw new Problem("method-not-allowed", { headers: { allow } });
    const credential = isBearer(route.security) ? await authenticators[route.security](request, deps) : undefined;
    if (credential?.kind === "user-token" && route.scope !== undefined && !credential.scopes.includes(route.scope)) {
      throw new Problem("insufficient-scope");
    }
    // Nobody to count by but the network. The others are counted by the gate that their credential leads to.
    if (route.security === "public") await authenticators.public(request, deps, requestId);
    const body = route.body === undefined ? undefined : await readBody(request, route.body);
    const errors: FieldError[] = [];
    const params = route.params === undefined ? {} : validate(route.params, c.req.param(), errors);
    const query =
      route.query === undefined
        ? {}
        : validate(route.query, parseUrlencoded(queryOf(request.url), "invalid-field"), errors);
    const parsed =
      route.body === undefined || body === undefined ? undefined : validate(route.body.schema, body, errors);
    if (errors.length > 0) {
      throw new Problem(route.invalidBody ?? "invalid-field", { errors: errors.slice(0, MAX_FIELD_ERRORS) });
    }
    return await route.handle({ params, query, body: parsed, credential, requestId, request, deps });
  }

  for (const mounted of groupByPath(routes)) {
    app.all(mounted.pattern.replaceAll(/\{([^}]+)\}/g, ":$1"), (c) => serve(c, mounted));
  }
  app.notFound((c) => serve(c, undefined));
  app.onError((error, c) => serve(c, undefined, error));
}

function validate(
  schema: NonNullable<RouteDefinition["body"]>["schema"],
  value: unknown,
  errors: FieldError[],
): unknown {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  errors.push(...fieldErrors(result.error.issues, value));
  return undefined;
}

function queryOf(url: string): string {
  const start = url.indexOf("?");
  if (start === -1) return "";
  const end = url.indexOf("#", start);
  return url.slice(start + 1, end === -1 ? undefined : end);
}

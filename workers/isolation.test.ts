import { env } from "cloudflare:workers";
import { beforeAll, expect, test } from "vitest";
import type * as z from "zod";
import { routesOf } from "../src/app.ts";
import type { IdKind } from "../src/core/id.ts";
import { opens, type Permission, permissionsOf } from "../src/core/permission.ts";
import { isAccount, type RouteDefinition } from "../src/http/route.ts";
import { traceOf, withoutCommits } from "../src/testing/faults.ts";
import { call } from "../src/testing/instance.ts";
import {
  type Caller,
  type IsolationWorld,
  idKindOf,
  isolationWorld,
  PLACES,
  type Place,
} from "../src/testing/isolation-world.ts";
import { createDeps } from "./runtime.ts";

/**
 * The isolation matrix of the API: every route × every credential and role × every place of the tree, the target named
 * by path or query. What must come is derived from the registry and the table of permissions; a new route is in it by
 * being there. Nothing is changed: a verb's transaction does all it has to, up to its COMMIT, which never arrives.
 */

let world: IsolationWorld;
let routes: RouteDefinition[];

beforeAll(async () => {
  world = await isolationWorld();
  routes = routesOf(await createDeps(env)).filter(
    // A device's request is of no tenant until somebody answers it: whose it may be is tried in workers/oauth-device.test.ts.
    ({ security, path }) => isAccount(security) && !path.startsWith("/oauth2/device/"),
  );
});

/** Done to a tenant from above alone, whatever one is permitted in it. */
const FROM_ABOVE = ["suspend_tenant", "resume_tenant", "change_plan", "end_subscription"];
/** For the platform owner alone, beside what the registry says so of. */
const PLATFORM_ALONE: readonly string[] = ["move_tenant", "set_tenant_limit", "delete_tenant_limit"];
/** For the platform in its own tenant alone: it has none in those below. */
const IN_PLATFORM_ALONE = ["list_vouchers", "create_voucher", "delete_voucher"];
/** For a person, by a session or a token and in the tenant where that person is a member: a key is nobody's. */
const PERSONS_ALONE = ["create_token"];
/** For a person by a session alone, in the tenant where that person is a member. */
const IN_PERSON = ["transfer_ownership"];
/** What would end the sessions with which the matrix asks: only refusals are tried here. */
const ENDS_SESSIONS = ["delete_own_sessions"];
/** Answered 404 to those who may: what they name is no client, or is the platform, which nobody closes. */
const NOTHING_THERE = [
  ...["set_tenant_allotment", "delete_tenant_allotment", "close_tenant", "reopen_tenant"],
  // Somebody else's session, an invitation's token that never was, a member or token that is not one's own.
  ...["delete_own_session", "accept_invitation", "delete_token"],
];
/** A client is told who its reseller is, by name (GDPR article 13(1)(a)). */
const NAMES_RESELLER = ["get_tenant", "rename_tenant"];

/** Headers in which some systems take a tenant; here the credential alone says who asks. */
const FORGED = ["x-tenant-id", "x-ebb-tenant", "x-tenant", "x-org-id", "x-forwarded-tenant", "x-actor-id"];

interface Answer {
  status: number;
  problem: string | null;
  /** All that a caller can tell two answers apart by. */
  bytes: string;
  text: string;
}

/** Of the request and its time alone, whatever was found: those of CORS come with an Origin, which only sessions send. */
const VOLATILE = [
  ...["x-request-id", "date", "ratelimit", "ratelimit-policy"],
  ...["access-control-allow-origin", "access-control-expose-headers"],
];

let asked = 0;

async function ask(
  caller: Caller,
  route: RouteDefinition,
  place: Place,
  { ids, query, body, headers = {}, reason = true }: Asked = {},
): Promise<Answer> {
  const search = new URLSearchParams(query);
  const byQuery = route.personal !== true && !route.path.includes("{tenant_id}");
  if (byQuery && !search.has("tenant_id")) search.set("tenant_id", world.idOf(place, "tenant", "tenant_id"));
  const forged = Object.fromEntries(FORGED.map((name) => [name, world.tenants.sibling.id]));
  const response = await call(`${world.fill(route, place, ids)}${search.size === 0 ? "" : `?${search}`}`, {
    method: route.method,
    headers: {
      ...forged,
      // Each from a network of its own: whoever shows a cookie is counted by network first.
      "cf-connecting-ip": `10.${(asked >> 8) & 255}.${asked++ & 255}.1`,
      ...(await caller.headers(route.method)),
      ...(reason ? { "ebb-reason": "a ticket" } : {}),
      ...(route.body === undefined ? {} : { "content-type": route.body.content }),
      ...headers,
    },
    ...(route.body === undefined ? {} : { body: JSON.stringify(body ?? bodyOf(route, place)) }),
  });
  const text = await response.text();
  const said = response.headers.get("content-type") === "application/problem+json";
  const shown = [...response.headers].filter(([name]) => !VOLATILE.includes(name));
  return {
    status: response.status,
    problem: said ? (JSON.parse(text) as { error: string }).error : null,
    bytes: JSON.stringify([response.status, shown, text.replaceAll(/req_\w{26}/g, "req")]),
    text,
  };
}

/** The route's example, with ids of this place wherever ids stand. */
function bodyOf(route: RouteDefinition, place: Place): unknown {
  const ids = positionsOf(route).filter(({ where }) => where === "body");
  const given = ids.map(({ kind, field }) => [field, world.idOf(place, kind, field)] as const);
  return { ...(route.body?.example as object), ...Object.fromEntries(given) };
}

interface Asked {
  ids?: Record<string, string>;
  query?: Record<string, string>;
  body?: unknown;
  headers?: Record<string, string>;
  reason?: boolean;
}

/** Whether a place lies at or below a home. */
function sees({ home }: Caller, place: Place): boolean {
  if (place === "unknown") return false;
  return home === place || home === "parent" || (home === "own" && place === "child");
}

const NOT_FOUND = "404 not-found";
const FORBIDDEN = "403 forbidden";

/** What must come: a refusal, or null where the caller is let through. */
function expected(route: RouteDefinition, caller: Caller, place: Place, reason: boolean): string | null {
  if (caller.always !== undefined) return `${caller.always.status} ${caller.always.problem}`;
  const session = caller.name.startsWith("session");
  if (route.personal === true && route.operationId !== "get_user") {
    return session ? null : caller.role === null ? NOT_FOUND : FORBIDDEN;
  }
  if (route.personal === true) return null;
  if (!sees(caller, place)) return NOT_FOUND;
  const permission = route.permission as Permission | undefined;
  if (permission === undefined) return null;
  const fromAbove = caller.home !== place;
  const operates = caller.home === "parent" && fromAbove;
  // Whoever is of the platform is an operator in the tenants below it, or nothing there.
  if (operates && caller.role === "member") return NOT_FOUND;
  // Whoever leaves needs no permission: whether the tenant is opened is asked first.
  if (operates && !reason && ["delete_member", "delete_team_user"].includes(route.operationId))
    return "403 reason-required";
  // Its successor could do more than an operator, and last longer than a day.
  if (operates && reason && route.operationId === "rotate_key") return FORBIDDEN;
  const role = operates ? "operator" : caller.role;
  if (role !== null && !permissionsOf(role).includes(permission)) return FORBIDDEN;
  if (operates && !reason && opens(permission)) return "403 reason-required";
  if ((route.ownerOnly === true || PLATFORM_ALONE.includes(route.operationId)) && caller.home !== "parent") {
    return FORBIDDEN;
  }
  if (IN_PLATFORM_ALONE.includes(route.operationId) && fromAbove) return FORBIDDEN;
  if (PERSONS_ALONE.includes(route.operationId) && (caller.role === null || fromAbove)) return FORBIDDEN;
  if (IN_PERSON.includes(route.operationId) && (!session || fromAbove)) return FORBIDDEN;
  return FROM_ABOVE.includes(route.operationId) && !fromAbove ? FORBIDDEN : null;
}

interface Cell {
  route: RouteDefinition;
  caller: Caller;
  place: Place;
  reason: boolean;
}

function cellsOf(route: RouteDefinition): Cell[] {
  return world.callers.flatMap((caller) => {
    if (ENDS_SESSIONS.includes(route.operationId) && caller.name.startsWith("session")) return [];
    // About the caller in person: there is no tenant to name.
    const places = route.personal === true ? [caller.home] : caller.places;
    return places.flatMap((place) => {
      const reasons =
        caller.withoutReason === true && place !== "sibling" && place !== "moved" ? [true, false] : [true];
      return reasons.map((reason) => ({ route, caller, place, reason }));
    });
  });
}

/** So many requests at once: each waits for Postgres most of the time. */
const AT_ONCE = 8;

async function each<T>(items: readonly T[], fn: (item: T) => Promise<void>): Promise<void> {
  const rest = items.values();
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      for (const item of rest) await fn(item);
    }),
  );
}

test("every route × credential and role × place of the tree: no leak, and every denial has its positive control", {
  timeout: 300_000,
}, async ({ annotate }) => {
  const leaks: string[] = [];
  const positives = new Map<string, number>();
  const notFound = new Map<string, Set<string>>();
  const cells = routes.flatMap(cellsOf);
  const wanted = { refused: 0, through: 0 };
  const startedAtMs = performance.now();
  await withoutCommits(() =>
    each(cells, async ({ route, caller, place, reason }) => {
      const name = `${route.method} ${route.path}, ${caller.name}${reason ? "" : " without a reason"}, ${place}`;
      const want = expected(route, caller, place, reason);
      const got = await ask(caller, route, place, { reason });
      const met = `${got.status} ${got.problem}`;
      if (want !== null) {
        wanted.refused += 1;
        const hidden = (caller.home === "suspended" || caller.home === "closed") && met === NOT_FOUND;
        if (met !== want && !hidden) leaks.push(`${name}: ${met}, not ${want}`);
        if (want === NOT_FOUND && caller.always === undefined) {
          notFound.set(route.operationId, (notFound.get(route.operationId) ?? new Set()).add(got.bytes));
        }
      } else {
        wanted.through += 1;
        const nothing = got.status === 404 && !NOTHING_THERE.includes(route.operationId);
        const refused = [401, 403, 429, 500].includes(got.status) || got.problem === "invalid-field" || nothing;
        if (refused) leaks.push(`${name}: ${met}, and should be let through`);
        else positives.set(route.operationId, (positives.get(route.operationId) ?? 0) + 1);
      }
      for (const other of PLACES) {
        if (sees(caller, other) || (NAMES_RESELLER.includes(route.operationId) && other === "own")) continue;
        for (const mark of world.marksOf(other)) if (got.text.includes(mark)) leaks.push(`${name}: shows ${mark}`);
      }
    }),
  );
  const seconds = Math.round((performance.now() - startedAtMs) / 1000);
  expect(leaks).toEqual([]);
  // Another's tenant and one that never was: one answer for a route, whoever asks.
  for (const [operation, answers] of notFound) expect([operation, ...answers], operation).toHaveLength(2);
  expect(routes.map(({ operationId }) => operationId).filter((id) => !positives.has(id))).toEqual(ENDS_SESSIONS);
  expect(wanted.refused + wanted.through).toBe(cells.length);
  await annotate(
    `isolation: ${routes.length} routes, ${world.callers.length} callers, ${cells.length} cells (${wanted.refused} denials, ${wanted.through} positive controls), ${leaks.length} leaks, ${seconds} s`,
  );
});

/** A position of a route in which an id stands. */
interface Position {
  where: "path" | "query" | "body";
  field: string;
  kind: IdKind;
}

function positionsOf(route: RouteDefinition): Position[] {
  const shapes = { path: route.params, query: route.query, body: route.body?.schema } as const;
  return Object.entries(shapes).flatMap(([where, schema]) =>
    Object.entries((schema as z.ZodObject | undefined)?.shape ?? {}).flatMap(([field, type]) => {
      const kind = idKindOf(type as z.ZodType);
      return kind === undefined ? [] : [{ where: where as Position["where"], field, kind }];
    }),
  );
}

/** The same request with this id in one position, and otherwise what the caller may name. */
function askedWith(route: RouteDefinition, { where, field }: Position, home: Place, id: string): Asked {
  if (where === "path") return { ids: { [field]: id } };
  if (where === "query") return { query: { [field]: id } };
  return { body: { ...(bodyOf(route, home) as object), [field]: id } };
}

/** An id that never was, next to this one: as a cursor it stands in the same place. */
function twinOf(id: string): string {
  return id.slice(0, -1) + (id.endsWith("0") ? "1" : "0");
}

test("an id of another tenant and one that never was: equal bytes, and an equal trace of statements", {
  timeout: 300_000,
}, async ({ annotate }) => {
  const differ: string[] = [];
  let compared = 0;
  const callers = world.callers.filter(({ name }) => ["session of owner of own", "key of child"].includes(name));
  expect(callers).toHaveLength(2);
  // Whether the database's role is safe is asked once for each Worker.
  const first = routes.find(({ method }) => method === "GET") as RouteDefinition;
  for (const caller of callers) await ask(caller, first, caller.home);
  await withoutCommits(async () => {
    for (const route of routes) {
      for (const position of positionsOf(route)) {
        // Receipts are of nobody's data and open to everybody: there is no foreign one.
        if (position.kind === "purgeReceipt") continue;
        for (const caller of callers) {
          const seen = async (id: string) => {
            const asked = askedWith(route, position, caller.home, id);
            const { result, trace } = await traceOf(() => ask(caller, route, caller.home, asked));
            // A refusal is noted once an hour, by whichever request comes first.
            const statements = trace.filter((text) => !text.includes("ebb.note_refusal"));
            return { bytes: result.bytes, trace: statements.join("\n") };
          };
          for (const place of ["sibling", "parent"] as const) {
            compared += 1;
            const id = world.idOf(place, position.kind, position.field);
            const [other, never] = [await seen(id), await seen(twinOf(id))];
            const name = `${route.method} ${route.path}, ${position.where} ${position.field}, ${caller.name}, ${place}`;
            if (other.bytes !== never.bytes) differ.push(`${name}: ${other.bytes} and not ${never.bytes}`);
            if (other.trace !== never.trace) differ.push(`${name}: ran ${other.trace} and not ${never.trace}`);
          }
        }
      }
    }
  });
  expect(differ).toEqual([]);
  await annotate(`${compared} pairs of not-found and not-allowed, all equal`);
});

const routeOf = (operation: string) => routes.find(({ operationId }) => operationId === operation) as RouteDefinition;
const callerOf = (name: string) => world.callers.find((caller) => caller.name === name) as Caller;

test("another's Idempotency-Key neither replays nor collides, and another's ETag is any wrong one", async () => {
  const make = async (caller: string, place: Place, name: string) => {
    const headers = { "idempotency-key": "the-same-for-all" };
    return await ask(callerOf(caller), routeOf("create_registration_key"), place, { headers, body: { name } });
  };
  const first = await make("key of own", "own", "first");
  expect(first.status).toBe(201);
  for (const [caller, place] of [
    ["key of own", "child"],
    ["session of owner of own", "own"],
    ["session of admin of own", "own"],
    ["key of child", "child"],
  ] as const) {
    const other = await make(caller, place, "other");
    expect([caller, other.status, other.text.includes('"other"')]).toEqual([caller, 201, true]);
  }
  expect((await make("key of own", "own", "other")).problem).toBe("idempotency-key-reused");
  expect((await make("key of own", "sibling", "first")).problem).toBe("not-found");

  const etag = async (place: Place) => {
    const { bytes } = await ask(callerOf("key of parent"), routeOf("get_tenant"), place);
    return (/\["etag","(.*?)"\]/.exec(bytes)?.[1] ?? "").replaceAll("\\", "");
  };
  const rename = async (tag: string) =>
    await ask(callerOf("key of own"), routeOf("rename_tenant"), "own", { headers: { "if-match": tag } });
  const { bytes } = await ask(callerOf("key of own"), routeOf("get_tenant"), "own");
  const own = (/\["etag","(.*?)"\]/.exec(bytes)?.[1] ?? "").replaceAll("\\", "");
  const [foreign, madeUp] = [await rename(await etag("sibling")), await rename(`"${"A".repeat(22)}"`)];
  expect([foreign.status, foreign.bytes]).toEqual([412, madeUp.bytes]);
  expect((await withoutCommits(() => rename(own))).problem).toBe("outcome-unknown");
});

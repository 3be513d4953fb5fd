import type { ProblemName } from "../core/problem.ts";
import { inputSchema } from "./openapi.ts";
import { type BearerSecurity, isAccount, isBearer, METHODS, pathParameters, type RouteDefinition } from "./route.ts";
import { wrongTypes } from "./wrong-types.ts";

/** A hostile request and how it must be refused. */
export interface ContractCase {
  name: string;
  request: Request;
  expect: { statuses: readonly number[]; problem?: readonly ProblemName[] };
}

/** What only the caller can know. Every parameter that any route has must be given: a new one fails here first. */
export interface ContractOptions {
  origin: string;
  /** A genuine, live credential of each kind, which may do everything that the routes ask, of some tenant but the platform owner. */
  credentials: Readonly<Record<BearerSecurity, string>>;
  /** Well-formed credentials of each kind with a wrong signature or of nobody. */
  forged: Readonly<Record<BearerSecurity, readonly string[]>>;
  /** Path parameter → an id that exists and that the credentials above must not see (of a tenant beside). */
  foreignIds: Readonly<Record<string, string>>;
}

/**
 * Every hostile request that a route's declaration implies, for all routes: whoever adds a route has it tested before
 * writing a test. Send each once, in any order. None may succeed and none may change anything.
 */
export function contractCases(routes: readonly RouteDefinition[], options: ContractOptions): ContractCase[] {
  return routes.flatMap((route) => [
    ...methodCases(route, routes, options),
    ...credentialCases(route, options),
    ...bodyCases(route, options),
    ...queryCases(route, options),
    ...pathCases(route, options),
    ...ownerCases(route, options),
  ]);
}

const refusal = (status: number, ...problem: ProblemName[]) => ({ statuses: [status], problem });

function methodCases(route: RouteDefinition, routes: readonly RouteDefinition[], options: ContractOptions) {
  const known = new Set(routes.filter(({ path }) => path === route.path).map((other) => other.method));
  const method = METHODS.toReversed().find((candidate) => !known.has(candidate));
  if (method === undefined) return [];
  return [make(route, options, `unknown method ${method}`, refusal(405, "method-not-allowed"), { method })];
}

function credentialCases(route: RouteDefinition, options: ContractOptions): ContractCase[] {
  if (!isBearer(route.security)) return [];
  const genuine = options.credentials[route.security];
  const other = options.credentials[isAccount(route.security) ? "instance-token" : "account"];
  const headers: readonly (readonly [string, string | null])[] = [
    ["no credential", null],
    ["empty credential", ""],
    ["scheme alone", "Bearer"],
    ["short token", "Bearer x"],
    ["two spaces", "Bearer  x"],
    ["two tokens", `Bearer x, Bearer ${genuine}`],
    ["token with a tail", `Bearer ${genuine} x`],
    ["no scheme", genuine],
    ["Basic", `Basic ${btoa("user:password")}`],
    ["10 kB token", `Bearer ${"a".repeat(10_000)}`],
    ["token outside ASCII", "Bearer \u00e9\u00ff"],
    ["credential of another kind", `Bearer ${other}`],
    ...options.forged[route.security].map((token, i) => [`forged ${i}`, `Bearer ${token}`] as const),
  ];
  return headers.map(([name, authorization]) =>
    make(route, options, name, refusal(401, "unauthenticated"), { authorization }),
  );
}

function bodyCases(route: RouteDefinition, options: ContractOptions): ContractCase[] {
  const { body } = route;
  if (body === undefined) return [];
  const large = new Uint8Array(body.maxBytes + 1).fill(0x20);
  const tooLarge = refusal(413, "body-too-large");
  const wrongMedia = refusal(415, "unsupported-media-type");
  const malformed = refusal(400, "malformed-body");
  const post = (name: string, expect: ContractCase["expect"], send: Send) => make(route, options, name, expect, send);
  const cases = [
    post("oversize, declared", tooLarge, { body: large, headers: { "content-length": String(large.length) } }),
    post("oversize, chunked", tooLarge, { body: chunked(large) }),
    post("oversize, lying length", tooLarge, { body: chunked(large), headers: { "content-length": "2" } }),
    post("text/plain", wrongMedia, { body: "{}", headers: { "content-type": "text/plain" } }),
    post("media type with a tail", wrongMedia, { body: "{}", headers: { "content-type": `${body.content}x` } }),
    post("charset", wrongMedia, { body: "{}", headers: { "content-type": `${body.content}; charset=utf-16` } }),
    post("gzip", wrongMedia, { body: "{}", headers: { "content-encoding": "gzip" } }),
    post("not UTF-8", malformed, { body: new Uint8Array([0x22, 0xff, 0xfe, 0x22]) }),
  ];
  if (body.required) cases.push(post("no body", malformed, { body: null }));
  if (body.content === "application/x-www-form-urlencoded") {
    cases.push(post("bad escape", malformed, { body: "a=%ff" }));
    cases.push(post("repeated", refusal(400, "invalid-field"), { body: `${encoded(body.example)}&zz=1&zz=1` }));
    return cases;
  }
  for (const text of ["{", '{"a":1,}', "[".repeat(5_000), "{'a':1}", "NaN", '{"a":1}{"b":2}', " "]) {
    cases.push(post(`malformed ${text.slice(0, 10)}`, malformed, { body: text }));
  }
  for (const { path, body: wrong } of wrongTypes(inputSchema(body.schema), body.example)) {
    const name = `wrong type of ${path === "" ? "the body" : path}`;
    cases.push(post(name, refusal(400, "invalid-field"), { body: JSON.stringify(wrong) }));
  }
  return cases;
}

function queryCases(route: RouteDefinition, options: ContractOptions): ContractCase[] {
  if (route.query === undefined) return [];
  const malformed = ["?zz=1&zz=1", "?zz=%ff"].map((query) =>
    make(route, options, `query ${query}`, refusal(400, "invalid-field"), { query }),
  );
  if (!Object.hasOwn(route.query.shape, "tenant_id")) return malformed;
  const foreign = `?tenant_id=${options.foreignIds["tenant_id"]}`;
  return [
    ...malformed,
    make(route, options, "query ?tenant_id=x", refusal(400, "invalid-field"), { query: "?tenant_id=x" }),
    make(route, options, "on another tenant", refusal(404, "not-found"), { query: foreign }),
  ];
}

function pathCases(route: RouteDefinition, options: ContractOptions): ContractCase[] {
  const names = pathParameters(route.path);
  if (names.length === 0) return [];
  // A client that is not the one it says it is has not proven itself.
  const unproven = route.security === "client-secret";
  const expect: ContractCase["expect"] = unproven
    ? { statuses: [400, 401], problem: ["invalid-field", "invalid-client"] }
    : { statuses: [400, 404], problem: ["invalid-field", "not-found"] };
  const hostile = ["%00", "%ff", "..%2f..", "%27%20or%201=1--", "x".repeat(2_000), "%F0%9F%92%A5", "__proto__"];
  // Whoever may not enter the tenant that is named is not even told that it is for somebody else.
  const unknown = unproven ? refusal(401, "invalid-client") : refusal(404, "not-found");
  const foreign = names.includes("tenant_id") || !route.ownerOnly ? unknown : refusal(403, "forbidden");
  return [
    make(route, options, "another tenant's id", foreign, {}),
    ...names.flatMap((name) =>
      hostile.map((id) => make(route, options, `${name} ${id.slice(0, 20)}`, expect, { ids: { [name]: id } })),
    ),
  ];
}

function ownerCases(route: RouteDefinition, options: ContractOptions): ContractCase[] {
  if (!route.ownerOnly || pathParameters(route.path).length > 0) return [];
  return [make(route, options, "a key of somebody else than the platform owner", refusal(403, "forbidden"), {})];
}

interface Send {
  method?: string;
  /** Null: none. Undefined: the genuine one of the route's kind. */
  authorization?: string | null;
  headers?: Readonly<Record<string, string>>;
  /** Null: none. Undefined: the route's example. */
  body?: string | Uint8Array<ArrayBuffer> | ReadableStream | null;
  query?: string;
  ids?: Readonly<Record<string, string>>;
}

function make(
  route: RouteDefinition,
  options: ContractOptions,
  name: string,
  expect: ContractCase["expect"],
  send: Send,
): ContractCase {
  const ids = { ...options.foreignIds, ...send.ids };
  const path = route.path.replaceAll(/\{([^}]+)\}/g, (_, parameter: string) => {
    const id = ids[parameter];
    if (id === undefined) throw new TypeError(`${route.method} ${route.path}: foreignIds lacks ${parameter}`);
    return id;
  });
  const headers = new Headers();
  const bearer = isBearer(route.security) ? route.security : undefined;
  const authorization = send.authorization ?? (bearer === undefined ? null : `Bearer ${options.credentials[bearer]}`);
  if (send.authorization !== null && authorization !== null) headers.set("authorization", authorization);
  const method = send.method ?? route.method;
  const body = send.body === undefined && method !== "GET" ? exampleBody(route) : (send.body ?? null);
  if (body !== null && route.body !== undefined) headers.set("content-type", route.body.content);
  for (const [header, value] of Object.entries(send.headers ?? {})) headers.set(header, value);
  const init = { method, headers, body, ...(body instanceof ReadableStream ? { duplex: "half" } : {}) };
  const example = new URLSearchParams(route.exampleQuery).toString();
  const query = [example, send.query?.slice(1)].filter(Boolean).join("&");
  const request = new Request(`${options.origin}${path}${query === "" ? "" : `?${query}`}`, init);
  return { name: `${route.method} ${route.path}: ${name}`, request, expect };
}

function exampleBody(route: RouteDefinition): string | null {
  if (route.body === undefined) return null;
  const { content, example } = route.body;
  return content === "application/json" ? JSON.stringify(example) : encoded(example);
}

function encoded(example: unknown): string {
  return new URLSearchParams(example as Record<string, string>).toString();
}

/** In pieces of 1,000 bytes and without a length, as a client that streams would send it. */
function chunked(bytes: Uint8Array): ReadableStream<Uint8Array> {
  let sent = 0;
  return new ReadableStream({
    pull(controller) {
      if (sent >= bytes.length) return controller.close();
      controller.enqueue(bytes.slice(sent, sent + 1_000));
      sent += 1_000;
    },
  });
}

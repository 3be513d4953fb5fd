import { Hono } from "hono";
import { describe, expect, it } from "vitest";
import * as z from "zod";
import { jsonLogger } from "../core/log.ts";
import { Problem } from "../core/problem.ts";
import { mountRoutes } from "./mount.ts";
import { defineRoute } from "./route.ts";
import {
  SAMPLE_FOREIGN_ID,
  SAMPLE_NOW_MS,
  SAMPLE_TOKENS,
  sampleAuthenticators,
  sampleDeps,
  sampleRoutes,
} from "./sample-routes.ts";

function sampleApp(extra: Parameters<typeof mountRoutes>[1] = []) {
  const app = new Hono();
  const lines: string[] = [];
  const deps = sampleDeps(jsonLogger((_, line) => void lines.push(line)));
  mountRoutes(app, [...sampleRoutes, ...extra], deps, sampleAuthenticators);
  return { app, lines };
}

const BEARER = { authorization: `Bearer ${SAMPLE_TOKENS["instance-token"]}` };
const KEY = { authorization: `Bearer ${SAMPLE_TOKENS.account}` };
const JSON_TYPE = { "content-type": "application/json" };

const publicRoute = (path: string, handle: Parameters<typeof defineRoute>[0]["handle"]) =>
  defineRoute({
    method: "GET",
    path,
    operationId: path.replaceAll(/[^a-z]/g, "_").replace(/^_+/, ""),
    summary: "Test",
    tags: ["test"],
    security: "public",
    responses: { 200: { description: "Test." } },
    problems: [],
    handle,
  });

describe("mountRoutes", () => {
  it("hands the handler what the schemas made of the request", async () => {
    const { app } = sampleApp();
    const answer = await app.request("/instance/alive", {
      method: "POST",
      headers: { ...BEARER, ...JSON_TYPE },
      body: '{"version":"1","unknown":true,"os":{"kind":"linux","x":1}}',
    });
    expect(answer.status).toBe(200);
    expect(await answer.json()).toEqual({ version: "1", os: { kind: "linux" } });
    expect(answer.headers.get("ratelimit")).toBe('"instance";r=59;t=60');
    const list = await app.request("/api/v1/instances?limit=7&more=1", { headers: KEY });
    expect(await list.json()).toEqual({ limit: 7 });
    const fallback = await app.request("/api/v1/instances?limit=", { headers: KEY });
    expect(await fallback.json()).toEqual({ limit: 20 });
  });

  it("names every answer by an id of ours and marks it as nobody's to store or frame", async () => {
    const { app } = sampleApp();
    const ids = new Set<string>();
    for (const [path, init] of [
      ["/instance/alive", { method: "POST", headers: BEARER }],
      ["/instance/alive", { method: "POST" }],
      ["/nothing", {}],
      ["/oauth2/nothing", {}],
      ["/instance/alive", { method: "GET" }],
    ] as const) {
      const answer = await app.request(path, { ...init, headers: { "x-request-id": "mine", ...init.headers } });
      const id = answer.headers.get("x-request-id") ?? "";
      expect(id).toMatch(/^req_[0-9A-Z]{26}$/);
      ids.add(id);
      expect(answer.headers.get("cache-control")).toBe("no-store");
      expect(answer.headers.get("strict-transport-security")).toBe("max-age=63072000; includeSubDomains; preload");
      expect(answer.headers.get("x-content-type-options")).toBe("nosniff");
      expect(answer.headers.get("content-security-policy")).toBe("default-src 'none'; frame-ancestors 'none'");
      expect(answer.headers.get("referrer-policy")).toBe("no-referrer");
    }
    expect(ids.size).toBe(5);
  });

  it("answers an unknown path with 404 and a wrong method with 405 and Allow, as JSON", async () => {
    const { app } = sampleApp();
    const missing = await app.request("/<script>", { headers: { accept: "text/html" } });
    expect([missing.status, missing.headers.get("content-type")]).toEqual([404, "application/problem+json"]);
    const wrong = await app.request("/api/v1/instances", { method: "POST" });
    expect([wrong.status, wrong.headers.get("allow")]).toEqual([405, "GET, HEAD"]);
    expect(await wrong.json()).toMatchObject({ error: "method-not-allowed" });
    const odd = await app.request("/instance/alive", { method: "PROPFIND" });
    expect([odd.status, odd.headers.get("allow")]).toEqual([405, "POST"]);
    const options = await app.request("/instance/alive", { method: "OPTIONS" });
    expect(options.status).toBe(405);
  });

  it("treats HEAD as GET without content", async () => {
    const { app } = sampleApp();
    const head = await app.request("/api/v1/instances", { method: "HEAD", headers: KEY });
    expect([head.status, await head.text()]).toEqual([200, ""]);
    expect((await app.request("/api/v1/instances", { method: "HEAD" })).status).toBe(401);
  });

  it("authenticates before it looks at anything else", async () => {
    const { app } = sampleApp();
    const body = "x".repeat(100_000);
    const answer = await app.request("/instance/alive", {
      method: "POST",
      body,
      headers: { "content-type": "text/x" },
    });
    expect(answer.status).toBe(401);
    expect(answer.headers.get("www-authenticate")).toBe('Bearer realm="ebb"');
    expect(answer.headers.get("date")).toBe(new Date(SAMPLE_NOW_MS).toUTCString());
  });

  it("gives a reason to a genuine credential only", async () => {
    const { app } = sampleApp();
    const headers = { authorization: "Bearer expired.instance.token" };
    const answer = await app.request("/instance/alive", { method: "POST", headers });
    expect(answer.headers.get("www-authenticate")).toBe(
      'Bearer realm="ebb", error="invalid_token", error_description="The access token has expired; request a new one."',
    );
  });

  it("answers the same 404 for another tenant's resource and for a path that never was, whatever the verb knew", async () => {
    const { app } = sampleApp();
    const texts = await Promise.all(
      [`/api/v1/instances/${SAMPLE_FOREIGN_ID}`, "/api/v1/nothing"].map(async (path) => {
        const answer = await app.request(path, { method: "DELETE", headers: KEY });
        const id = answer.headers.get("x-request-id") ?? "";
        const headers = [...answer.headers].filter(([name]) => name !== "x-request-id");
        return JSON.stringify([answer.status, headers, (await answer.text()).replace(id, "")]);
      }),
    );
    expect(texts[0]).toBe(texts[1]);
    expect(texts[0]).not.toContain("other");
  });

  it("tells nobody what an unexpected exception said", async () => {
    const { app, lines } = sampleApp();
    const headers = { ...BEARER, ...JSON_TYPE };
    const answer = await app.request("/instance/alive", { method: "POST", headers, body: '{"version":"boom"}' });
    expect(answer.status).toBe(500);
    const text = await answer.text();
    expect(JSON.parse(text)).toMatchObject({ type: "urn:ebb:problem:internal", code: 5000 });
    expect(text + lines.join()).not.toMatch(/secret|client|mount\.ts/);
    expect(JSON.parse(lines[0] ?? "")).toMatchObject({
      level: "error",
      requestId: answer.headers.get("x-request-id"),
      route: "/instance/alive",
      problem: "internal",
      errorName: "Error",
    });
  });

  it("logs patterns and not paths, failures of the quiet route and not its successes", async () => {
    const { app, lines } = sampleApp();
    await app.request("/instance/alive", { method: "POST", headers: BEARER });
    expect(lines).toEqual([]);
    await app.request("/instance/alive", { method: "POST" });
    await app.request(`/api/v1/instances/${SAMPLE_FOREIGN_ID}?secret=1`, { method: "DELETE", headers: KEY });
    await app.request("/some/where/ins_1", { method: "GET" });
    await app.request("/instance/alive", { method: "FORGED" });
    expect(lines.map((line) => JSON.parse(line)).map(({ route, status, method }) => [method, route, status])).toEqual([
      ["POST", "/instance/alive", 401],
      ["DELETE", "/api/v1/instances/{instance_id}", 404],
      ["GET", "*", 404],
      ["OTHER", "/instance/alive", 405],
    ]);
    expect(lines.join()).not.toMatch(/ins_|secret|FORGED/);
  });

  it("lets a fixed path win over a parameter, whatever the order of the registry", async () => {
    const one = defineRoute({
      method: "GET",
      path: "/things/{thing}",
      operationId: "thing",
      summary: "One",
      tags: ["test"],
      security: "public",
      params: z.object({ thing: z.string() }),
      responses: { 200: { description: "One." } },
      problems: [],
      handle: async ({ params }) => ({ status: 200, body: params.thing }),
    });
    const { app } = sampleApp([one, publicRoute("/things/zoo", async () => ({ status: 200, body: "fixed" }))]);
    expect(await (await app.request("/things/zoo")).json()).toBe("fixed");
    expect(await (await app.request("/things/%E2%98%83")).json()).toBe("☃");
  });

  it("keeps its own headers against a handler's, lets only public answers be cached, and survives bad ones", async () => {
    const { app } = sampleApp([
      publicRoute("/cached", async () => ({
        status: 200,
        body: 1,
        headers: { "Cache-Control": "public", "X-Content-Type-Options": "sniff", "X-Request-Id": "theirs" },
      })),
      publicRoute("/injected", async () => ({ status: 200, headers: { "x-a": "b\r\nset-cookie: c=d" } })),
      publicRoute("/refused", async () => {
        throw new Problem("conflict", { headers: { "x-a": "b\r\nset-cookie: c=d" } });
      }),
      publicRoute("/empty", async () => ({ status: 204 })),
      publicRoute("/null", async () => ({ status: 200, body: null })),
    ]);
    const cached = await app.request("/cached");
    expect(cached.headers.get("cache-control")).toBe("public");
    expect(cached.headers.get("x-content-type-options")).toBe("nosniff");
    expect(cached.headers.get("x-request-id")).toMatch(/^req_/);
    for (const path of ["/injected", "/refused"]) {
      const answer = await app.request(path);
      expect([answer.status, answer.headers.get("set-cookie")]).toEqual([500, null]);
    }
    expect(await (await app.request("/empty")).text()).toBe("");
    expect(await (await app.request("/null")).text()).toBe("null");
  });
});

describe("the registry", () => {
  const one = publicRoute("/one", async () => ({ status: 200 }));
  const mount = (...routes: (typeof one)[]) => mountRoutes(new Hono(), routes, sampleDeps(), sampleAuthenticators);

  it("refuses one operationId, one method and path, or one path in two spellings", () => {
    expect(() => mount(one, { ...one, path: "/two" })).toThrow("one is declared twice");
    expect(() => mount(one, { ...one, operationId: "two" })).toThrow("GET /one is declared twice");
    expect(() => mount({ ...one, path: "/a/{b}" }, { ...one, path: "/a/{c}", operationId: "two" })).toThrow("one path");
    expect(() => mount(one, { ...one, method: "PUT", operationId: "two" })).not.toThrow();
  });

  it.each([
    ["a path in Hono's style", { path: "/a/:b" }],
    ["a placeholder without a schema", { path: "/a/{b}" }],
    ["a schema without a placeholder", { params: z.object({ b: z.string() }) }],
    ["an operationId of another style", { operationId: "getOne" }],
  ])("refuses %s", (_, change) => {
    const base = {
      method: "GET",
      path: "/one",
      operationId: "one",
      summary: "",
      tags: [],
      security: "public",
    } as const;
    const rest = { responses: {}, problems: [], handle: async () => ({ status: 200 }) };
    expect(() => defineRoute({ ...base, ...rest })).not.toThrow();
    expect(() => defineRoute({ ...base, ...rest, ...change })).toThrow(TypeError);
  });

  it("refuses a body whose example its own schema refuses, and GET with a body", () => {
    const base = { path: "/one", operationId: "one", summary: "", tags: [], security: "public" } as const;
    const rest = { responses: {}, problems: [], handle: async () => ({ status: 200 }) };
    const body = { content: "application/json", required: true, schema: z.object({ a: z.int() }) } as const;
    expect(() => defineRoute({ ...base, ...rest, method: "PUT", body: { ...body, example: { a: 1 } } })).not.toThrow();
    expect(() => defineRoute({ ...base, ...rest, method: "PUT", body: { ...body, example: { a: 1.5 } } })).toThrow();
    expect(() => defineRoute({ ...base, ...rest, method: "GET", body: { ...body, example: { a: 1 } } })).toThrow();
  });

  it("adds the problems that a declaration implies, and freezes it", () => {
    expect(sampleRoutes[3]?.problems).toEqual([
      "invalid-field",
      "tenant-required",
      "unauthenticated",
      "key-expired",
      "key-revoked",
      "forbidden",
      "tenant-suspended",
      "tenant-closed",
      "not-accepted-here",
      "reason-required",
      "cross-site",
      "not-found",
      "internal",
      "unavailable",
    ]);
    expect(sampleRoutes[0]?.problems).toContain("tenant-suspended");
    expect(Object.isFrozen(sampleRoutes[0])).toBe(true);
    expect(sampleRoutes[0]?.body?.maxBytes).toBe(16_384);
  });
});

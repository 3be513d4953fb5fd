import { env } from "cloudflare:workers";
import { sql } from "drizzle-orm";
import { expect, test } from "vitest";
import { routesOf } from "../src/app.ts";
import { uuidFromId } from "../src/core/id.ts";
import { call, register, tokenOf } from "../src/testing/instance.ts";
import { personIn, sessionHeaders } from "../src/testing/people.ts";
import { ownerRows, testTenant } from "../src/testing/world.ts";
import { createDeps } from "./runtime.ts";

const PAGE = { origin: "https://page.example" };
/** What is for a browser's own window: pages, and the ways between them. */
const WINDOW = [
  "/account",
  "/account/sessions/end",
  "/consent",
  "/device",
  "/device/answer",
  "/docs",
  "/healthz",
  "/invitation",
  "/login",
  "/login/callback/{provider}",
  "/login/{provider}",
  "/logout",
  "/oauth2/authorize",
];
const routes = routesOf(await createDeps(env));
const inWindow = (path: string) => WINDOW.includes(path);
const example = (path: string) => path.replaceAll(/\{[^}]+\}/g, "x");
const corsOf = (response: Response) => [...response.headers].filter(([name]) => name.startsWith("access-control-"));
const preflight = (path: string, method: string, headers: Record<string, string> = PAGE) =>
  call(path, { method: "OPTIONS", headers: { ...headers, "access-control-request-method": method } });

test("a browser may send what takes a credential from any page, and nothing that is for its window", async () => {
  const closed = new Set<string>();
  for (const { method, path } of routes) {
    const asked = await preflight(example(path), method);
    const allowed = asked.headers.get("access-control-allow-methods")?.split(", ") ?? [];
    if (asked.status === 405) {
      expect([path, corsOf(asked)]).toEqual([path, []]);
      closed.add(path);
      continue;
    }
    expect([path, asked.status, await asked.text()]).toEqual([path, 204, ""]);
    expect(allowed, path).toContain(method);
    expect(asked.headers.get("access-control-allow-origin")).toBe("*");
    expect(asked.headers.get("access-control-allow-headers")?.toLowerCase()).toContain("authorization");
    expect(asked.headers.get("x-request-id")).toMatch(/^req_/);
  }
  expect([...closed].toSorted()).toEqual(WINDOW);
  // What is no question of a browser's about a page is answered as before.
  for (const [path, headers] of [
    ["/instance/alive", {}],
    ["/instance/alive", PAGE],
    ["/nowhere", { ...PAGE, "access-control-request-method": "GET" }],
  ] as const) {
    const response = await call(path, { method: "OPTIONS", headers });
    expect([path, corsOf(response)]).toEqual([path, []]);
    expect(response.status).toBe(path === "/nowhere" ? 404 : 405);
  }
});

test("a page reads every answer to what it may send, refusals too; never with cookies, and of a window nothing", async () => {
  for (const { method, path } of routes) {
    const response = await call(example(path), { method, headers: PAGE, redirect: "manual" });
    await response.body?.cancel();
    const cors = Object.fromEntries(corsOf(response));
    if (inWindow(path)) {
      expect([path, cors]).toEqual([path, {}]);
    } else {
      expect([path, cors["access-control-allow-origin"]]).toEqual([path, "*"]);
      expect(cors["access-control-expose-headers"]).toMatch(/Retry-After.*WWW-Authenticate/);
      expect(cors["access-control-allow-credentials"]).toBeUndefined();
    }
  }
  // The control: something that succeeds, with what a page reads of it.
  const token = await tokenOf(await register(await testTenant()));
  const owner = await call("/instance/owner", { headers: { ...PAGE, authorization: `Bearer ${token}` } });
  expect([owner.status, owner.headers.get("access-control-allow-origin")]).toEqual([200, "*"]);
  // Who is no page needs none of it, but what is public may be kept for a page.
  expect(corsOf(await call("/instance/owner", { headers: { authorization: `Bearer ${token}` } }))).toEqual([]);
  expect(corsOf(await call("/.well-known/jwks.json"))).not.toEqual([]);
});

test("a session goes along from our own pages alone: what another changes with it is refused, whatever it may send", async () => {
  const tenant = await testTenant();
  const person = await personIn(tenant, "owner");
  const body = JSON.stringify({ name: "theirs" });
  const post = (headers: Record<string, string>) =>
    call("/api/v1/workspaces", { method: "POST", body, headers: { ...headers, "content-type": "application/json" } });
  const own = await sessionHeaders(person, "POST");
  expect((await post({ ...own, ...PAGE })).status).toBe(403);
  expect((await post(own)).status).toBe(201);
  const named = await ownerRows(
    sql`select from workspaces where tenant_id = ${uuidFromId("tenant", tenant.id)} and name = 'theirs'`,
  );
  expect(named).toHaveLength(1);
});

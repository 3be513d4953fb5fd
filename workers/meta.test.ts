import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { createApp, routesOf } from "../src/app.ts";
import { statementsDuring, withoutPostgres } from "../src/testing/faults.ts";
import { call, ORIGIN } from "../src/testing/instance.ts";
import { createDeps } from "./runtime.ts";

test("/healthz says degraded while Postgres is gone, asks it at most once in five seconds, and recovers", async () => {
  let now = Date.now();
  const app = createApp({ ...(await createDeps(env)), clock: { now: () => now } });
  const health = async () => {
    const response = await app.fetch(new Request(`${ORIGIN}/healthz`));
    return [response.status, (await response.json<{ status: string }>()).status];
  };
  expect(await health()).toEqual([200, "ok"]);
  await withoutPostgres(async () => {
    expect(await health()).toEqual([200, "ok"]);
    now += 5_000;
    expect(await health()).toEqual([200, "degraded"]);
  });
  expect(await health()).toEqual([200, "degraded"]);
  now += 5_000;
  expect(await health()).toEqual([200, "ok"]);
});

test("fifty requests for /healthz at once ask Postgres once at most, each in a request of its own", async () => {
  const asked = await statementsDuring(async () => {
    const responses = await Promise.all(Array.from({ length: 50 }, () => call("/healthz")));
    const bodies = await Promise.all(responses.map((response) => response.json<{ status: string }>()));
    expect(new Set(bodies.map(({ status }) => status)).size).toBe(1);
  });
  expect(asked).toBeLessThanOrEqual(1);
});

test("every answer carries the security headers and a request id of ours", async () => {
  for (const path of ["/healthz", "/docs", "/openapi.json", "/nowhere", "/instance/alive"]) {
    const response = await call(path, { headers: { "x-request-id": "mine" } });
    expect(response.headers.get("strict-transport-security")).toBe("max-age=63072000; includeSubDomains; preload");
    expect(response.headers.get("x-content-type-options")).toBe("nosniff");
    expect(response.headers.get("x-request-id")).toMatch(/^req_[0-9A-HJKMNP-TV-Z]{26}$/);
    await response.body?.cancel();
  }
});

test("every route declares its security, its errors and an example that fits its own schema", async () => {
  const routes = routesOf(await createDeps(env));
  const document = await (await call("/openapi.json")).json<{
    paths: Record<
      string,
      Record<string, { security: unknown[]; responses: Record<string, unknown>; operationId: string }>
    >;
  }>();
  const operations = Object.values(document.paths).flatMap((path) => Object.values(path));
  expect(operations.map((operation) => operation.operationId).toSorted()).toEqual(
    routes.map((route) => route.operationId).toSorted(),
  );
  for (const { operationId, security, responses } of operations) {
    expect(security, operationId).toBeInstanceOf(Array);
    expect(Object.keys(responses), operationId).toContain("500");
  }
  for (const { operationId, responses } of routes) {
    for (const [status, { schema, example }] of Object.entries(responses)) {
      if (schema !== undefined) expect(schema.safeParse(example).error, `${operationId} ${status}`).toBeUndefined();
    }
  }
});

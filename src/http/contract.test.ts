import { Hono } from "hono";
import { describe, expect, it } from "vitest";
import { type ContractOptions, contractCases } from "./contract.ts";
import { mountRoutes } from "./mount.ts";
import { metaRoutes } from "./routes/meta.ts";
import {
  SAMPLE_FOREIGN_ID,
  SAMPLE_FOREIGN_TENANT,
  SAMPLE_TOKENS,
  sampleAuthenticators,
  sampleDeps,
  sampleRoutes,
} from "./sample-routes.ts";
import { wrongTypes } from "./wrong-types.ts";

const routes = [...sampleRoutes, ...metaRoutes(sampleRoutes, "1.0.0")];
const options: ContractOptions = {
  origin: "https://ebb.example",
  credentials: SAMPLE_TOKENS,
  forged: {
    "instance-token": ["forged.instance.token"],
    "user-token": ["forged.user.token"],
    account: ["ebb_key_forged"],
    "account-or-user": ["ebb_key_forged"],
  },
  foreignIds: { instance_id: SAMPLE_FOREIGN_ID, tenant_id: SAMPLE_FOREIGN_TENANT },
};

const app = new Hono();
mountRoutes(app, routes, sampleDeps(), sampleAuthenticators);

describe("contractCases", () => {
  const cases = contractCases(routes, options);

  it.each(cases.map((it) => [it.name, it] as const))("%s", async (_, { request, expect: expected }) => {
    const oauth = new URL(request.url).pathname.startsWith("/oauth2/");
    const answer = await app.request(request);
    expect(expected.statuses).toContain(answer.status);
    const body = (await answer.json()) as { error: string };
    if (!oauth) expect(expected.problem).toContain(body.error);
    expect(answer.headers.get("x-request-id")).toMatch(/^req_/);
  });

  it("covers every route, every field and every way of sending too much", () => {
    const names = cases.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    for (const { method, path } of routes)
      expect(names.some((name) => name.startsWith(`${method} ${path}: `))).toBe(true);
    for (const path of ["the body", "version", "os", "os.kind", "os.release", "plugins", "counters"]) {
      expect(names).toContain(`POST /instance/alive: wrong type of ${path}`);
    }
    expect(names).toContain("POST /oauth2/token: oversize, chunked");
    expect(names).toContain("DELETE /api/v1/instances/{instance_id}: another tenant's id");
  });

  it("demands an id for every new path parameter", () => {
    expect(() => contractCases(routes, { ...options, foreignIds: {} })).toThrow("foreignIds lacks instance_id");
  });
});

describe("wrongTypes", () => {
  it("knows unions, constants and free fields", () => {
    const schema = {
      type: "object",
      properties: { a: { type: ["string", "null"] }, b: { const: 1 }, c: {}, d: { anyOf: [{ type: "object" }, {}] } },
    };
    expect(wrongTypes(schema, { a: "x" }).map(({ path, body }) => [path, JSON.stringify(body)])).toEqual([
      ["", "[[]]"],
      ["a", '{"a":{"ebb":{"nested":true}}}'],
      ["b", '{"a":"x","b":{"ebb":{"nested":true}}}'],
    ]);
  });
});

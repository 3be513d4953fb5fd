import { Hono } from "hono";
import { describe, expect, it } from "vitest";
import { mountRoutes } from "../mount.ts";
import { sampleAuthenticators, sampleDeps, sampleRoutes } from "../sample-routes.ts";
import { metaRoutes } from "./meta.ts";

const app = new Hono();
mountRoutes(app, [...sampleRoutes, ...metaRoutes(sampleRoutes, "1.2.3")], sampleDeps(), sampleAuthenticators);

describe("metaRoutes", () => {
  it("serves the document, itself included", async () => {
    const answer = await app.request("/openapi.json");
    expect([answer.status, answer.headers.get("content-type")]).toEqual([200, "application/json"]);
    expect(answer.headers.get("cache-control")).toBe("public, max-age=300");
    const document = (await answer.json()) as { paths: object; servers: object };
    expect(Object.keys(document.paths)).toEqual([...sampleRoutes.map(({ path }) => path), "/openapi.json", "/docs"]);
    expect(document.servers).toEqual([{ url: "https://ebb.example" }]);
  });

  it("serves the page under a policy of its own", async () => {
    const answer = await app.request("/docs");
    expect([answer.status, answer.headers.get("content-type")]).toEqual([200, "text/html; charset=utf-8"]);
    expect(answer.headers.get("content-security-policy")).toMatch(/^default-src 'none'; style-src 'sha256-[^']+';/);
    expect(answer.headers.get("x-request-id")).toMatch(/^req_/);
    expect(await answer.text()).toContain("<h1>Ebb API</h1>");
    expect(await (await app.request("/docs", { method: "HEAD" })).text()).toBe("");
  });
});

import { describe, expect, it } from "vitest";
import { PROBLEMS } from "../core/problem.ts";
import { openApiDocument } from "./openapi.ts";
import { sampleRoutes } from "./sample-routes.ts";

interface Operation {
  operationId: string;
  description: string;
  security: Record<string, string[]>[];
  parameters?: { name: string; in: string; required: boolean }[];
  requestBody?: { required: boolean; content: Record<string, { schema: object; example: unknown }> };
  responses: Partial<
    Record<
      string,
      {
        description: string;
        headers: Record<string, unknown>;
        content?: Record<string, { schema?: { $ref?: string }; examples?: object }>;
      }
    >
  >;
}

const info = { publicUrl: "https://ebb.example", version: "1.2.3" };
const document = openApiDocument(sampleRoutes, info) as {
  openapi: string;
  paths: Record<string, Record<string, Operation>>;
  components: Record<string, Record<string, unknown>>;
};

function operation(method: string, path: string): Operation {
  const found = document.paths[path]?.[method];
  if (found === undefined) throw new Error(`no ${method} ${path}`);
  return found;
}

describe("openApiDocument", () => {
  it("is the same text every time and holds no reference that leads nowhere", () => {
    const text = JSON.stringify(document);
    expect(JSON.stringify(openApiDocument(sampleRoutes, info))).toBe(text);
    for (const [, section, name] of text.matchAll(/"#\/components\/([^/"]+)\/([^"]+)"/g)) {
      expect(document.components[section ?? ""]?.[name ?? ""], `${section}/${name}`).toBeDefined();
    }
  });

  it("states security for every operation, in words where OpenAPI has none", () => {
    expect(operation("post", "/instance/alive").security).toEqual([{ instance_token: [] }]);
    expect(operation("get", "/api/v1/instances").security).toEqual([
      { api_key: [] },
      { personal_access_token: [] },
      { session: [] },
    ]);
    expect(operation("post", "/oauth2/token").security).toEqual([]);
    expect(operation("post", "/oauth2/token").description).toContain("`client_secret` in the body");
  });

  it("gives every refusal of a route with the schema of its surface and an example of each", () => {
    for (const route of sampleRoutes) {
      const { responses } = operation(route.method.toLowerCase(), route.path);
      for (const name of route.problems) {
        const response = responses[String(PROBLEMS[name].status)];
        const oauth = route.path.startsWith("/oauth2/");
        const media = response?.content?.[oauth ? "application/json" : "application/problem+json"];
        expect(media?.schema?.$ref).toBe(`#/components/schemas/${oauth ? "OAuthError" : "Problem"}`);
        expect(media?.examples).toHaveProperty([name]);
        expect(response?.description).toContain(`\`${name}\``);
        expect(response?.headers).toHaveProperty("X-Request-Id");
      }
    }
    const { responses } = operation("post", "/instance/alive");
    expect(Object.keys(responses["429"]?.headers ?? {})).toEqual([
      "X-Request-Id",
      "RateLimit-Policy",
      "RateLimit",
      "Retry-After",
    ]);
    expect(responses["401"]?.headers).toHaveProperty("WWW-Authenticate");
  });

  it("describes what may be sent by the input and what comes back by the output", () => {
    const { requestBody } = operation("post", "/instance/alive");
    expect(requestBody?.required).toBe(false);
    expect(requestBody?.content["application/json"]?.example).toMatchObject({ version: "0.47.1" });
    const [limit] = operation("get", "/api/v1/instances").parameters ?? [];
    expect(limit).toMatchObject({ name: "limit", in: "query", required: false });
    expect(operation("delete", "/api/v1/instances/{instance_id}").parameters?.[0]?.required).toBe(true);
    expect(JSON.stringify(document)).not.toContain('"additionalProperties":false');
    expect(JSON.stringify(document)).not.toContain("$schema");
  });
});

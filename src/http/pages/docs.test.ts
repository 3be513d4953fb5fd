import { describe, expect, it } from "vitest";
import * as z from "zod";
import { PROBLEMS } from "../../core/problem.ts";
import { outputSchema } from "../openapi.ts";
import { defineRoute } from "../route.ts";
import { sampleRoutes } from "../sample-routes.ts";
import { docsPage } from "./docs.ts";
import { schemaFields } from "./schema-fields.ts";

const EVIL = `<script>alert("1")</script><img src=x onerror='y'>`;

const evil = defineRoute({
  method: "POST",
  path: "/evil",
  operationId: "evil",
  summary: EVIL,
  description: EVIL,
  tags: [EVIL],
  security: "public",
  permission: EVIL,
  body: {
    content: "application/json",
    schema: z.object({ [EVIL]: z.string().describe(EVIL), pick: z.enum([EVIL, "b"]).default("b") }),
    required: true,
    example: { [EVIL]: `it's ${EVIL}` },
  },
  responses: { 200: { description: EVIL, schema: z.object({ [EVIL]: z.string() }), example: EVIL } },
  problems: [],
  handle: async () => ({ status: 200 }),
});

describe("docsPage", () => {
  it("is self-contained: no script, no handler, no outside asset, and a policy made for its one style", async () => {
    const { html, contentSecurityPolicy } = await docsPage(sampleRoutes, { publicUrl: "https://e", version: "1" });
    expect(html).not.toMatch(/<script|<link|<img|@import|url\(|\sstyle=|\son[a-z]+=/i);
    const style = /<style>([\s\S]*?)<\/style>/.exec(html)?.[1] ?? "";
    const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(style));
    const hash = Buffer.from(digest).toString("base64");
    expect(contentSecurityPolicy).toContain(`style-src 'sha256-${hash}'`);
    expect(contentSecurityPolicy).not.toContain("unsafe");
    expect(html.match(/<style/g)).toHaveLength(1);
  });

  it("escapes whatever stands in a declaration", async () => {
    const { html } = await docsPage([...sampleRoutes, evil], { publicUrl: `https://e/"${EVIL}`, version: EVIL });
    expect(html).not.toMatch(/<script|<img|onerror='/i);
    expect(html).toContain("&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;");
  });

  it("shows every operation and every problem, each with an anchor that links reach", async () => {
    const { html } = await docsPage(sampleRoutes, { publicUrl: "https://ebb.example", version: "1" });
    for (const { operationId } of sampleRoutes) expect(html).toContain(`<article id="${operationId}">`);
    for (const name of Object.keys(PROBLEMS)) expect(html).toContain(`<tr id="problem-${name}">`);
    const ids = new Set([...html.matchAll(/ id="([^"]+)"/g)].map((match) => match[1]));
    for (const [, target] of html.matchAll(/href="#([^"]+)"/g)) expect(ids).toContain(target);
    expect(html).toContain("<code>os.kind</code>");
    expect(html).toContain("one of linux, macos, windows");
    expect(html).toContain("--data-urlencode &#39;client_secret=it&#39;\\&#39;&#39;s a secret&#39;");
  });
});

describe("schemaFields", () => {
  it("flattens objects, arrays, maps and unions", () => {
    const schema = outputSchema(
      z.object({
        a: z.object({ b: z.int() }),
        list: z.array(z.object({ id: z.string() })).optional(),
        map: z.record(z.string(), z.object({ n: z.number() })),
        maybe: z.object({ z: z.string() }).nullable(),
        either: z.union([z.object({ x: z.string() }), z.object({ y: z.string() })]).nullable(),
      }),
    );
    expect(schemaFields(schema).map((field) => [field.path, field.type, field.required])).toEqual([
      ["a", "object", true],
      ["a.b", "integer", true],
      ["list", "array of object", false],
      ["list[].id", "string", true],
      ["map", "object", true],
      ["map.*", "object", false],
      ["map.*.n", "number", true],
      ["maybe", "object or null", true],
      ["maybe.z", "string", true],
      ["either", "object or null", true],
      ["either.x", "string", true],
      ["either.y", "string", true],
    ]);
    const whole = outputSchema(z.object({ x: z.string(), y: z.string().optional() }).nullable());
    expect(schemaFields(whole).map(({ path, required }) => [path, required])).toEqual([
      ["x", true],
      ["y", false],
    ]);
  });
});

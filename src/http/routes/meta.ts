import { openApiDocument } from "../openapi.ts";
import { docsPage } from "../pages/docs.ts";
import { defineRoute, type RouteDefinition } from "../route.ts";

/** Both change with a deployment only. */
const CACHE = { "cache-control": "public, max-age=300" };

/**
 * The routes that describe the others and themselves. Given the rest of the registry; the documents are made at the
 * first request and kept, as they are the same until the next deployment.
 */
export function metaRoutes(others: readonly RouteDefinition[], version: string): RouteDefinition[] {
  let openapi: string | undefined;
  let docs: Awaited<ReturnType<typeof docsPage>> | undefined;
  const meta: RouteDefinition[] = [
    defineRoute({
      method: "GET",
      path: "/openapi.json",
      operationId: "get_openapi",
      summary: "This interface as an OpenAPI 3.1 document",
      tags: ["meta"],
      security: "public",
      anyOrigin: true,
      responses: { 200: { description: "The document.", contentType: "application/json" } },
      problems: [],
      handle: async ({ deps }) => {
        openapi ??= JSON.stringify(openApiDocument(all, { publicUrl: deps.publicUrl, version }));
        return { status: 200, text: openapi, contentType: "application/json", headers: CACHE };
      },
    }),
    defineRoute({
      method: "GET",
      path: "/docs",
      operationId: "get_docs",
      summary: "This interface as a page to read",
      tags: ["meta"],
      security: "public",
      responses: { 200: { description: "The page.", contentType: "text/html" } },
      problems: [],
      handle: async ({ deps }) => {
        docs ??= await docsPage(all, { publicUrl: deps.publicUrl, version });
        return { status: 200, ...docs, headers: CACHE };
      },
    }),
  ];
  const all = [...others, ...meta];
  return meta;
}

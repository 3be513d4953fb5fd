import * as z from "zod";
import { serverMetadata } from "../../oauth/server-metadata.ts";
import { defineRoute, type RouteDefinition } from "../route.ts";

const CACHE = { "cache-control": "public, max-age=300" };

/** /.well-known/*: what clients and verifiers look up. */
export const wellKnownRoutes: RouteDefinition[] = [
  defineRoute({
    method: "GET",
    path: "/.well-known/jwks.json",
    operationId: "get_jwks",
    summary: "The public keys that verify access tokens",
    description: "RFC 7517. The next key is published before it is used, the previous one as long as tokens need it.",
    tags: ["meta"],
    security: "public",
    anyOrigin: true,
    responses: {
      200: {
        description: "The key set.",
        schema: z.object({ keys: z.array(z.record(z.string(), z.unknown())) }),
        example: { keys: [{ kty: "OKP", crv: "Ed25519", x: "…", kid: "…", alg: "EdDSA", use: "sig" }] },
      },
    },
    problems: [],
    handle: async ({ deps }) => ({ status: 200, body: deps.tokenKeys.jwks, headers: CACHE }),
  }),
  defineRoute({
    method: "GET",
    path: "/.well-known/oauth-authorization-server",
    operationId: "get_authorization_server_metadata",
    summary: "What this authorization server offers",
    description: "RFC 8414.",
    tags: ["meta"],
    security: "public",
    anyOrigin: true,
    responses: {
      200: {
        description: "The metadata.",
        schema: z.record(z.string(), z.unknown()),
        example: { issuer: "https://ebb.example", token_endpoint: "https://ebb.example/oauth2/token" },
      },
    },
    problems: [],
    handle: async ({ deps: { publicUrl } }) => ({ status: 200, headers: CACHE, body: serverMetadata(publicUrl) }),
  }),
];

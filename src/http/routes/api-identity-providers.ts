import * as z from "zod";
import { createIdentityProvider } from "../../identity-providers/create.ts";
import { type IdentityProvider, listIdentityProviders } from "../../identity-providers/list.ts";
import { removeIdentityProvider } from "../../identity-providers/remove.ts";
import { accountCall, keyName, listBody, listSchema, pageQuery, replayHeaders, seconds } from "../account-call.ts";
import { idSchema } from "../id-schema.ts";
import { defineRoute, type RouteDefinition } from "../route.ts";
import { plainText } from "../text-schema.ts";

const identityProvider = z.object({
  object: z.literal("identity_provider"),
  id: z.string(),
  name: z.string(),
  issuer: z.string(),
  client_id: z.string(),
  created_at: z.int(),
});

const EXAMPLE = {
  object: "identity_provider",
  id: "idp_01KAHJ7777G8H9J0K1M2N3P4Q5",
  name: "Acme",
  issuer: "https://id.acme.example",
  client_id: "ebb",
  created_at: 1795219200,
};

function showProvider(provider: IdentityProvider) {
  return {
    object: "identity_provider",
    id: provider.id,
    name: provider.name,
    issuer: provider.issuer,
    client_id: provider.clientId,
    created_at: seconds(provider.createdAt),
  };
}

/** /api/v1/identity-providers. */
export const identityProviderRoutes: RouteDefinition[] = [
  defineRoute({
    method: "GET",
    path: "/api/v1/identity-providers",
    operationId: "get_identity_providers",
    summary: "The tenant's own OpenID providers, oldest first",
    tags: ["api"],
    security: "account",
    permission: "providers:read",
    query: pageQuery("identityProvider"),
    responses: {
      200: {
        description: "One page of providers, without their secrets.",
        schema: listSchema(identityProvider),
        example: { object: "list", data: [EXAMPLE], next_cursor: null },
      },
    },
    problems: [],
    limited: true,
    handle: async (input) => {
      const { context, headers } = await accountCall(input);
      const { limit, cursor = null } = input.query;
      const page = await listIdentityProviders(context, { limit, after: cursor });
      return { status: 200, headers, body: listBody(page, showProvider) };
    },
  }),
  defineRoute({
    method: "POST",
    path: "/api/v1/identity-providers",
    operationId: "create_identity_provider",
    summary: "Bring an OpenID provider of the tenant's own",
    description:
      "It vouches for members of this tenant alone: who signs in through it is somebody else than who signs in elsewhere, can join no other tenant, and its word on an address counts for this tenant's invitations only. Register `…/login/callback/{id}` with it, where `{id}` is that of the answer. The secret is stored sealed and never shown.",
    tags: ["api"],
    security: "account",
    permission: "providers:write",
    body: {
      content: "application/json",
      schema: z.object({
        name: keyName,
        issuer: z.string().max(200).describe("An https URL of a public host, as the provider's own metadata says it."),
        client_id: plainText(200).min(1),
        client_secret: plainText(500).min(1),
      }),
      required: true,
      example: { name: "Acme", issuer: "https://id.acme.example", client_id: "ebb", client_secret: "…" },
    },
    responses: { 201: { description: "Created.", schema: identityProvider, example: EXAMPLE } },
    problems: ["conflict", "outcome-unknown"],
    limited: true,
    handle: async (input) => {
      const { context, headers } = await accountCall(input);
      const { name, issuer, client_id: clientId, client_secret: clientSecret } = input.body;
      const created = await createIdentityProvider(context, { name, issuer, clientId, clientSecret });
      return {
        status: 201,
        headers: { ...headers, ...replayHeaders(context) },
        body: showProvider({ ...created, name, issuer, clientId }),
      };
    },
  }),
  defineRoute({
    method: "DELETE",
    path: "/api/v1/identity-providers/{identity_provider_id}",
    operationId: "delete_identity_provider",
    summary: "Remove an OpenID provider of the tenant's own",
    description:
      "Whoever signed in through it is signed out at once, and their personal access tokens are revoked. `effective`: the gates refuse those already; else they do within a minute.",
    tags: ["api"],
    security: "account",
    permission: "providers:write",
    params: z.object({ identity_provider_id: idSchema("identityProvider") }),
    responses: {
      200: {
        description: "Removed.",
        schema: z.object({
          object: z.literal("identity_provider"),
          id: z.string(),
          deleted: z.literal(true),
          effective: z.boolean(),
        }),
        example: { object: "identity_provider", id: EXAMPLE.id, deleted: true, effective: true },
      },
    },
    problems: ["outcome-unknown"],
    limited: true,
    handle: async (input) => {
      const { context, headers } = await accountCall(input);
      const id = input.params.identity_provider_id;
      const { effective } = await removeIdentityProvider(context, id);
      return { status: 200, headers, body: { object: "identity_provider", id, deleted: true, effective } };
    },
  }),
];

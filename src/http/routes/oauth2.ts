import * as z from "zod";
import { Problem } from "../../core/problem.ts";
import { issueToken } from "../../instances/issue-token.ts";
import { GRANT_TYPES, registerInstance, SCOPES } from "../../instances/register.ts";
import { clientSecretOf } from "../client-secret.ts";
import { defineRoute, type RouteDefinition } from "../route.ts";

const registration = z.object({
  scope: z.string().max(500),
  grant_types: z.array(z.string().max(100)).max(10),
  instance_registration_key: z.string().max(200).nullish(),
});

const registered = z.object({
  client_id: z.string(),
  client_secret: z.string(),
  client_id_issued_at: z.int(),
  client_secret_expires_at: z.int(),
  grant_types: z.array(z.string()),
  scope: z.string(),
  token_endpoint_auth_method: z.string(),
});

const tokenInput = z.object({
  grant_type: z.string().max(100),
  client_id: z.string().max(200).optional(),
  client_secret: z.string().max(200).optional(),
});

const token = z.object({
  access_token: z.string(),
  token_type: z.string(),
  expires_in: z.int(),
  scope: z.string(),
});

/** /oauth2/*: registration and tokens. Errors have the form of RFC 6749. */
export const oauth2Routes: RouteDefinition[] = [
  defineRoute({
    method: "POST",
    path: "/oauth2/register",
    operationId: "register_client",
    summary: "An instance registers itself, with a registration key into that key's workspace",
    description: `RFC 7591. The secret is shown once. Scopes granted are those asked for among: ${SCOPES.join(", ")}. Every instance may use client_credentials.`,
    tags: ["instance"],
    security: "registration-key",
    body: {
      content: "application/json",
      schema: registration,
      required: true,
      example: { scope: "profile:read", grant_types: ["client_credentials"], instance_registration_key: "ebbr_…" },
    },
    responses: {
      201: {
        description: "Created client.",
        schema: registered,
        example: {
          client_id: "ebbc_…",
          client_secret: "…",
          client_id_issued_at: 1795219200,
          client_secret_expires_at: 0,
          grant_types: ["client_credentials"],
          scope: "profile:read",
          token_endpoint_auth_method: "client_secret_post",
        },
      },
    },
    problems: ["invalid-client-metadata", "tenant-suspended", "outcome-unknown"],
    limited: true,
    handle: async ({ deps, requestId, body }) => {
      const key = body.instance_registration_key;
      if (key === null || key === undefined) {
        throw new Problem("invalid-client-metadata", {
          errors: [{ path: "instance_registration_key", message: "is required: this service claims instances by key" }],
        });
      }
      const client = await registerInstance(deps, requestId as `req_${string}`, {
        scope: body.scope,
        grantTypes: body.grant_types,
        registrationKey: key,
      });
      return {
        status: 201,
        headers: client.headers,
        body: {
          client_id: client.clientId,
          client_secret: client.clientSecret,
          client_id_issued_at: Math.floor(client.issuedAtMs / 1000),
          client_secret_expires_at: 0,
          grant_types: client.grantTypes,
          scope: client.scope,
          token_endpoint_auth_method: "client_secret_post",
        },
      };
    },
  }),
  defineRoute({
    method: "POST",
    path: "/oauth2/token",
    operationId: "token",
    summary: "A client exchanges its secret for an access token",
    description: `RFC 6749 section 4.4. The token is a JWT (RFC 9068), signed with Ed25519, valid for one hour. Grant types known: ${GRANT_TYPES[0]}.`,
    tags: ["instance"],
    security: "client-secret",
    body: {
      content: "application/x-www-form-urlencoded",
      schema: tokenInput,
      required: true,
      example: { grant_type: "client_credentials", client_id: "ebbc_…", client_secret: "…" },
    },
    responses: {
      200: {
        description: "Created token.",
        schema: token,
        example: { access_token: "eyJ…", token_type: "Bearer", expires_in: 3600, scope: "profile:read" },
      },
    },
    problems: ["unsupported-grant-type"],
    limited: true,
    handle: async ({ deps, requestId, body, request }) => {
      if (body.grant_type !== "client_credentials") throw new Problem("unsupported-grant-type");
      const { accessToken, expiresInS, scope, headers } = await issueToken(
        deps,
        requestId,
        clientSecretOf(request, body),
      );
      return {
        status: 200,
        headers,
        body: { access_token: accessToken, token_type: "Bearer", expires_in: expiresInS, scope },
      };
    },
  }),
];

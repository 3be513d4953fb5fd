import * as z from "zod";
import { hashSecret } from "../../access/secret.ts";
import { type ChangedClient, changeClient } from "../../clients/change.ts";
import type { Id } from "../../core/id.ts";
import { Problem } from "../../core/problem.ts";
import { type RegisteredClient, registerInstance } from "../../instances/register.ts";
import type { Repeatable } from "../../instances/register-again.ts";
import { registerUnclaimed } from "../../instances/register-unclaimed.ts";
import {
  type ClientMetadata,
  type ClientMetadataInput,
  readClientMetadata,
  responseTypesOf,
} from "../../oauth/client-metadata.ts";
import { problemOf } from "../../oauth/refusal.ts";
import { SCOPES } from "../../oauth/scope.ts";
import { idempotencyKeyOf, requestHashOf } from "../idempotency-key.ts";
import { networkOf } from "../network.ts";
import { defineRoute, type RouteDefinition } from "../route.ts";
import { countryOf, networkOperatorOf } from "../whence.ts";

const metadata = {
  scope: z.string().max(500),
  grant_types: z.array(z.string().max(100)).max(10),
  // How many and which the protocol decides, with the code that it has for it (RFC 7591 section 3.2.2).
  redirect_uris: z
    .array(z.string())
    .nullish()
    .describe("For authorization_code (RFC 7591 section 2): ten at most, of 500 characters each."),
  client_name: z.string().nullish().describe("Up to 100 printable characters."),
};

const registration = z.object({
  ...metadata,
  token_endpoint_auth_method: z.string().max(40).nullish(),
  instance_registration_key: z.string().max(200).nullish(),
  require_claim_code: z
    .boolean()
    .nullish()
    .describe("Of an instance that prints its claim code: no workspace may claim it without."),
});

const change = z.object({ ...metadata, client_id: z.string().max(200), client_secret: z.string().max(200) });

const registered = z.object({
  client_id: z.string(),
  client_secret: z.string().optional().describe("Shown this once; a public client has none."),
  client_id_issued_at: z.int(),
  client_secret_expires_at: z.int(),
  grant_types: z.array(z.string()),
  response_types: z.array(z.string()),
  redirect_uris: z.array(z.string()),
  client_name: z.string().optional(),
  scope: z.string(),
  token_endpoint_auth_method: z.string(),
});

const EXAMPLE = {
  client_id: "ebbc_…",
  client_secret: "…",
  client_id_issued_at: 1795219200,
  client_secret_expires_at: 0,
  grant_types: ["client_credentials", "urn:ietf:params:oauth:grant-type:device_code", "refresh_token"],
  response_types: [],
  redirect_uris: [],
  scope: "profile:read",
  token_endpoint_auth_method: "client_secret_post",
};

function readMetadata(input: ClientMetadataInput): ClientMetadata {
  const read = readClientMetadata(input);
  if (!read.ok) throw new Problem(problemOf(`register:${read.reason}`));
  return read.metadata;
}

function showsClient(client: Omit<ChangedClient, "headers">) {
  return {
    client_id_issued_at: Math.floor(client.issuedAtMs / 1000),
    client_secret_expires_at: 0,
    grant_types: client.grantTypes,
    response_types: responseTypesOf(client.grantTypes),
    redirect_uris: client.redirectUris,
    ...(client.name === null ? {} : { client_name: client.name }),
    scope: client.scope,
    token_endpoint_auth_method: client.authMethod,
  };
}

/** Beside a registration key, of which a machine may share one with others: what no two machines choose alike by chance. */
const KEYED_CHARACTERS = 16;
/** Where it alone says whose registration it is: 128 bits in base64url. */
const UNCLAIMED_CHARACTERS = 22;

/** What makes the request one that can be repeated; null without an Idempotency-Key. Throws `invalid-field`. */
async function repeatableBy(request: Request, body: unknown, shortest: number): Promise<Repeatable | null> {
  const key = idempotencyKeyOf(request, shortest);
  return key === null ? null : { keyHash: await hashSecret(key), requestHash: await requestHashOf(body) };
}

type RegisteredNow = Pick<
  RegisteredClient,
  "clientId" | "clientSecret" | "metadata" | "issuedAtMs" | "replayed" | "headers"
>;

function registeredReply(client: RegisteredNow, more: Record<string, unknown> = {}) {
  return {
    status: 201,
    headers: { ...client.headers, ...(client.replayed ? { "idempotency-replayed": "true" } : {}) },
    body: {
      client_id: client.clientId,
      ...(client.clientSecret === null ? {} : { client_secret: client.clientSecret }),
      ...showsClient({ ...client.metadata, issuedAtMs: client.issuedAtMs }),
      ...more,
    },
  };
}

/** /oauth2/register: clients register and change what they registered. Errors have the form of RFC 6749. */
export const registerRoutes: RouteDefinition[] = [
  defineRoute({
    method: "POST",
    path: "/oauth2/register",
    operationId: "register_client",
    summary:
      "An instance registers itself: with a registration key into that key's workspace, else until somebody claims it",
    description: `RFC 7591. The secret is shown once. Scopes granted are those asked for among: ${SCOPES.join(", ")}. Every client with a secret may use client_credentials. Without \`instance_registration_key\` the registration is forgotten after 24 hours unless a person claims it by approving its first sign-in; \`claim_code\` is what the instance prints where its operator alone sees it, and what claiming takes. A workspace may waive it for instances that did not register with \`require_claim_code\`, as those that do not know of it. With an \`Idempotency-Key\` of its own a request whose answer was lost may be repeated for 24 hours: the same client, another secret and another claim code, which replace the former, and no further use of the registration key. Choose it at random, once a registration, and keep it as a secret: ${KEYED_CHARACTERS} characters beside a registration key, ${UNCLAIMED_CHARACTERS} without.`,
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
        schema: registered.extend({
          claim_code: z.string().optional(),
          registration_expires_at: z.int().optional().describe("Unless it is claimed; seconds since 1970."),
        }),
        example: { ...EXAMPLE, claim_code: "WDJBK-MJHTC", registration_expires_at: 1795305600 },
      },
    },
    problems: [
      ...(["invalid-client-metadata", "invalid-redirect-uri", "tenant-suspended", "tenant-closed"] as const),
      ...(["idempotency-key-reused", "registration-ended", "outcome-unknown"] as const),
    ],
    invalidBody: "invalid-client-metadata",
    limited: true,
    handle: async ({ deps, requestId, body, request }) => {
      const metadata = readMetadata(body);
      const id = requestId as Id<"request">;
      const key = body.instance_registration_key ?? null;
      const repeatable = await repeatableBy(request, body, key === null ? UNCLAIMED_CHARACTERS : KEYED_CHARACTERS);
      if (key !== null) {
        const place = countryOf(request);
        const client = await registerInstance(deps, id, { metadata, registrationKey: key, repeatable, place });
        return registeredReply(client);
      }
      const origin = {
        network: networkOf(request),
        country: countryOf(request),
        networkOperator: networkOperatorOf(request),
      };
      const claimCodeDemanded = body.require_claim_code === true;
      const client = await registerUnclaimed(deps, id, metadata, origin, { claimCodeDemanded, repeatable });
      return registeredReply(client, {
        claim_code: client.claimCode,
        registration_expires_at: Math.floor(client.expiresAtMs / 1000),
      });
    },
  }),
  defineRoute({
    method: "PUT",
    path: "/oauth2/register/{id}",
    operationId: "update_client",
    summary: "A client replaces what it registered, such as its scopes",
    description:
      "RFC 7592 section 2.2, proved by the client's secret. What people have granted stays as it is; new scopes are asked for at the next sign-in. Without `redirect_uris` those that are registered stay.",
    tags: ["instance"],
    security: "client-secret",
    params: z.object({ id: z.string().max(200) }),
    body: {
      content: "application/json",
      schema: change,
      required: true,
      example: {
        client_id: "ebbc_…",
        client_secret: "…",
        scope: "profile:read assistant",
        grant_types: ["client_credentials", "urn:ietf:params:oauth:grant-type:device_code"],
      },
    },
    responses: {
      200: {
        description: "Changed client.",
        schema: registered.extend({ client_secret: z.string() }),
        example: { ...EXAMPLE, scope: "profile:read assistant" },
      },
    },
    problems: ["invalid-client-metadata", "invalid-redirect-uri", "outcome-unknown"],
    invalidBody: "invalid-client-metadata",
    limited: true,
    handle: async ({ deps, requestId, params, body, request }) => {
      // One client may not change another, whatever it knows of it.
      if (params.id !== body.client_id) throw new Problem("invalid-client");
      const secret = { clientId: body.client_id, clientSecret: body.client_secret };
      const whence = { requestId, place: countryOf(request) };
      const client = await changeClient(deps, whence, secret, (former) =>
        readMetadata({
          ...body,
          redirect_uris: body.redirect_uris ?? former.redirectUris,
          token_endpoint_auth_method: former.authMethod,
        }),
      );
      return {
        status: 200,
        headers: client.headers,
        body: { client_id: body.client_id, client_secret: body.client_secret, ...showsClient(client) },
      };
    },
  }),
];

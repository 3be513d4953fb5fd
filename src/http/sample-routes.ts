import * as z from "zod";
import type { Clock } from "../core/clock.ts";
import { type Logger, silentLogger } from "../core/log.ts";
import { Problem } from "../core/problem.ts";
import type { Deps } from "../deps.ts";
import type { Authenticators } from "./mount.ts";
import { defineRoute } from "./route.ts";

/** A tiny service that uses every feature of the registry. For tests, and for looking at /docs while building it. */
export const SAMPLE_TOKENS = {
  "instance-token": "good.instance.token",
  "user-token": "good.user.token",
  account: "ebb_key_good",
  "account-or-user": "ebb_key_good",
} as const;
export const SAMPLE_FOREIGN_ID = "ins_01JZ8Q4V7M3T9W5X2Y6A8B0CDE";
export const SAMPLE_FOREIGN_TENANT = "tnt_01KAHJ0000A1B2C3D4E5F6G7H8";
export const SAMPLE_NOW_MS = Date.UTC(2026, 0, 15, 12);

const FIXED_CLOCK: Clock = { now: () => SAMPLE_NOW_MS };

export function sampleDeps(logger: Logger = silentLogger): Deps {
  return { clock: FIXED_CLOCK, logger, publicUrl: "https://ebb.example" } as Deps;
}

function tokenOf(request: Request): string {
  const match = /^Bearer ([A-Za-z0-9._~+/-]+=*)$/.exec(request.headers.get("authorization") ?? "");
  if (match?.[1] === undefined) throw new Problem("unauthenticated");
  return match[1];
}

const account: Authenticators["account"] = async (request) => {
  if (tokenOf(request) !== SAMPLE_TOKENS.account) throw new Problem("unauthenticated");
  return { kind: "api-key", gateId: "gate", hash: new Uint8Array(32) };
};

export const sampleAuthenticators: Authenticators = {
  public: async () => undefined,
  "instance-token": async (request) => {
    const token = tokenOf(request);
    if (token === "expired.instance.token") throw new Problem("token-expired");
    if (token !== SAMPLE_TOKENS["instance-token"]) throw new Problem("unauthenticated");
    return {
      kind: "instance-token",
      instanceId: "ins_1",
      tenantId: "tnt_1",
      gateId: "gate",
      clientId: "client",
      tokenId: "token",
      scope: "",
      issuedAtMs: 0,
      expiresAtMs: SAMPLE_NOW_MS + 1_000,
    };
  },
  "user-token": async (request) => {
    if (tokenOf(request) !== SAMPLE_TOKENS["user-token"]) throw new Problem("unauthenticated");
    return {
      kind: "user-token",
      personId: "per_1",
      instanceId: "ins_1",
      tenantId: "tnt_1",
      workspaceId: "wsp_1",
      gateId: "gate",
      clientId: "client",
      tokenId: "token",
      familyId: "fam_1",
      generation: 1,
      scopes: ["profile:read"],
      issuedAtMs: 0,
      expiresAtMs: SAMPLE_NOW_MS + 1_000,
      signedInAtMs: 0,
    };
  },
  account,
  "account-or-user": account,
};

const AliveBody = z
  .object({
    version: z.string().max(64).describe("Version of the software, as it calls itself."),
    os: z
      .object({
        kind: z.enum(["linux", "macos", "windows"]).describe("Family of the operating system."),
        release: z.string().max(64).optional(),
      })
      .optional(),
    plugins: z
      .array(z.object({ id: z.string().min(1), enabled: z.boolean() }))
      .max(200)
      .optional()
      .describe("What is installed."),
    counters: z.record(z.string(), z.int().min(0)).optional(),
  })
  .nullable();

/** Every account route takes a tenant. */
function refuseForeign(query: object): void {
  if ((query as { tenant_id?: string }).tenant_id === SAMPLE_FOREIGN_TENANT) throw new Problem("not-found");
}

export const sampleRoutes = [
  defineRoute({
    method: "POST",
    path: "/instance/alive",
    operationId: "ping_alive",
    summary: "An instance says that it runs",
    description: "Sent at start and every 24 hours. `200` means that the ping is stored durably; a repeat is no error.",
    tags: ["instance"],
    security: "instance-token",
    limited: true,
    quiet: true,
    body: {
      content: "application/json",
      schema: AliveBody,
      required: false,
      example: { version: "0.47.1", os: { kind: "linux", release: "6.1" } },
    },
    responses: { 200: { description: "Recorded." } },
    problems: ["tenant-suspended"],
    handle: async ({ body, credential }) => {
      if (body?.version === "boom") throw new Error(`secret parameter ${credential.clientId}`);
      const headers = { "RateLimit-Policy": '"instance";q=60;w=60', RateLimit: '"instance";r=59;t=60' };
      return body === undefined ? { status: 200, headers } : { status: 200, body, headers };
    },
  }),
  defineRoute({
    method: "POST",
    path: "/oauth2/token",
    operationId: "token",
    summary: "Exchange a client's secret for an access token",
    tags: ["oauth2"],
    security: "client-secret",
    limited: true,
    body: {
      content: "application/x-www-form-urlencoded",
      schema: z.object({
        grant_type: z.enum(["client_credentials"]).describe("Which grant is used."),
        client_id: z.string().max(200),
        client_secret: z.string().max(200),
        scope: z.string().optional(),
      }),
      required: true,
      example: { grant_type: "client_credentials", client_id: "ebb_ci_…", client_secret: "it's a secret" },
    },
    responses: {
      200: {
        description: "A token.",
        schema: z.object({ access_token: z.string(), token_type: z.literal("Bearer"), expires_in: z.int() }),
        example: { access_token: "eyJ…", token_type: "Bearer", expires_in: 3600 },
      },
    },
    problems: ["unsupported-grant-type"],
    handle: async ({ body }) => {
      if (body.client_secret === "wrong") throw new Problem("invalid-client");
      return { status: 200, body: { access_token: body.scope ?? "none", token_type: "Bearer", expires_in: 3600 } };
    },
  }),
  defineRoute({
    method: "GET",
    path: "/api/v1/instances",
    operationId: "list_instances",
    summary: "List instances",
    tags: ["accounts"],
    security: "account",
    permission: "instance:read",
    query: z.object({ limit: z.coerce.number().int().min(1).max(100).default(20).describe("How many, at most.") }),
    responses: { 200: { description: "A page of them.", schema: z.object({ limit: z.int() }) } },
    problems: [],
    handle: async ({ query }) => {
      refuseForeign(query);
      return { status: 200, body: { limit: query.limit } };
    },
  }),
  defineRoute({
    method: "DELETE",
    path: "/api/v1/instances/{instance_id}",
    operationId: "delete_instance",
    summary: "Delete an instance",
    tags: ["accounts"],
    security: "account",
    permission: "instance:delete",
    params: z.object({ instance_id: z.string().regex(/^ins_[0-9A-Z]{26}$/) }),
    responses: { 204: { description: "Gone." } },
    problems: [],
    handle: async ({ params, query }) => {
      refuseForeign(query);
      if (params.instance_id === SAMPLE_FOREIGN_ID) {
        throw new Problem("not-found", { members: { tenant: "other" }, headers: { "x-tenant": "other" } });
      }
      return { status: 204 };
    },
  }),
];

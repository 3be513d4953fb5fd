import * as z from "zod";
import type { AccountCredential } from "../../access/credential.ts";
import { can } from "../../core/permission.ts";
import { Problem } from "../../core/problem.ts";
import type { Deps } from "../../deps.ts";
import { tryUserCode } from "../../gate/user-code.ts";
import { approveDevice } from "../../grants/approve-device.ts";
import { beginDevice, DEVICE_CODE_LIFETIME_S, POLL_INTERVAL_S } from "../../grants/begin-device.ts";
import { denyDevice } from "../../grants/deny-device.ts";
import { inspectDevice } from "../../grants/inspect-device.ts";
import { parseScope } from "../../oauth/scope.ts";
import { type Context, enter } from "../../verb.ts";
import { accountCall, replayHeaders, seconds } from "../account-call.ts";
import { CLIENT_EXAMPLE, clientFields } from "../client-fields.ts";
import { clientSecretOf } from "../client-secret.ts";
import { idSchema } from "../id-schema.ts";
import { networkOf } from "../network.ts";
import { defineRoute, type RouteDefinition } from "../route.ts";
import { shownName } from "../text-schema.ts";
import { countryOf } from "../whence.ts";

const userCode = z.string().max(100);
const APPROVER =
  "With a personal access token that holds `device:approve`, or a session. Attempts are limited; an unknown code, an expired one and one of another tenant's instance look the same.";

interface ApproverInput {
  deps: Deps;
  requestId: string;
  credential: AccountCredential;
  request: Request;
  params: unknown;
  query: unknown;
  body: unknown;
}

/** As whoever answers: counted by who it is, where from, and as an attempt at a user code. */
async function asApprover<T>(
  input: ApproverInput,
  fn: (context: Context) => Promise<T>,
): Promise<{ result: T; headers: Record<string, string> }> {
  const { deps, requestId, request } = input;
  const { context, headers, caller, key } = await accountCall(input);
  // Before the code is looked at: what refuses a token anyway must not tell it which codes there are.
  if (key !== null && (key.kind === "api-key" || !can(key.permissions, "device:approve"))) {
    await enter(context, "device:approve", () => []);
    throw new Problem("forbidden");
  }
  const whose = { network: networkOf(request), person: caller };
  const result = await tryUserCode(deps, requestId, whose, () => fn(context));
  return { result, headers: { ...headers, ...replayHeaders(context) } };
}

/** /oauth2/device/*: the device grant (RFC 8628) and its approval by a token. */
export const deviceRoutes: RouteDefinition[] = [
  defineRoute({
    method: "POST",
    path: "/oauth2/device/authorize",
    operationId: "device_authorize",
    summary: "A client asks for a person's sign-in",
    description: `RFC 8628 section 3.1. The device code lives ten minutes; asking for it sooner than every ${POLL_INTERVAL_S} seconds gets slow_down. User codes have no vowels and no letters that look alike.`,
    tags: ["instance"],
    security: "client-secret",
    body: {
      content: "application/x-www-form-urlencoded",
      schema: z.object({ ...clientFields, scope: z.string().max(500).optional() }),
      required: true,
      example: { ...CLIENT_EXAMPLE, scope: "profile:read assistant" },
    },
    responses: {
      200: {
        description: "Created device authorization request.",
        schema: z.object({
          device_code: z.string(),
          user_code: z.string(),
          verification_uri: z.string(),
          verification_uri_complete: z.string(),
          expires_in: z.int().min(0),
          interval: z.int().min(0),
        }),
        example: {
          device_code: "ebbd_…",
          user_code: "WDJB-MJHT",
          verification_uri: "https://ebb.example/device",
          verification_uri_complete: "https://ebb.example/device?user_code=WDJB-MJHT",
          expires_in: 600,
          interval: 5,
        },
      },
    },
    problems: ["unauthorized-client", "invalid-scope"],
    limited: true,
    handle: async ({ deps, requestId, body, request }) => {
      const begun = await beginDevice(deps, requestId, clientSecretOf(request, body), body.scope);
      return {
        status: 200,
        headers: begun.headers,
        body: {
          device_code: begun.deviceCode,
          user_code: begun.userCode,
          verification_uri: begun.verificationUri,
          verification_uri_complete: begun.verificationUriComplete,
          expires_in: DEVICE_CODE_LIFETIME_S,
          interval: POLL_INTERVAL_S,
        },
      };
    },
  }),
  defineRoute({
    method: "GET",
    path: "/oauth2/device/information",
    operationId: "device_information",
    summary: "What a device's request asks for, and what of it the caller may grant",
    description: APPROVER,
    tags: ["api"],
    security: "account",
    permission: "device:approve",
    query: z.object({ user_code: userCode }),
    exampleQuery: { user_code: "WDJB-MJHT" },
    responses: {
      200: {
        description: "Device authorization request.",
        schema: z.object({
          scope: z.string(),
          scopes: z.array(z.object({ name: z.string(), requirement: z.enum(["forbidden", "required", "optional"]) })),
          client: z.object({
            id: z.string(),
            registered_at: z.int(),
            instance: z.object({ id: z.string(), name: z.string(), registered_at: z.int() }).optional(),
            country: z.string().nullable().optional().describe("From which an unclaimed one registered."),
            network_operator: z.string().nullable().optional(),
          }),
          expires_at: z.int(),
        }),
        example: {
          scope: "profile:read assistant",
          scopes: [
            { name: "profile:read", requirement: "required" },
            { name: "assistant", requirement: "optional" },
          ],
          client: {
            id: "ebbc_…",
            registered_at: 1795219200,
            instance: { id: "ins_01KAHJ0000A1B2C3D4E5F6G7H8", name: "build-7", registered_at: 1795219200 },
          },
          expires_at: 1795219800,
        },
      },
    },
    problems: ["tenant-suspended"],
    limited: true,
    handle: async (input) => {
      const { result, headers } = await asApprover(input, (context) => inspectDevice(context, input.query.user_code));
      const { request, scopes } = result;
      const { client } = request;
      const registeredAt = seconds(client.registeredAtMs);
      const whose =
        client.tenantId === null
          ? { country: client.country, network_operator: client.networkOperator }
          : {
              instance: { id: client.instanceId, name: client.name ?? client.instanceId, registered_at: registeredAt },
            };
      return {
        status: 200,
        headers,
        body: {
          scope: request.scope,
          scopes,
          client: { id: client.clientId, registered_at: registeredAt, ...whose },
          expires_at: seconds(request.expiresAtMs),
        },
      };
    },
  }),
  defineRoute({
    method: "POST",
    path: "/oauth2/device/approve",
    operationId: "device_approve",
    summary: "Approve a device's sign-in as the caller, with at most what the caller holds",
    description: `${APPROVER} What is granted ends with the token by which it was approved. An unclaimed instance is claimed by it: that takes \`instance:claim\` and, of a token, a workspace to which it is bound.`,
    tags: ["api"],
    security: "account",
    permission: "device:approve",
    query: z.object({
      user_code: userCode,
      scope: z
        .string()
        .max(500)
        .nullish()
        .describe("Separated by commas or spaces; all that may be granted when omitted."),
      claim_code: z.string().max(100).optional().describe("What an unclaimed instance has printed."),
      workspace_id: idSchema("workspace").optional().describe("Where an unclaimed instance goes."),
      name: shownName(100).optional().describe("What an unclaimed instance is called."),
    }),
    exampleQuery: { user_code: "WDJB-MJHT" },
    responses: {
      200: {
        description: "Approved.",
        schema: z.object({
          approved: z.literal(true),
          scope: z.string(),
          instance_id: z.string(),
          claimed: z.boolean(),
        }),
        example: {
          approved: true,
          scope: "profile:read",
          instance_id: "ins_01KAHJ0000A1B2C3D4E5F6G7H8",
          claimed: false,
        },
      },
    },
    problems: [
      ...(["tenant-suspended", "conflict", "invalid-scope", "outcome-unknown"] as const),
      ...(["claim-code-required", "claim-code-locked"] as const),
    ],
    limited: true,
    handle: async (input) => {
      const { user_code, scope, claim_code = null, workspace_id = null, name = null } = input.query;
      const chosen = scope == null || scope === "" ? null : parseScope(scope);
      const claim = { workspaceId: workspace_id, claimCode: claim_code, name };
      const { result: approved, headers } = await asApprover(input, (context) =>
        approveDevice(context, user_code, { chosen, claim }),
      );
      return {
        status: 200,
        headers,
        body: { approved: true, scope: approved.scope, instance_id: approved.instanceId, claimed: approved.claimed },
      };
    },
  }),
  defineRoute({
    method: "POST",
    path: "/oauth2/device/deny",
    operationId: "device_deny",
    summary: "Turn a device's request down",
    description: APPROVER,
    tags: ["api"],
    security: "account",
    permission: "device:approve",
    query: z.object({ user_code: userCode }),
    exampleQuery: { user_code: "WDJB-MJHT" },
    responses: {
      200: {
        description: "Denied: the device is told so when it asks next.",
        schema: z.object({ denied: z.literal(true) }),
        example: { denied: true },
      },
    },
    problems: ["tenant-suspended", "conflict"],
    limited: true,
    handle: async (input) => {
      const { deps, requestId, credential, request, query } = input;
      const whence = { requestId, place: countryOf(request) };
      const { headers } = await asApprover(input, () => denyDevice(deps, credential.hash, query.user_code, whence));
      return { status: 200, headers, body: { denied: true } };
    },
  }),
];

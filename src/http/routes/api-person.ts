import * as z from "zod";
import { acceptInvitation } from "../../people/accept-invitation.ts";
import { INVITATION_TOKEN } from "../../people/invitation-token.ts";
import { endOwnSessions, type OwnTenant, ownEvents, ownSessions, ownTenants } from "../../people/own.ts";
import { listBody, listSchema, pageQuery, seconds } from "../account-call.ts";
import { idSchema } from "../id-schema.ts";
import { personCall } from "../person-call.ts";
import { defineRoute, type RouteDefinition } from "../route.ts";
import { countryOf } from "../whence.ts";

const session = z.object({
  object: z.literal("session"),
  id: z.string(),
  issued_at: z.int(),
  expires_at: z.int(),
  current: z.boolean().describe("Whether it is the one that asks."),
});

const event = z.object({
  object: z.literal("authentication_event"),
  id: z.string(),
  recorded_at: z.int(),
  event: z.string(),
  outcome: z.string(),
  place: z.string().nullable().describe("The country, ISO 3166-1."),
  reason: z.string().nullable(),
});

const membership = z.object({
  object: z.literal("own_tenant"),
  id: z.string(),
  name: z.string(),
  kind: z.string(),
  status: z.string(),
  role: z.string(),
  since: z.int(),
  controller: z
    .object({
      name: z.string(),
      logo_url: z.string().nullable(),
      contact: z.string().nullable(),
      privacy_contact: z.string().nullable(),
    })
    .nullable()
    .describe("Of a reseller's client: the reseller, who is the controller of its data."),
});

const EXAMPLE_SESSION = "ses_01KAHJ7777G8H9J0K1M2N3P4Q5";
const EXAMPLE_EVENT = {
  object: "authentication_event",
  id: "aev_01KAHJ7777G8H9J0K1M2N3P4Q5",
  recorded_at: 1795219200,
  event: "sign-in",
  outcome: "succeeded",
  place: "AT",
  reason: null,
};
const EXAMPLE_TENANT = {
  object: "own_tenant",
  id: "tnt_01KAHJ7777G8H9J0K1M2N3P4Q5",
  name: "Globex",
  kind: "client",
  status: "active",
  role: "member",
  since: 1795219200,
  controller: {
    name: "Initech Cloud",
    logo_url: "https://initech.example/logo.svg",
    contact: "help@initech.example",
    privacy_contact: "privacy@initech.example",
  },
};
const shared = { tags: ["api"], security: "account", personal: true, limited: true } as const;

function showTenant(tenant: OwnTenant) {
  const { controller } = tenant;
  return {
    object: "own_tenant",
    id: tenant.id,
    name: tenant.name,
    kind: tenant.kind,
    status: tenant.status,
    role: tenant.role,
    since: seconds(tenant.since),
    controller: controller && {
      name: controller.name,
      logo_url: controller.logoUrl,
      contact: controller.contact,
      privacy_contact: controller.privacyContact,
    },
  };
}

/** What is the caller's own, in person: sessions, history, tenants, and the invitations they accept. */
export const personRoutes: RouteDefinition[] = [
  defineRoute({
    ...shared,
    method: "GET",
    path: "/api/v1/user/sessions",
    operationId: "get_own_sessions",
    summary: "The caller's live sessions, newest first",
    description: "Takes a session.",
    responses: {
      200: {
        description: "At most 200.",
        schema: listSchema(session),
        example: {
          object: "list",
          data: [
            { object: "session", id: EXAMPLE_SESSION, issued_at: 1795219200, expires_at: 1802995200, current: true },
          ],
          next_cursor: null,
        },
      },
    },
    problems: ["not-found", "forbidden"],
    handle: async (input) => {
      const { hash, headers } = await personCall(input);
      const items = await ownSessions(input.deps, hash);
      const body = listBody({ items, next: null }, (item) => ({
        object: "session",
        id: item.id,
        issued_at: seconds(item.issuedAt),
        expires_at: seconds(item.expiresAt),
        current: item.current,
      }));
      return { status: 200, headers, body };
    },
  }),
  defineRoute({
    ...shared,
    method: "DELETE",
    path: "/api/v1/user/sessions",
    operationId: "delete_own_sessions",
    summary: "Sign out everywhere",
    description: "Ends every session of the caller's, the one that asks included, at once. Takes a session.",
    responses: {
      200: {
        description: "Ended.",
        schema: z.object({ object: z.literal("sessions"), deleted: z.literal(true), count: z.int() }),
        example: { object: "sessions", deleted: true, count: 3 },
      },
    },
    problems: ["not-found", "forbidden"],
    handle: async (input) => {
      const { hash, headers } = await personCall(input);
      const { deps, request, requestId } = input;
      const count = await endOwnSessions(deps, hash, null, { place: countryOf(request), requestId });
      return { status: 200, headers, body: { object: "sessions", deleted: true, count } };
    },
  }),
  defineRoute({
    ...shared,
    method: "DELETE",
    path: "/api/v1/user/sessions/{session_id}",
    operationId: "delete_own_session",
    summary: "End one of the caller's sessions",
    description: "From this instant on it is refused. Takes a session.",
    params: z.object({ session_id: idSchema("session") }),
    responses: {
      200: {
        description: "Ended.",
        schema: z.object({ object: z.literal("session"), id: z.string(), deleted: z.literal(true) }),
        example: { object: "session", id: EXAMPLE_SESSION, deleted: true },
      },
    },
    problems: ["not-found", "forbidden"],
    handle: async (input) => {
      const { hash, headers } = await personCall(input);
      const { deps, request, requestId, params } = input;
      await endOwnSessions(deps, hash, params.session_id, { place: countryOf(request), requestId });
      return { status: 200, headers, body: { object: "session", id: params.session_id, deleted: true } };
    },
  }),
  defineRoute({
    ...shared,
    method: "GET",
    path: "/api/v1/user/events",
    operationId: "get_own_events",
    summary: "The caller's own authentication history, newest first",
    description: "Takes a session.",
    query: pageQuery("authenticationEvent"),
    responses: {
      200: {
        description: "One page of the last twelve months.",
        schema: listSchema(event),
        example: { object: "list", data: [EXAMPLE_EVENT], next_cursor: null },
      },
    },
    problems: ["not-found", "forbidden"],
    handle: async (input) => {
      const { hash, headers } = await personCall(input);
      const { limit, cursor = null } = input.query;
      const page = await ownEvents(input.deps, hash, { limit, after: cursor });
      const body = listBody(page, (item) => ({
        object: "authentication_event",
        id: item.id,
        recorded_at: seconds(item.recordedAt),
        event: item.event,
        outcome: item.outcome,
        place: item.place,
        reason: item.reason,
      }));
      return { status: 200, headers, body };
    },
  }),
  defineRoute({
    ...shared,
    method: "GET",
    path: "/api/v1/user/tenants",
    operationId: "get_own_tenants",
    summary: "Where the caller belongs, and as what",
    description: "Takes a session: a personal access token is for one tenant.",
    responses: {
      200: {
        description: "At most 200, longest first.",
        schema: listSchema(membership),
        example: { object: "list", data: [EXAMPLE_TENANT], next_cursor: null },
      },
    },
    problems: ["not-found", "forbidden"],
    handle: async (input) => {
      const { hash, headers } = await personCall(input);
      const items = await ownTenants(input.deps, hash);
      return { status: 200, headers, body: listBody({ items, next: null }, showTenant) };
    },
  }),
  defineRoute({
    ...shared,
    method: "POST",
    path: "/api/v1/invitations/accept",
    operationId: "accept_invitation",
    summary: "Accept an invitation",
    description:
      "Takes a session whose person has the invited e-mail address, verified by a provider that is trusted for it: one of the deployment's that it trusts with addresses, or the inviting tenant's own. Works once; whoever accepted it is answered the same again.",
    body: {
      content: "application/json",
      schema: z.object({ token: z.string().regex(INVITATION_TOKEN) }),
      required: true,
      example: { token: `ebbi_${"A".repeat(64)}` },
    },
    responses: {
      200: {
        description: "The caller is a member now.",
        schema: z.object({
          object: z.literal("membership"),
          id: z.string(),
          tenant_id: z.string(),
          tenant_name: z.string(),
          role: z.string(),
        }),
        example: {
          object: "membership",
          id: "mem_01KAHJ7777G8H9J0K1M2N3P4Q5",
          tenant_id: EXAMPLE_TENANT.id,
          tenant_name: EXAMPLE_TENANT.name,
          role: EXAMPLE_TENANT.role,
        },
      },
    },
    problems: [
      ...(["not-found", "forbidden", "conflict", "invitation-expired", "invitation-used", "no-seat-left"] as const),
      ...(["invitation-for-another", "tenant-suspended", "tenant-closed"] as const),
    ],
    handle: async (input) => {
      const { hash, headers } = await personCall(input);
      const accepted = await acceptInvitation(input.deps, hash, input.body.token, input.requestId);
      return {
        status: 200,
        headers,
        body: {
          object: "membership",
          id: accepted.membershipId,
          tenant_id: accepted.tenantId,
          tenant_name: accepted.tenantName,
          role: accepted.role,
        },
      };
    },
  }),
];

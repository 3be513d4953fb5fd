import * as z from "zod";
import { type AuditEntry, listAudit } from "../../audit/list.ts";
import { accountCall, listBody, listSchema, pageQuery, seconds } from "../account-call.ts";
import { actorId } from "../actor-id.ts";
import { defineRoute, type RouteDefinition } from "../route.ts";

const entry = z.object({
  object: z.literal("audit_entry"),
  id: z.string(),
  action: z.string(),
  subject: z.string(),
  actor_kind: z.string(),
  actor_id: z.string(),
  detail: z.record(z.string(), z.unknown()),
  request_id: z.string(),
  recorded_at: z.int(),
});

function showsEntry(shown: AuditEntry) {
  return {
    object: "audit_entry",
    id: shown.id,
    action: shown.action,
    subject: shown.subject,
    actor_kind: shown.actorKind,
    actor_id: actorId(shown.actorKind, shown.actorId),
    detail: shown.detail,
    request_id: shown.requestId,
    recorded_at: seconds(shown.recordedAt),
  };
}

/** /api/v1/audit. */
export const auditRoutes: RouteDefinition[] = [
  defineRoute({
    method: "GET",
    path: "/api/v1/audit",
    operationId: "get_audit",
    summary: "What was changed in the tenant, newest first",
    description:
      "With `tenant.opened`, an operator of the platform opened the tenant's data: `detail.reason` says why. Kept for 7 years.",
    tags: ["api"],
    security: "account",
    permission: "audit:read",
    query: pageQuery("audit").extend({
      action: z
        .string()
        .max(100)
        .regex(/^[a-z-]+\.[a-z-]+$/)
        .optional()
        .describe("One action alone, such as `member.removed`."),
    }),
    responses: {
      200: {
        description: "One page of entries.",
        schema: listSchema(entry),
        example: {
          object: "list",
          data: [
            {
              object: "audit_entry",
              id: "aud_01KAHJ6666Q8R9S0T1V2W3X4Y5",
              action: "tenant.opened",
              subject: "tnt_01KAHJ0000A1B2C3D4E5F6G7H8",
              actor_kind: "person",
              actor_id: "per_01KAHJ4444X2Y3Z4A5B6C7D8E9",
              detail: { reason: "ticket 4711" },
              request_id: "req_01KAHJ7777Z6A7B8C9D0E1F2G3",
              recorded_at: 1795219200,
            },
          ],
          next_cursor: null,
        },
      },
    },
    problems: [],
    limited: true,
    handle: async (input) => {
      const { context, headers } = await accountCall(input);
      const { limit, cursor = null, action = null } = input.query;
      const page = await listAudit(context, { limit, after: cursor, action });
      return { status: 200, headers, body: listBody(page, showsEntry) };
    },
  }),
];

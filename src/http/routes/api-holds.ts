import * as z from "zod";
import { type Id, parseId } from "../../core/id.ts";
import { type LegalHold, listHolds } from "../../retention/list-holds.ts";
import { holdableClasses, placeHold } from "../../retention/place-hold.ts";
import { releaseHold } from "../../retention/release-hold.ts";
import {
  accountCall,
  listBody,
  listSchema,
  pageQuery,
  replayHeaders,
  seconds,
  secondsOrNull,
} from "../account-call.ts";
import { idSchema } from "../id-schema.ts";
import { defineRoute, type RouteDefinition } from "../route.ts";
import { plainText } from "../text-schema.ts";

/** A person or an instance. */
const subjectId = z
  .custom<Id<"person"> | Id<"instance">>(
    (value) => typeof value === "string" && (parseId("person", value) ?? parseId("instance", value)) !== null,
  )
  .meta({ type: "string" });

/** What is written down for those who come later; not a blank. */
const statement = plainText(500)
  .min(1)
  .refine((text) => text.trim() !== "");

const hold = z.object({
  object: z.literal("legal_hold"),
  id: z.string(),
  tenant_id: z.string().nullable(),
  subject_id: z.string().nullable(),
  retention_class: z.string().nullable(),
  reason: z.string(),
  placed_by: z.string(),
  placed_at: z.int(),
  review_at: z.int(),
  /** Null while it is in place. */
  released_at: z.int().nullable(),
  outcome: z.string().nullable(),
});

const placed = hold.omit({ placed_by: true, released_at: true, outcome: true });

const PLACED = {
  object: "legal_hold",
  id: "hld_01KAHJ0000A1B2C3D4E5F6G7H8",
  tenant_id: "tnt_01KAHJ0000A1B2C3D4E5F6G7H8",
  subject_id: null,
  retention_class: "security-events",
  reason: "Case 2026-114",
  placed_at: 1795219200,
  review_at: 1810857600,
} as const;
const RELEASED = { object: "legal_hold", id: PLACED.id, released_at: 1800403200, outcome: "Case closed" } as const;

function showsHold(it: LegalHold) {
  return {
    object: "legal_hold",
    id: it.id,
    tenant_id: it.tenantId,
    subject_id: it.subjectId,
    retention_class: it.retentionClass,
    reason: it.reason,
    placed_by: it.placedBy,
    placed_at: seconds(it.placedAt),
    review_at: seconds(it.reviewAt),
    released_at: secondsOrNull(it.releasedAt),
    outcome: it.outcome,
  };
}

/** /api/v1/retention/holds: for the platform owner alone. */
export const holdRoutes: RouteDefinition[] = [
  defineRoute({
    method: "GET",
    path: "/api/v1/retention/holds",
    operationId: "get_retention_holds",
    summary: "Legal holds, newest first; for the platform owner",
    tags: ["api"],
    security: "account",
    permission: "holds:read",
    ownerOnly: true,
    query: pageQuery("legalHold"),
    responses: {
      200: {
        description: "One page of holds; those that were released until 24 months after.",
        schema: listSchema(hold),
        example: {
          object: "list",
          data: [{ ...PLACED, placed_by: "crd_01KAHJ7777G8H9J0K1M2N3P4Q5", released_at: null, outcome: null }],
          next_cursor: null,
        },
      },
    },
    problems: ["tenant-suspended"],
    limited: true,
    handle: async (input) => {
      const { context, headers } = await accountCall(input);
      const { limit, cursor = null } = input.query;
      const page = await listHolds(context, { limit, after: cursor });
      return { status: 200, headers, body: listBody(page, showsHold) };
    },
  }),
  defineRoute({
    method: "POST",
    path: "/api/v1/retention/holds",
    operationId: "create_retention_hold",
    summary:
      "Keep the purge away from a tenant's, a person's or an instance's data, or a class; for the platform owner",
    description:
      "At least one of `tenant_id`, `subject_id` and `retention_class`: what lies in all that are given is kept, hidden from whoever could read it as if it had gone, until the hold is released. It may take some seconds, as it waits for the purge that is running.",
    tags: ["api"],
    security: "account",
    permission: "holds:write",
    ownerOnly: true,
    body: {
      content: "application/json",
      schema: z.object({
        tenant_id: idSchema("tenant").nullish(),
        subject_id: subjectId.nullish(),
        retention_class: z.enum(holdableClasses()).nullish(),
        reason: statement,
        /** In the future, and at most 24 months ahead. */
        review_at: z.int().min(1).max(253_402_300_799),
      }),
      required: true,
      example: {
        tenant_id: PLACED.tenant_id,
        retention_class: PLACED.retention_class,
        reason: PLACED.reason,
        review_at: PLACED.review_at,
      },
    },
    responses: { 201: { description: "It is in place.", schema: placed, example: PLACED } },
    problems: ["tenant-suspended", "not-found", "outcome-unknown"],
    limited: true,
    handle: async (input) => {
      const { context, headers } = await accountCall(input);
      const { tenant_id = null, subject_id = null, retention_class = null, reason, review_at } = input.body;
      const { id, placedAt } = await placeHold(context, {
        tenantId: tenant_id,
        subjectId: subject_id,
        retentionClass: retention_class,
        reason,
        reviewAtMs: review_at * 1000,
      });
      return {
        status: 201,
        headers: { ...headers, ...replayHeaders(context) },
        body: {
          object: "legal_hold",
          id,
          tenant_id,
          subject_id,
          retention_class,
          reason,
          placed_at: seconds(placedAt),
          review_at,
        },
      };
    },
  }),
  defineRoute({
    method: "POST",
    path: "/api/v1/retention/holds/{hold_id}/release",
    operationId: "release_retention_hold",
    summary: "Release a legal hold; for the platform owner",
    description:
      "What it alone kept goes with the next run of the purge. What came of it stays readable for 24 months.",
    tags: ["api"],
    security: "account",
    permission: "holds:write",
    ownerOnly: true,
    params: z.object({ hold_id: idSchema("legalHold") }),
    body: {
      content: "application/json",
      schema: z.object({ outcome: statement }),
      required: true,
      example: { outcome: RELEASED.outcome },
    },
    responses: {
      200: {
        description: "Released.",
        schema: hold.pick({ object: true, id: true, outcome: true }).extend({ released_at: z.int() }),
        example: RELEASED,
      },
    },
    problems: ["tenant-suspended", "outcome-unknown"],
    limited: true,
    handle: async (input) => {
      const { context, headers } = await accountCall(input);
      const id = input.params.hold_id;
      const { outcome } = input.body;
      const { releasedAt } = await releaseHold(context, id, outcome);
      return {
        status: 200,
        headers: { ...headers, ...replayHeaders(context) },
        body: { object: "legal_hold", id, released_at: seconds(releasedAt), outcome },
      };
    },
  }),
];

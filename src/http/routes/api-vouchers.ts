import * as z from "zod";
import type { UserCredential } from "../../access/credential.ts";
import { Problem } from "../../core/problem.ts";
import { takeOfUser } from "../../gate/user.ts";
import { claimVoucher, claimVoucherOfSignIn } from "../../vouchers/claim.ts";
import { createVoucher } from "../../vouchers/create.ts";
import { listVouchers, type Voucher } from "../../vouchers/list.ts";
import { revokeVoucher } from "../../vouchers/revoke.ts";
import {
  accountCall,
  keyName,
  listBody,
  listSchema,
  pageQuery,
  replayHeaders,
  seconds,
  secondsOrNull,
  validUntil,
} from "../account-call.ts";
import { idSchema } from "../id-schema.ts";
import { defineRoute, type RouteDefinition } from "../route.ts";
import { seatCount } from "../seat-schema.ts";
import { plainText } from "../text-schema.ts";

const voucher = z.object({
  object: z.literal("voucher"),
  id: z.string(),
  name: z.string(),
  plan: z.enum(["team", "enterprise"]),
  seats: z.int().nullable().describe("How many people may hold a seat; null: any number."),
  months: z.int().nullable().describe("How long the plan lasts from the claim; null: until it is changed."),
  created_at: z.int(),
  valid_until: z.int().describe("Until when it can be claimed."),
  claimed_at: z.int().nullable(),
  claimed_tenant_id: z.string().nullable(),
  revoked_at: z.int().nullable(),
});
const created = voucher.extend({
  code: z.string().nullable().describe("Shown this once; null in the repeat of an idempotent request."),
});

const EXAMPLE = {
  object: "voucher",
  id: "vch_01KAHJ8888A1B2C3D4E5F6G7H8",
  name: "Conference 2026",
  plan: "team",
  seats: 10,
  months: 12,
  created_at: 1795219200,
  valid_until: 1826755200,
  claimed_at: null,
  claimed_tenant_id: null,
  revoked_at: null,
} as const;
const CODE = "EBB-7K3MQ-0XW9T-HD52V-8RAC4";

function showsVoucher(shown: Voucher) {
  return {
    object: "voucher",
    id: shown.id,
    name: shown.name,
    plan: shown.plan,
    seats: shown.seats,
    months: shown.months,
    created_at: seconds(shown.createdAt),
    valid_until: seconds(shown.validUntil),
    claimed_at: secondsOrNull(shown.claimedAt),
    claimed_tenant_id: shown.claimedTenantId,
    revoked_at: secondsOrNull(shown.revokedAt),
  };
}

/** A token is for the one tenant whose instance it is. */
function refuseOtherTenant({ tenantId }: UserCredential, query: object): void {
  const { tenant_id } = query as { tenant_id?: string };
  if (tenant_id !== undefined && tenant_id !== tenantId) throw new Problem("not-found");
}

/** /api/v1/vouchers, for the platform owner alone; and claiming one, as the published contract has it. */
export const voucherRoutes: RouteDefinition[] = [
  defineRoute({
    method: "GET",
    path: "/api/v1/vouchers",
    operationId: "list_vouchers",
    summary: "Vouchers, newest first; for the platform owner",
    tags: ["api"],
    security: "account",
    permission: "vouchers:read",
    ownerOnly: true,
    query: pageQuery("voucher"),
    responses: {
      200: {
        description: "One page of vouchers, without their codes; those that have ended for 30 days.",
        schema: listSchema(voucher),
        example: { object: "list", data: [EXAMPLE], next_cursor: null },
      },
    },
    problems: [],
    limited: true,
    handle: async (input) => {
      const { context, headers } = await accountCall(input);
      const { limit, cursor = null } = input.query;
      const page = await listVouchers(context, { limit, after: cursor });
      return { status: 200, headers, body: listBody(page, showsVoucher) };
    },
  }),
  defineRoute({
    method: "POST",
    path: "/api/v1/vouchers",
    operationId: "create_voucher",
    summary: "Make a code that puts one account on a plan; for the platform owner",
    description:
      "Good for one claim, by a direct customer, until `valid_until` (a year when left out). The code is shown this once and kept as its SHA-256.",
    tags: ["api"],
    security: "account",
    permission: "vouchers:write",
    ownerOnly: true,
    body: {
      content: "application/json",
      schema: z.object({
        name: keyName,
        plan: z.enum(["team", "enterprise"]),
        seats: seatCount.nullish(),
        months: z.int().min(1).max(120).nullish(),
        valid_until: validUntil,
      }),
      required: true,
      example: { name: EXAMPLE.name, plan: EXAMPLE.plan, seats: EXAMPLE.seats, months: EXAMPLE.months },
    },
    responses: { 201: { description: "Made.", schema: created, example: { ...EXAMPLE, code: CODE } } },
    problems: ["outcome-unknown"],
    limited: true,
    handle: async (input) => {
      const { context, headers } = await accountCall(input);
      const { name, plan, seats = null, months = null, valid_until = null } = input.body;
      const validUntilMs = valid_until === null ? null : valid_until * 1000;
      const made = await createVoucher(context, { name, plan, seats, months, validUntilMs });
      return {
        status: 201,
        headers: { ...headers, ...replayHeaders(context) },
        body: { ...showsVoucher(made), code: made.code },
      };
    },
  }),
  defineRoute({
    method: "DELETE",
    path: "/api/v1/vouchers/{voucher_id}",
    operationId: "delete_voucher",
    summary: "Revoke a voucher that nobody has claimed; for the platform owner",
    tags: ["api"],
    security: "account",
    permission: "vouchers:write",
    ownerOnly: true,
    params: z.object({ voucher_id: idSchema("voucher") }),
    responses: {
      200: {
        description: "Revoked.",
        schema: z.object({ object: z.literal("voucher"), id: z.string(), deleted: z.literal(true) }),
        example: { object: "voucher", id: EXAMPLE.id, deleted: true },
      },
    },
    problems: ["conflict", "outcome-unknown"],
    limited: true,
    handle: async (input) => {
      const { context, headers } = await accountCall(input);
      const id = input.params.voucher_id;
      await revokeVoucher(context, id);
      return { status: 200, headers, body: { object: "voucher", id, deleted: true } };
    },
  }),
  defineRoute({
    method: "POST",
    path: "/api/v1/user/billing/voucher-claims",
    operationId: "create_voucher_claim",
    summary: "Claim a voucher for the tenant",
    description:
      "Puts the tenant, which is a direct customer, on the voucher's plan at once; when the voucher's months are over it is on the free plan again, and loses nothing by that. Case, dashes and spaces of the code do not matter. A person's access token on an instance (scope `billing:write`) claims for the tenant whose instance it is, as far as the person's role allows it.",
    tags: ["api"],
    security: "account-or-user",
    scope: "billing:write",
    permission: "billing:write",
    body: {
      content: "application/json",
      schema: z.object({ code: plainText(100) }),
      required: true,
      example: { code: CODE },
    },
    responses: { 204: { description: "Claimed." } },
    problems: ["invalid-voucher", "already-subscribed", "no-seat-left", "outcome-unknown"],
    limited: true,
    handle: async (input) => {
      const { credential, deps, requestId } = input;
      const { code } = input.body;
      if (credential.kind === "user-token") {
        const headers = await takeOfUser(deps, requestId, credential);
        refuseOtherTenant(credential, input.query);
        await claimVoucherOfSignIn(deps, credential, code, requestId);
        return { status: 204, headers };
      }
      const { context, headers } = await accountCall({ ...input, credential });
      await claimVoucher(context, code);
      return { status: 204, headers: { ...headers, ...replayHeaders(context) } };
    },
  }),
];

import * as z from "zod";
import { OUTSIDE_STORES } from "../../privacy/declared/outside.ts";
import { type RetentionClass, SCHEDULE, windowText } from "../../privacy/schedule.ts";
import { listReceipts, type Receipt } from "../../retention/list-receipts.ts";
import { type Counted, type RetentionStatus, retentionStatus, type TableStatus } from "../../retention/status.ts";
import { accountCall, listBody, listSchema, pageQuery, seconds } from "../account-call.ts";
import { idSchema } from "../id-schema.ts";
import { defineRoute, type RouteDefinition } from "../route.ts";

/** So many, or where `more` is true at least so many. */
const counted = z.object({ rows: z.int(), more: z.boolean() });

const tableStatus = z.object({
  object: z.literal("retention_table"),
  table: z.string(),
  what: z.string(),
  retention_class: z.string(),
  class_title: z.string(),
  window: z.string(),
  kept_from: z.string(),
  afterwards: z.string(),
  anonymised_after: z.string().nullable(),
  /** The tenant's own window in months. Null: the schedule's holds. */
  own_months: z.int().nullable(),
  /** Nothing of it is kept beyond. Null: something is kept until what it is kept for ends, as a subscription; or nothing is. */
  kept_until: z.int().nullable(),
  /** Nothing is kept. */
  empty: z.boolean(),
  expiring: counted,
  anonymising: counted,
  overdue: counted,
  overdue_s: z.int(),
  /** Null: not told. */
  held: z.int().nullable(),
});

const status = z.object({
  object: z.literal("retention_status"),
  at: z.int(),
  tenant_id: z.string(),
  /** Every tenant's rows are counted. */
  everybody: z.boolean(),
  last_run: z
    .object({
      run: z.string(),
      began_at: z.int(),
      ended_at: z.int(),
      tables: z.int(),
      deleted: z.int(),
      anonymised: z.int(),
      finished: z.boolean(),
      unfinished: z.array(z.string()),
    })
    .nullable(),
  overdue: counted,
  overdue_s: z.int(),
  worst: z.object({ overdue_s: z.int(), table: z.string(), receipt_id: z.string(), recorded_at: z.int() }).nullable(),
  copies: z.array(z.object({ store: z.string(), what: z.string(), keeper: z.string(), kept: z.string() })),
  tables: z.array(tableStatus),
});

const NONE: Counted = { rows: 0, more: false };

function overdueS(since: number | null, at: number): number {
  return since === null ? 0 : Math.max(0, seconds(at - since));
}

function showsTable(it: TableStatus, at: number) {
  const { table, what, retention } = it.table;
  const { title, window, keptFrom, action, anonymiseAfter }: RetentionClass = SCHEDULE[retention];
  return {
    object: "retention_table",
    table,
    what,
    retention_class: retention,
    class_title: title,
    window: windowText(window),
    kept_from: keptFrom,
    afterwards: action,
    anonymised_after: anonymiseAfter === null ? null : windowText(anonymiseAfter),
    own_months: it.own?.months ?? null,
    kept_until: it.keptUntil === null || it.keptUntil === Number.POSITIVE_INFINITY ? null : seconds(it.keptUntil),
    empty: it.keptUntil === null,
    expiring: it.expiring,
    anonymising: it.anonymising,
    overdue: it.overdue,
    overdue_s: overdueS(it.overdueSince, at),
    held: it.held,
  };
}

function sum(counts: readonly Counted[]): Counted {
  return counts.reduce((total, { rows, more }) => ({ rows: total.rows + rows, more: total.more || more }), NONE);
}

function showsStatus({ at, tenantId, everybody, lastRun, worst, tables }: RetentionStatus) {
  return {
    object: "retention_status",
    at: seconds(at),
    tenant_id: tenantId,
    everybody,
    last_run:
      lastRun === null
        ? null
        : {
            run: lastRun.run,
            began_at: seconds(lastRun.beganAt),
            ended_at: seconds(lastRun.endedAt),
            tables: lastRun.tables,
            deleted: lastRun.deleted,
            anonymised: lastRun.anonymised,
            finished: lastRun.unfinished.length === 0,
            unfinished: lastRun.unfinished,
          },
    overdue: sum(tables.map(({ overdue }) => overdue)),
    overdue_s: Math.max(0, ...tables.map(({ overdueSince }) => overdueS(overdueSince, at))),
    worst:
      worst === null
        ? null
        : {
            overdue_s: seconds(worst.overdueMs),
            table: worst.table,
            receipt_id: worst.receiptId,
            recorded_at: seconds(worst.recordedAt),
          },
    copies: Object.entries(OUTSIDE_STORES)
      .filter(([, { copyOf }]) => copyOf !== null)
      .map(([store, { what, keeper, kept }]) => ({ store, what, keeper, kept: windowText(kept) })),
    tables: tables.map((table) => showsTable(table, at)),
  };
}

const receipt = z.object({
  object: z.literal("purge_receipt"),
  id: z.string(),
  run: z.string(),
  table: z.string(),
  recorded_at: z.int(),
  /** `canonical`, parsed. */
  receipt: z.record(z.string(), z.json()),
  canonical: z.string(),
});

function showsReceipt({ id, run, table, recordedAt, receipt: parsed, canonical }: Receipt) {
  return { object: "purge_receipt", id, run, table, recorded_at: seconds(recordedAt), receipt: parsed, canonical };
}

const RECEIPT = {
  anonymised: 0,
  began_at: "2026-11-21T02:07:00.123Z",
  blocked: 0,
  class: "alive-pings",
  copies_gone_at: "2026-12-21T02:07:00.456Z",
  deleted: 5120,
  ended_at: "2026-11-21T02:07:00.456Z",
  errors: [],
  expiries: { from: "2026-11-21T00:00:00.000Z", to: "2026-11-21T00:00:00.000Z" },
  finished: true,
  id: "prc_01KAHJ0000A1B2C3D4E5F6G7H8",
  interrupted: false,
  overdue_after_s: 0,
  overdue_before_s: 7620,
  partitions: [
    {
      from: "2026-11-20T00:00:00.000001+00:00",
      name: "public.pings_2026_11_21",
      rows: 5120,
      to: "2026-11-21T00:00:00.000001+00:00",
    },
  ],
  receipt: "purge",
  run: "0b9f3c6e-6f0e-4a53-9f53-4b1de1f0a3c7",
  table: "pings",
  version: 1,
  window: "30 days",
};

const EXAMPLE_STATUS = {
  object: "retention_status",
  at: 1795219200,
  tenant_id: "tnt_01KAHJ0000A1B2C3D4E5F6G7H8",
  everybody: false,
  last_run: {
    run: RECEIPT.run,
    began_at: 1795219020,
    ended_at: 1795219022,
    tables: 46,
    deleted: 5120,
    anonymised: 0,
    finished: true,
    unfinished: [],
  },
  overdue: NONE,
  overdue_s: 0,
  worst: { overdue_s: 7620, table: "pings", receipt_id: RECEIPT.id, recorded_at: 1795226820 },
  copies: [
    {
      store: "neon-history",
      what: "Point-in-time history of the database: every change of every row.",
      keeper: "neon",
      kept: "30 days",
    },
  ],
  tables: [
    {
      object: "retention_table",
      table: "pings",
      what: "That an instance was alive, or its health checked, on a day, and its operating system.",
      retention_class: "alive-pings",
      class_title: "alive pings, health checks",
      window: "30 days",
      kept_from: "start of their UTC day",
      afterwards: "delete",
      anonymised_after: null,
      own_months: null,
      kept_until: 1797811200,
      empty: false,
      expiring: { rows: 170, more: false },
      anonymising: NONE,
      overdue: NONE,
      overdue_s: 0,
      held: null,
    },
  ],
};

/** /api/v1/retention/{status,receipts}. */
export const retentionRoutes: RouteDefinition[] = [
  defineRoute({
    method: "GET",
    path: "/api/v1/retention/status",
    operationId: "get_retention_status",
    summary: "What is kept, until when, how much expires in the next 24 hours, and how late that ever was",
    description:
      "Of the key's tenant, or of one below it that `tenant_id` names. For the platform owner itself: of everybody, and with what legal holds keep back. At most 10,000 rows a table are counted; where `more` is true there are more. Point-in-time copies of what was deleted are gone as long after as `copies` says.",
    tags: ["api"],
    security: "account",
    permission: "retention:read",
    query: z.object({ tenant_id: idSchema("tenant").optional() }),
    responses: {
      200: { description: "Every table that is the tenant's.", schema: status, example: EXAMPLE_STATUS },
    },
    problems: ["tenant-suspended", "not-found"],
    limited: true,
    handle: async (input) => {
      const { context, headers } = await accountCall(input, input.query.tenant_id ?? null);
      return { status: 200, headers, body: showsStatus(await retentionStatus(context)) };
    },
  }),
  defineRoute({
    method: "GET",
    path: "/api/v1/retention/receipts",
    operationId: "get_retention_receipts",
    summary: "What the purge did to each table in each run, newest first",
    description:
      "Receipts are about tables, not about tenants, and hold counts of nobody's data. `canonical` is the very text that was recorded (RFC 8785): hash that, and not what your parser makes of it.",
    tags: ["api"],
    security: "account",
    permission: "retention:read",
    query: pageQuery("purgeReceipt").extend({
      table: z
        .string()
        .regex(/^[a-z][a-z0-9_]{0,62}$/)
        .optional(),
      run: z.uuid().optional(),
      touched: z
        .enum(["true", "false"])
        .optional()
        .describe("`true`: only where something was done, stood in the way or went wrong."),
    }),
    responses: {
      200: {
        description: "One page of receipts. They are kept for 7 years.",
        schema: listSchema(receipt),
        example: {
          object: "list",
          data: [
            {
              object: "purge_receipt",
              id: RECEIPT.id,
              run: RECEIPT.run,
              table: RECEIPT.table,
              recorded_at: 1795226820,
              receipt: RECEIPT,
              canonical: JSON.stringify(RECEIPT),
            },
          ],
          next_cursor: null,
        },
      },
    },
    problems: ["tenant-suspended"],
    limited: true,
    handle: async (input) => {
      const { context, headers } = await accountCall(input);
      const { limit, cursor = null, table, run, touched } = input.query;
      const filter = { table, run, touched: touched === "true" };
      const page = await listReceipts(context, filter, { limit, after: cursor });
      return { status: 200, headers, body: listBody(page, showsReceipt) };
    },
  }),
];

import { and, desc, eq, lt, sql } from "drizzle-orm";
import type { Json } from "../core/canonical-json.ts";
import type { Id } from "../core/id.ts";
import { IDLE_RECEIPT } from "../db/idle-receipt.ts";
import { type Page, type PageRequest, pageOf } from "../db/page.ts";
import { purgeReceipts } from "../db/schema.ts";
import { type Context, read } from "../verb.ts";

export interface Receipt {
  id: Id<"purgeReceipt">;
  /** A uuid; all receipts of one run share it. */
  run: string;
  table: string;
  /** ms since 1970. */
  recordedAt: number;
  /** The very text that was recorded, RFC 8785: what a hash or a signature is over. */
  canonical: string;
  /** The same, parsed. */
  receipt: Readonly<Record<string, Json>>;
}

export interface ReceiptFilter {
  table?: string | undefined;
  run?: string | undefined;
  /** Only of tables in which something was done, stood in the way or went wrong. */
  touched?: boolean | undefined;
}

/** In the database a table has its schema's name before it. */
const SCHEMA = "public.";

/**
 * What the purge recorded, newest first, from before the receipt that the page goes on after. Receipts hold counts of
 * nobody's data: whoever may read them reads all. Throws `forbidden`.
 */
export async function listReceipts(
  context: Context,
  { table, run, touched }: ReceiptFilter,
  page: PageRequest<Id<"purgeReceipt">>,
): Promise<Page<Receipt>> {
  const { id, runId, tableName, recordedAt, receipt } = purgeReceipts;
  const [rows] = await read(context, "retention:read", (db) => [
    db
      .select({ id, runId, tableName, recordedAt, receipt })
      .from(purgeReceipts)
      .where(
        and(
          page.after === null ? undefined : lt(id, page.after),
          table === undefined ? undefined : eq(tableName, SCHEMA + table),
          run === undefined ? undefined : eq(runId, run),
          // As the index has it, word for word.
          touched === true ? sql.raw(`receipt not like '${IDLE_RECEIPT}'`) : undefined,
        ),
      )
      .orderBy(desc(id))
      .limit(page.limit + 1),
  ]);
  const receipts = rows.map(
    (row): Receipt => ({
      id: row.id,
      run: row.runId,
      table: row.tableName.slice(SCHEMA.length),
      recordedAt: row.recordedAt,
      canonical: row.receipt,
      receipt: JSON.parse(row.receipt) as Receipt["receipt"],
    }),
  );
  return pageOf(receipts, page.limit);
}

import { listDurableObjectIds, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { sql } from "drizzle-orm";
import type { TenantGate } from "../../workers/tenant-gate.ts";
import { fromHex, toHex } from "../core/bytes.ts";
import { ownerRows } from "./world.ts";

/** A row as it is stored: for tests that look for what must not be anywhere. */
export interface StoredRow {
  /** The table's name and the row as JSON; what is binary in it also as hex and as text. */
  text: string;
  /** Hex of what is binary in it. */
  blobs: string[];
}

/** Everything in a gate's storage. */
export async function storedInGate(gate: DurableObjectStub<TenantGate>): Promise<StoredRow[]> {
  return await runInDurableObject(gate, async (_, { storage }) => {
    const tables = storage.sql
      .exec<{ name: string }>("select name from sqlite_master where type = 'table' and name not glob '_cf_*'")
      .toArray();
    const rows = tables.flatMap(({ name }) =>
      storage.sql
        .exec(`select * from "${name}"`)
        .toArray()
        .map((row) => storedRow(name, JSON.stringify(row), Object.values(row).filter(isBinary).map(hexOf))),
    );
    return [...rows, ...[...(await storage.list())].map((pair) => storedRow("key", JSON.stringify(pair), []))];
  });
}

/** Everything in the storage of every gate, whosever it is. */
export async function storedInGates(): Promise<StoredRow[]> {
  const rows: StoredRow[] = [];
  for (const id of await listDurableObjectIds(env.TENANT_GATE)) {
    rows.push(...(await storedInGate(env.TENANT_GATE.get(id))));
  }
  return rows;
}

/** Every row of every table of Postgres. */
export async function storedInPostgres(): Promise<StoredRow[]> {
  const tables = await ownerRows<{ name: string }>(sql`select c.relname as name from pg_class c
    where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition`);
  const rows: StoredRow[] = [];
  for (const { name } of tables) {
    const found = await ownerRows<{ row: string }>(sql.raw(`select to_jsonb(t)::text as row from public."${name}" t`));
    for (const { row } of found) {
      const blobs = [...row.matchAll(/\\x((?:[0-9a-f]{2})+)/g)].map(([, hex]) => hex as string);
      rows.push(storedRow(name, row, blobs));
    }
  }
  return rows;
}

function storedRow(table: string, row: string, blobs: string[]): StoredRow {
  return { text: [table, row, ...blobs, ...blobs.map(latin1)].join(" "), blobs };
}

function isBinary(value: unknown): value is ArrayBuffer {
  return value instanceof ArrayBuffer;
}

function hexOf(binary: ArrayBuffer): string {
  return toHex(new Uint8Array(binary));
}

function latin1(hex: string): string {
  return String.fromCharCode(...fromHex(hex));
}

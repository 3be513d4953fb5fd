import type { Query } from "../app-session.ts";
import type { ScratchDatabase } from "../scratch-database.ts";
import { endOf, heldBy, tablesOf } from "./ends.ts";

/** What was there, so that it shows when something is missing that should not be. */
export interface Ledger {
  /** Everything that is there now, with its end as things are now: again after whatever moves an end. */
  remember(): Promise<void>;
  /** Sentences about what was there, is not any more, and had not ended, or was held. `now`: an SQL literal. */
  missing(query: Query, now: string): Promise<string[]>;
}

export function ledgerOf(database: Pick<ScratchDatabase, "session">): Ledger {
  const known = new Map<string, { table: string; key: string; end: string; held: boolean }>();
  const read = async (query: Query, now: string) => {
    const tables = [...(await tablesOf(query)).values()];
    const rows = await query(
      tables
        .map(
          (table) =>
            `select '${table.name}' as table, ${table.key} as key, (${endOf(table, now)})::text as end, ${heldBy(table, now)} as held from public.${table.name} t`,
        )
        .join(" union all "),
    );
    return rows as unknown as { table: string; key: string; end: string; held: boolean }[];
  };
  return {
    remember: () =>
      database.session("owner", async (client) => {
        const query: Query = async (text, params) => (await client.query(text, params)).rows;
        await query("set timezone = 'UTC'");
        for (const row of await read(query, "ebb.clock()")) known.set(`${row.table} ${row.key}`, row);
      }),
    missing: async (query, now) => {
      const there = new Set((await read(query, now)).map(({ table, key }) => `${table} ${key}`));
      const gone = [...known].flatMap(([name, row]) => (there.has(name) ? [] : [row]));
      const early = await query(
        `select r."table", r.key, r."end", r.held from jsonb_to_recordset($1) as r ("table" text, key text, "end" timestamptz, held boolean) where r.held or r."end" > ${now}`,
        [JSON.stringify(gone)],
      );
      return early.map((row) =>
        row["held"] === true
          ? `${row["table"]} ${row["key"]} is missing, and was held`
          : `${row["table"]} ${row["key"]} is missing before its end`,
      );
    },
  };
}

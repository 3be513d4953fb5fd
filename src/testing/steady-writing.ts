import { uuidFromId } from "../core/id.ts";
import { type DeclaredTable, declaredTables } from "../privacy/inventory.ts";
import { intervalSql, SCHEDULE, type Window } from "../privacy/schedule.ts";
import { type Column, columnsByTable, filler } from "./bulk-rows.ts";
import type { ScratchDatabase } from "./scratch-database.ts";

/** Rows of every class, written all the time: so many an hour of each, each ending in its own window. */
export interface SteadyWriting {
  /** Rows of every age that there would be at this instant, had it always been written so; ISO, at a full hour. */
  fill(at: string): Promise<void>;
  /** What is written after one instant and up to another; how many rows of each table. */
  write(since: string, until: string): Promise<Record<string, number>>;
}

/** Rows an hour: hundreds or thousands in all, whatever the window. */
function rateOf({ unit, count }: Window): number {
  if (unit === "minute") return 60;
  if (unit === "hour") return 40;
  if (unit === "month") return 0.25;
  return count <= 7 ? 8 : count <= 30 ? 2 : 1;
}

const keptFor = ({ retention }: DeclaredTable) => intervalSql(SCHEDULE[retention].window);
const stepOf = (table: DeclaredTable) => `interval '${60 / rateOf(SCHEDULE[table.retention].window)} minutes'`;

/** Makes a function for it in the scratch database: hundreds of statements an hour are too many to send one by one. */
export async function steadyWriting(database: ScratchDatabase): Promise<SteadyWriting> {
  const tenant = await database.tenant();
  const [tenantId, workspaceId] = [uuidFromId("tenant", tenant.id), uuidFromId("workspace", tenant.workspaceId)];
  const [personId, connectionId] = [crypto.randomUUID(), crypto.randomUUID()];
  const owner = database.as("owner");
  await owner.query(
    "insert into people (id, issuer, subject, created_at) values ($1, 'https://id.example', 'steady', ebb.clock())",
    [personId],
  );
  await owner.query(
    "insert into memberships (id, tenant_id, person_id, role, created_at) values (gen_random_uuid(), $1, $2, 'member', ebb.clock())",
    [tenantId, personId],
  );
  await owner.query(
    "insert into connections (id, tenant_id, provider, name, scopes, created_at) values ($1, $2, 'p', 'n', '{}', ebb.clock())",
    [connectionId, tenantId],
  );
  const refers: Record<string, string> = {
    tenant_id: `'${tenantId}'::uuid`,
    workspace_id: `'${workspaceId}'::uuid`,
    connection_id: `'${connectionId}'::uuid`,
    person_id: `'${personId}'::uuid`,
  };
  const columns = await columnsByTable(database);
  const insert = (table: DeclaredTable): string => {
    const parts = (columns.get(table.table) ?? []).flatMap((column) => valueFor(table, column, refers, tenant.gateId));
    return `insert into public.${table.table} (${parts.map(([name]) => name).join(", ")}) select ${parts.map(([, value]) => value).join(", ")} from series`;
  };
  const tables = declaredTables().filter(({ table }) => table !== "purge_receipts");
  const statements = tables.map(
    (table) => `
      with series as (select at, gen_random_uuid() as made from generate_series(since + ${stepOf(table)}, until, ${stepOf(table)}) as at),
           added as (${insert(table)} returning 1)
      select written || jsonb_build_object('${table.table}', count(*)) into written from added;`,
  );
  const begins = (table: DeclaredTable) => `((until at time zone 'UTC' - ${keptFor(table)}) at time zone 'UTC')`;
  const filling = tables.map(
    (table) => `
      with series as (select at, gen_random_uuid() as made from generate_series(${begins(table)} + ${stepOf(table)}, until, ${stepOf(table)}) as at
                       where ${ends(table)} > until)
      ${insert(table)};`,
  );
  const partitions = tables.flatMap((table) =>
    table.layout.kind === "partitioned"
      ? [
          `perform ebb.create_partitions('public.${table.table}', '${table.layout.by}', until, until + ${keptFor(table)});`,
        ]
      : [],
  );
  await database.as("superuser").query(`
    create function ebb_test.write(since timestamptz, until timestamptz) returns jsonb language plpgsql set timezone = 'UTC' as $$
      declare written jsonb := '{}'; begin ${statements.join("\n")} return written; end $$`);
  await database.as("superuser").query(`
    create function ebb_test.fill(until timestamptz) returns void language plpgsql set timezone = 'UTC' as $$
      begin ${filling.join("\n")} end $$`);
  await database.as("superuser").query(`
    create function ebb_test.partitions(until timestamptz) returns void language plpgsql set timezone = 'UTC' as $$
      begin ${partitions.join("\n")} end $$`);
  return {
    fill: async (at) => {
      await database.as("superuser").query("select ebb_test.partitions($1)", [at]);
      await owner.query("select ebb_test.fill($1)", [at]);
    },
    write: async (since, until) => {
      const [row] = await owner.query("select ebb_test.write($1, $2) as written", [since, until]);
      return row?.["written"] as Record<string, number>;
    },
  };
}

/** When a row of this table that is anchored at `at` ends. */
function ends({ anchor, retention }: DeclaredTable): string {
  const from = anchor.at === "bucket" ? `date_trunc('${anchor.granularity}', at, 'UTC')` : "at";
  return `ebb.expiry(${from}, ${intervalSql(SCHEDULE[retention].window)})`;
}

function valueFor(
  table: DeclaredTable,
  column: Column,
  refers: Readonly<Record<string, string>>,
  gateId: string,
): [string, string][] {
  const { name } = column;
  const anchor = table.anchor.at === "bucket" ? table.anchor.column : table.anchor.columns[0];
  if (name === anchor) return [[name, "at"]];
  if (name === "expires_at") return table.layout.kind === "partitioned" ? [[name, ends(table)]] : [];
  if (table.table === "tenants") {
    if (name === "id") return [[name, "made"]];
    if (name === "path") return [[name, "array[made]"]];
    // Its gate holds nothing.
    if (name === "gate_emptied_at") return [[name, "at"]];
  }
  if (name === "valid_until" && column.required) return [[name, "at + interval '10 years'"]];
  if (name === "gate_id" && table.table === "outbox") return [[name, `'${gateId}'`]];
  if (name in refers && (column.required || name === "tenant_id")) return [[name, refers[name] as string]];
  const left = column.defaulted || (!column.required && (column.refers || column.type.startsWith("timestamp")));
  return left ? [] : [[name, filler(column)]];
}

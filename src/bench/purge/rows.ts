import { DAY_MS } from "../../core/clock.ts";
import { instant, type StageDatabase } from "./stage.ts";
import { ALL_RUNS_MS, EXPIRING, type Shape, STEP_MS, TENANTS, WINDOWS } from "./terms.ts";

/**
 * The rows of this bench, as SQL. `$1` and `$2` are the tenants with their windows everywhere. Tables are filled in the
 * order in which rows are recorded, as a table is that has been written to for years.
 */
const TENANT = "unnest($1::uuid[], $2::int[]) with ordinality as t (id, months, number)";
const TENANT_VALUES = [TENANTS.map(({ id }) => id), TENANTS.map(({ months }) => months)];

/** What a run expires, an hour's: rows of all tenants, and so of all windows, that turn up evenly in it. */
const DUE_EXECUTIONS = `
  select t.id as tenant_id, (due.at at time zone 'UTC' - make_interval(months => t.months)) at time zone 'UTC' as recorded_at,
         due.at as expires_at
    from generate_series($4::int, $5::int) as run, generate_series(1, $6::int) as n,
         lateral (select $3::timestamptz + (run + n::float8 / $6) * interval '1 hour' as at) as due, ${TENANT}
   where t.number = n % ${TENANTS.length} + 1`;

/** What outlives all runs: each tenant writes as much a day as any other, and so has as much as its window is long. */
const LASTING_EXECUTIONS = `
  select t.id as tenant_id, kept.recorded_at, ebb.expiry(kept.recorded_at, make_interval(months => w.months)) as expires_at
    from unnest($7::int[], $8::int[]) with ordinality as w (months, count, number), generate_series(1, w.count) as n,
         lateral (select ($3::timestamptz + $9::interval) at time zone 'UTC' - make_interval(months => w.months) as first) as oldest,
         lateral (select oldest.first at time zone 'UTC' + ($3 - oldest.first at time zone 'UTC') * (n::float8 / w.count) as recorded_at) as kept,
         ${TENANT}
   where t.number = (n % ${TENANTS.length / WINDOWS.length}) * ${WINDOWS.length} + w.number`;

const intoExecutions = (table: string, rows: string) => `
insert into ${table} (id, tenant_id, instance_id, person_id, tool, status, duration_ms, recorded_at, expires_at)
select gen_random_uuid(), r.tenant_id, gen_random_uuid(), gen_random_uuid(), 'http-proxy', 'succeeded', 120, r.recorded_at, r.expires_at
  from (${rows}) as r order by r.recorded_at`;

const intoPings = (table: string, rows: string) => `
insert into ${table} (tenant_id, instance_id, kind, bucket, os_kind, os_name, os_version, expires_at)
select r.tenant_id, gen_random_uuid(), 'alive', r.bucket, 'linux', 'Debian', '12', r.bucket + interval '30 days'
  from (${rows}) as r order by r.bucket`;

export interface Filling {
  /** The table that is filled; it has the columns of its shape, whatever its layout. */
  table: string;
  shape: Shape;
  startMs: number;
}

/** Fills an empty table with so many rows, of which the first `dueRuns` runs expire as many each as every run does. */
export async function fillTable(
  database: StageDatabase,
  { table, shape, startMs }: Filling,
  { rows, dueRuns, allRuns }: { rows: number; dueRuns: number; allRuns: number },
): Promise<void> {
  const lasting = rows - dueRuns * EXPIRING;
  const due = [...TENANT_VALUES, instant(startMs), 0, dueRuns - 1, EXPIRING];
  if (shape === "executions") {
    const counts = shares(lasting, WINDOWS);
    const values = [...due, [...WINDOWS], counts, `${ALL_RUNS_MS / DAY_MS} days`];
    await database.fill(intoExecutions(table, `${DUE_EXECUTIONS} union all ${LASTING_EXECUTIONS}`), values);
    return;
  }
  await database.fill(intoPings(table, DUE_PINGS), due);
  await database.fill(intoPings(table, LASTING_PINGS), [
    ...TENANT_VALUES,
    instant(lastingPingsSince(startMs, allRuns)),
    LASTING_DAYS,
    lasting,
  ]);
}

/** Writes what this run is to expire. */
export async function writeDue(
  database: StageDatabase,
  { table, shape, startMs }: Filling,
  run: number,
): Promise<void> {
  const into = shape === "executions" ? intoExecutions(table, DUE_EXECUTIONS) : intoPings(table, DUE_PINGS);
  await database.fill(into, [...TENANT_VALUES, instant(startMs), run, run, EXPIRING]);
}

/** When a run happens: all that it is to expire has expired then, and nothing that the next one is to. */
export function instantOfRun({ shape, startMs }: Pick<Filling, "shape" | "startMs">, run: number): number {
  return startMs + (run + 1) * STEP_MS[shape];
}

const DUE_PINGS = `
  select t.id as tenant_id, $3::timestamptz + (run + 1 - 30) * interval '1 day' as bucket
    from generate_series($4::int, $5::int) as run, generate_series(1, $6::int) as n, ${TENANT}
   where t.number = n % ${TENANTS.length} + 1`;

/** Days over which pings that outlive all runs expire: with those of the next runs about as many as pings are kept for. */
const LASTING_DAYS = 24;

const LASTING_PINGS = `
  select t.id as tenant_id, $3::timestamptz + (n % $4::int - 30) * interval '1 day' as bucket
    from generate_series(1, $5::int) as n, ${TENANT}
   where t.number = n % ${TENANTS.length} + 1`;

function lastingPingsSince(startMs: number, allRuns: number): number {
  return startMs + (allRuns + 1) * DAY_MS;
}

/** The midnight after which no ping of this bench expires. */
export function lastPingExpiry(startMs: number, allRuns: number): number {
  return lastingPingsSince(startMs, allRuns) + LASTING_DAYS * DAY_MS;
}

/** Divides a count in proportion to these weights, to the last one. */
export function shares(count: number, weights: readonly number[]): number[] {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const parts = weights.map((weight) => Math.floor((count * weight) / total));
  const rest = count - parts.reduce((sum, part) => sum + part, 0);
  return parts.map((part, index) => part + (index === parts.length - 1 ? rest : 0));
}

/**
 * Writes so many rows a day from one instant to another, each tenant as many: all of them, or those alone that have not
 * expired at an instant.
 */
export async function writeSteadily(
  database: StageDatabase,
  { table, shape }: Pick<Filling, "table" | "shape">,
  {
    fromMs,
    toMs,
    perDay,
    unexpiredAtMs,
  }: { fromMs: number; toMs: number; perDay: number; unexpiredAtMs: number | null },
): Promise<void> {
  const days = Math.round((toMs - fromMs) / DAY_MS);
  const at = `$3::timestamptz + (n - 1) * (interval '1 day' / $5::int)`;
  const when = `from generate_series(1, $4::int) as n, ${TENANT} where t.number = n % ${TENANTS.length} + 1`;
  const into =
    shape === "pings"
      ? intoPings(
          table,
          `select * from (select t.id as tenant_id, date_trunc('day', ${at}, 'UTC') as bucket ${when}) as w where bucket + interval '30 days' > $6::timestamptz`,
        )
      : intoExecutions(
          table,
          `select * from (select t.id as tenant_id, ${at} as recorded_at, ebb.expiry(${at}, make_interval(months => t.months)) as expires_at ${when}) as w where expires_at > $6::timestamptz`,
        );
  const unexpired = unexpiredAtMs === null ? "-infinity" : instant(unexpiredAtMs);
  await database.fill(into, [...TENANT_VALUES, instant(fromMs), days * perDay, perDay, unexpired]);
}

/** A page of one tenant's rows, which takes a look into every partition; `$1` is the tenant. */
export function readStatement({ table, shape }: Pick<Filling, "table" | "shape">): string {
  const [columns, key] =
    shape === "pings"
      ? ["instance_id, bucket, os_name", "instance_id"]
      : ["id, tool, status, duration_ms, recorded_at", "id"];
  return `select ${columns} from ${table} where tenant_id = $1 and ${key} > (select gen_random_uuid()) and expires_at > (select ebb.clock()) order by ${key} limit 20`;
}

/** A row recorded now, in every table the one that the schedule wants: kept for thirty days or twelve months. */
export function insertStatement({ table, shape }: Pick<Filling, "table" | "shape">): string {
  return shape === "pings"
    ? `insert into ${table} (tenant_id, instance_id, kind, bucket, expires_at)
       select $1, gen_random_uuid(), 'alive', b, b + interval '30 days' from date_trunc('day', ebb.clock(), 'UTC') as b`
    : `insert into ${table} (id, tenant_id, tool, status, duration_ms, recorded_at, expires_at)
       select gen_random_uuid(), $1, 'http-proxy', 'succeeded', 120, c, ebb.expiry(c, interval '12 months') from ebb.clock() as c`;
}

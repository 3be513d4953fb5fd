import type { Clock } from "../core/clock.ts";
import { newId, uuidFromId } from "../core/id.ts";
import { sqlStateOf } from "../core/sql-state.ts";
import { instantToSql } from "../db/columns.ts";
import type { Sql } from "../db/connect.ts";
import {
  DataError,
  type DeadLetter,
  type FlushBatch,
  type FlushCounts,
  type Ingest,
  type StraightOutcome,
  type StraightPing,
} from "./ingest.ts";

/** How many pings of one tenant may take the straight way in a minute. */
const STRAIGHT_BOUND = 6_000;

/**
 * One statement for a whole batch: leaves out what has expired and what belongs to no live instance, stores the rest in
 * the table of its kind unless it is there already, counts all of it and leaves the gate's heartbeat. Instances are
 * looked up one by one: a join would have the planner read a large fleet's whole table for every batch.
 */
const FLUSH = `
with batch as materialized (
  select * from unnest($3::uuid[], $4::text[], $5::timestamptz[], $6::timestamptz[], $7::text[], $8::text[], $9::text[], $12::uuid[])
    as b (instance_id, kind, bucket, expires_at, os_kind, os_name, os_version, person_id)
), fresh as (
  select * from batch where expires_at > ebb.clock()
), live as materialized (
  select * from fresh f
   where (select true from public.instances i where i.id = f.instance_id and i.tenant_id = $1)
), pinged as (
  insert into public.pings (tenant_id, instance_id, kind, bucket, os_kind, os_name, os_version, expires_at)
  select $1, instance_id, kind, bucket, os_kind, os_name, os_version, expires_at from live
   where kind not in ('session', 'profile')
  on conflict do nothing
  returning 1
), sessions as (
  insert into public.user_sessions (tenant_id, instance_id, person_id, bucket, expires_at)
  select $1, instance_id, person_id, bucket, expires_at from live where kind = 'session'
  on conflict do nothing
  returning 1
), profiles as (
  insert into public.profile_fetches (tenant_id, instance_id, person_id, bucket, expires_at)
  select $1, instance_id, person_id, bucket, expires_at from live where kind = 'profile'
  on conflict do nothing
  returning 1
), counted as (
  select (select count(*) from batch) as total, (select count(*) from fresh) as fresh, (select count(*) from live) as live,
         (select count(*) from pinged) + (select count(*) from sessions) + (select count(*) from profiles) as recorded
)
select recorded::int, (live - recorded)::int as repeated, (total - fresh)::int as expired, (fresh - live)::int as gone,
       ebb.heartbeat($2, $1, $10, recorded, live - recorded, total - fresh, fresh - live, $11)::text as heartbeat
  from counted`;

const STRAIGHT = `select ebb.straight_ping($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) as outcome`;

/** Runs the statements of `Ingest` over Neon's HTTP endpoint as `ebb_ingest`. */
export function postgresIngest(sql: Sql, clock: Clock): Ingest {
  return {
    async flush({ gateId, tenantId, rows, pending, dead }: FlushBatch): Promise<FlushCounts> {
      const [counts] = await run(sql, FLUSH, [
        uuidFromId("tenant", tenantId),
        gateId,
        rows.map((row) => uuidFromId("instance", row.instanceId)),
        rows.map((row) => row.kind),
        rows.map((row) => instantToSql(row.bucket)),
        rows.map((row) => instantToSql(row.expiresAt)),
        rows.map((row) => row.osKind),
        rows.map((row) => row.osName),
        rows.map((row) => row.osVersion),
        pending,
        dead,
        rows.map((row) => (row.personId === null ? null : uuidFromId("person", row.personId))),
      ]);
      return counts as unknown as FlushCounts;
    },

    async bury({ gateId, tenantId, reason, body }: DeadLetter): Promise<void> {
      const now = clock.now();
      await run(
        sql,
        "insert into public.dead_letters (id, tenant_id, gate_id, reason, body, recorded_at) values ($1, $2, $3, $4, $5, $6)",
        [
          uuidFromId("deadLetter", newId("deadLetter", now)),
          uuidFromId("tenant", tenantId),
          gateId,
          reason,
          body,
          instantToSql(now),
        ],
      );
    },

    async straightPing(ping: StraightPing): Promise<StraightOutcome> {
      const [answer] = await run(sql, STRAIGHT, [
        uuidFromId("tenant", ping.tenantId),
        uuidFromId("instance", ping.instanceId),
        instantToSql(ping.issuedAtMs),
        ping.kind,
        instantToSql(ping.bucket),
        ping.osKind,
        ping.osName,
        ping.osVersion,
        instantToSql(ping.expiresAt),
        STRAIGHT_BOUND,
      ]);
      return (answer as { outcome: StraightOutcome }).outcome;
    },
  };
}

async function run(sql: Sql, text: string, params: unknown[]): Promise<Record<string, unknown>[]> {
  try {
    return await sql.query(text, params);
  } catch (error) {
    const state = sqlStateOf(error);
    if (state !== null && isDataError(state, error)) throw new DataError(state);
    throw error;
  }
}

/**
 * Values that Postgres will refuse every time: class 22 (data exception), a missing value, a check constraint, an
 * `expires_at` that is not the schedule's. A row for which there is no partition has 23514 too, but names no
 * constraint: the partition can still be made, so that one is worth trying again.
 */
function isDataError(state: string, error: unknown): boolean {
  if (state.startsWith("22") || state === "23502" || state === "EB001") return true;
  return state === "23514" && Boolean((error as { constraint?: string }).constraint);
}

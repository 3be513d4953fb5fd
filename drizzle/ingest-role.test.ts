import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { uuidFromId } from "../src/core/id.ts";
import { declaredTables } from "../src/privacy/inventory.ts";
import { foreignCalls } from "../src/testing/foreign-calls.ts";
import { type RowMaker, rowMaker } from "../src/testing/rows.ts";
import { refusal, type ScratchDatabase, scratchDatabase } from "../src/testing/scratch-database.ts";
import type { TestTenant } from "../src/testing/world.ts";

/** `ebb_ingest`: puts pings where they belong, sees which instances are live, and knows nothing else. */

const DENIED = "42501";
let database: ScratchDatabase;
let tenant: TestTenant;
let make: RowMaker;
const ingest = () => database.as("ingest");
const tenantId = () => uuidFromId("tenant", tenant.id);

beforeAll(async () => {
  database = await scratchDatabase();
  tenant = await database.tenant();
  make = await rowMaker(database, tenantId());
  for (const { table } of declaredTables())
    if (table !== "tenants") await make.add(table, new Date(Date.now() - 1_000).toISOString());
});
afterAll(() => database.drop());
afterEach(() => database.stopClock(null));

/** Midnight UTC, this many days from today. */
const day = (offset = 0) => new Date((Math.floor(Date.now() / 86_400_000) + offset) * 86_400_000).toISOString();

interface Ping {
  tenant?: string;
  instance: string;
  bucket?: string;
  /** An SQL expression over `$3`, the bucket. */
  expires?: string;
}
function insertPing({
  tenant: whose = tenantId(),
  instance,
  bucket = day(),
  expires = "$3::timestamptz + interval '30 days'",
}: Ping) {
  const conflict = "on conflict do nothing";
  return ingest().query(
    `insert into public.pings (tenant_id, instance_id, kind, bucket, expires_at) values ($1, $2, 'alive', $3, ${expires}) ${conflict}`,
    [whose, instance, bucket],
  );
}
const stored = async (instance: string) =>
  await database.as("owner").query("select bucket::text from pings where instance_id = $1 order by 1", [instance]);

describe("pings", () => {
  it("are stored once for a bucket, however often and however late in it they come", async () => {
    const instance = crypto.randomUUID();
    for (let i = 0; i < 3; i++) await insertPing({ instance });
    expect(await stored(instance)).toHaveLength(1);
    await insertPing({ instance, bucket: day(-1) });
    expect(await stored(instance)).toHaveLength(2);
  });

  it.each([
    ["a day more", "$3::timestamptz + interval '31 days'"],
    ["a microsecond less", "$3::timestamptz + interval '30 days' - interval '1 microsecond'"],
    ["for ever", "'infinity'"],
  ])("kept for %s than the schedule says are refused", async (_, expires) => {
    const instance = crypto.randomUUID();
    // A row for which there is no partition is refused before any trigger sees it.
    expect(["EB001", "23514"]).toContain(await refusal(insertPing({ instance, expires })));
    expect(await stored(instance)).toEqual([]);
  });

  it("whose bucket is no day's start expire as their day does", async () => {
    const instance = crypto.randomUUID();
    const noon = `${day().slice(0, 11)}12:00:00Z`;
    expect(await refusal(insertPing({ instance, bucket: noon }))).toBe("EB001");
    expect(
      await refusal(
        insertPing({
          instance,
          bucket: noon,
          expires: "date_trunc('day', $3::timestamptz, 'UTC') + interval '30 days'",
        }),
      ),
    ).toBeNull();
  });

  it("that have expired are refused, to the microsecond", async () => {
    const [before, after] = [crypto.randomUUID(), crypto.randomUUID()];
    await database.stopClock(`${day(29).slice(0, 11)}23:59:59.999999Z`);
    expect(await refusal(insertPing({ instance: before }))).toBeNull();
    await database.stopClock(day(30));
    expect(await refusal(insertPing({ instance: after }))).toBe(DENIED);
  });

  it("are neither read, changed nor deleted again", async () => {
    for (const text of [
      "select from public.pings",
      "update public.pings set os_kind = 'x'",
      "delete from public.pings",
      "truncate public.pings",
    ]) {
      expect(await refusal(ingest().query(text)), text).toBe(DENIED);
    }
    const returning =
      "insert into public.pings (tenant_id, instance_id, kind, bucket, expires_at) values ($1, $1, 'alive', $2, $2::timestamptz + interval '30 days') returning instance_id";
    expect(await refusal(ingest().query(returning, [tenantId(), day()]))).toBe(DENIED);
  });
});

describe("what it reads", () => {
  it("is nothing in any other table", async () => {
    for (const { table } of declaredTables()) {
      if (table === "instances") continue;
      expect(await refusal(ingest().query(`select from public.${table}`)), table).toBe(DENIED);
      expect(await database.as("owner").query(`select from public.${table}`), table).not.toEqual([]);
    }
  });

  it("is the live instances of every tenant, in four columns", async () => {
    const other = await database.tenant();
    const makeOther = await rowMaker(database, uuidFromId("tenant", other.id));
    const [live, removed, expiring, theirs] = [1, 2, 3, 4].map(() => crypto.randomUUID()) as [
      string,
      string,
      string,
      string,
    ];
    await make.add("instances", null, { id: live });
    await make.add("instances", "now", { id: removed });
    await make.add("instances", "infinity", { id: expiring });
    await makeOther.add("instances", null, { id: theirs });
    const seen = await ingest().query(
      "select id, tenant_id, removed_at, expires_at from public.instances where id = any ($1)",
      [[live, removed, expiring, theirs]],
    );
    expect(new Set(seen.map((row) => row["id"]))).toEqual(new Set([live, theirs]));
    for (const column of ["name", "client_id", "workspace_id", "scope", "registered_at"]) {
      expect(await refusal(ingest().query(`select ${column} from public.instances`)), column).toBe(DENIED);
    }
  });

  it("cannot be had by entering, nor by another role's functions", async () => {
    for (const call of [
      "ebb.enter('\\x00')",
      "ebb.tenant()",
      "ebb.context()",
      "ebb.partitions('public.pings')",
      "ebb.outbox_pending(null, 0, 1)",
      "ebb.outbox_gates('{}', 1)",
      "ebb.drop_expired_partition(gen_random_uuid(), 'public.pings')",
      "ebb.begin_purge(gen_random_uuid(), 'public.outbox')",
      "ebb.purge_batch(gen_random_uuid(), 'public.outbox', 'expired', null, null, 1)",
      "ebb.record_receipt(gen_random_uuid(), gen_random_uuid(), 'public.outbox', '{}', false)",
      "ebb.kept_windows('tool-execution-logs')",
      "ebb.holds('alive-pings')",
      ...(await foreignCalls(database, "ebb_ingest")),
    ]) {
      expect(await refusal(ingest().query(`select ${call}`)), call).toBe(DENIED);
    }
    expect(await refusal(ingest().query("set role ebb_maint"))).toBe(DENIED);
  });
});

describe("dead letters", () => {
  it("are written, expire in seven days whatever was asked for, and are not read", async () => {
    const id = crypto.randomUUID();
    await ingest().query(
      "insert into public.dead_letters (id, tenant_id, gate_id, reason, body, recorded_at, expires_at) values ($1, $2, 'g', '22P02', '{}', now(), 'infinity')",
      [id, tenantId()],
    );
    const rows = await database
      .as("owner")
      .query("select expires_at - recorded_at = interval '7 days' as week from dead_letters where id = $1", [id]);
    expect(rows).toEqual([{ week: true }]);
    const old =
      "insert into public.dead_letters (id, tenant_id, gate_id, reason, body, recorded_at) values (gen_random_uuid(), $1, 'g', 'r', '{}', now() - interval '7 days')";
    expect(await refusal(ingest().query(old, [tenantId()]))).toBe(DENIED);
  });
});

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { uuidFromId } from "../src/core/id.ts";
import { declaredTables } from "../src/privacy/inventory.ts";
import { enteredTransaction, type Query } from "../src/testing/app-session.ts";
import { foreignCalls } from "../src/testing/foreign-calls.ts";
import { rowMaker } from "../src/testing/rows.ts";
import { refusal, type ScratchDatabase, scratchDatabase } from "../src/testing/scratch-database.ts";
import type { TestTenant } from "../src/testing/world.ts";

/** Ways round the policies that `ebb_app` could try from inside a tenant. Each stands beside what it may do. */

const DENIED = "42501";
let database: ScratchDatabase;
let mine: TestTenant;
let other: TestTenant;

beforeAll(async () => {
  database = await scratchDatabase();
  [mine, other] = [await database.tenant(), await database.tenant()];
  for (const tenant of [mine, other]) {
    const make = await rowMaker(database, uuidFromId("tenant", tenant.id));
    for (const table of ["pings", "audit_entries", "memberships", "credentials"])
      await make.add(table, new Date().toISOString());
  }
});
afterAll(() => database.drop());

const inside = <T>(fn: (query: Query) => Promise<T>) => enteredTransaction(database, mine.apiKey, null, fn);
const trying = (text: string, params: unknown[] = []) => refusal(inside((query) => query(text, params)));

describe("another role", () => {
  it("cannot be taken", async () => {
    for (const role of [
      "postgres",
      "ebb_owner",
      "ebb_maint",
      "ebb_ingest",
      "ebb_purge",
      "ebb_jobs",
      "pg_read_all_data",
    ]) {
      expect(await trying(`set role ${role}`), role).toBe(DENIED);
      expect(await trying(`set session authorization ${role}`), role).toBe(DENIED);
    }
    expect(await trying("set role ebb_app")).toBeNull();
  });

  it("row security cannot be put off: the query fails instead of being filtered", async () => {
    const rows = (setting: string) =>
      inside(async (query) => {
        await query(`set local row_security = ${setting}`);
        return await query("select from public.pings");
      });
    expect(await refusal(rows("off"))).toBe(DENIED);
    expect(await rows("on")).toHaveLength(1);
  });
});

describe("an audit entry", () => {
  it.each([
    "update public.audit_entries set action = 'nothing'",
    "delete from public.audit_entries",
    "truncate public.audit_entries",
  ])("cannot be reached by: %s", async (statement) => expect(await trying(statement)).toBe(DENIED));

  it("cannot be inserted but through the function, which writes for the tenant entered as the actor proven", async () => {
    const insert = `insert into public.audit_entries (id, tenant_id, recorded_at, actor_kind, actor_id, action, subject, detail, request_id, expires_at)
      values (gen_random_uuid(), $1, now(), 'api-key', gen_random_uuid(), 'a', 's', '{}', 'r', ebb.expiry(now(), interval '84 months'))`;
    expect(await trying(insert, [uuidFromId("tenant", mine.id)])).toBe(DENIED);
    const append = "select ebb.append_audit($1, 'a', 's', '{}', 'r')";
    const id = crypto.randomUUID();
    const written = await inside(async (query) => {
      await query(append, [id]);
      return await query(
        "select tenant_id, actor_kind, expires_at - recorded_at > interval '2555 days' as kept from public.audit_entries where id = $1",
        [id],
      );
    });
    expect(written).toEqual([{ tenant_id: uuidFromId("tenant", mine.id), actor_kind: "api-key", kept: true }]);
    expect(await refusal(database.as("app").query(append, [id]))).toBe("EB404");
  });
});

describe("what is not granted", () => {
  it("no partition of any table can be addressed, its parent can", async () => {
    const partitions = await database
      .as("owner")
      .query(
        "select inhrelid::regclass::text as name, inhparent::regclass::text as parent from pg_inherits join pg_class c on c.oid = inhrelid where c.relkind = 'r'",
      );
    expect(partitions.length).toBeGreaterThan(30);
    await database.session("app", async (client) => {
      for (const { name } of partitions) {
        for (const text of [
          `select from public.${name}`,
          `insert into public.${name} default values`,
          `delete from public.${name}`,
        ]) {
          expect(await refusal(client.query(text)), text).toBe(DENIED);
        }
      }
      for (const parent of new Set(partitions.map((row) => row["parent"]))) {
        const { access } = declaredTables().find(({ table }) => table === parent) ?? {};
        const readable = access?.ebb_app?.some(({ command }) => command === "select") ?? false;
        const expected = readable ? null : DENIED;
        expect(await refusal(client.query(`select from public.${parent}`)), String(parent)).toBe(expected);
      }
    });
  });

  it("nothing outside the tables is read: keys, the sentinel, migrations, sequences, the clock", async () => {
    const [kinds, count] = [["r", "p", "v", "m", "S"], "select count(*)::int as count"];
    const others = await database.as("owner").query(
      `select c.oid::regclass::text as name, c.relkind::text as kind from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast') and c.relkind = any ($1)
          and (n.nspname <> 'public' or c.relkind = 'S')`,
      [kinds],
    );
    const names = others.map((row) => row["name"] as string);
    expect(names).toEqual(
      expect.arrayContaining([
        "ebb.context_key",
        "ebb.sentinel",
        "ebb.known_policies",
        "drizzle.__drizzle_migrations",
        "outbox_id_seq",
      ]),
    );
    for (const name of names) expect(await trying(`${count} from ${name}`), name).toBe(DENIED);
    expect(await trying("select nextval('public.outbox_id_seq')")).toBe(DENIED);
  });

  it("the hash of a secret, not even its own tenant's", async () => {
    expect(await trying("select secret_hash from public.credentials")).toBe(DENIED);
    expect(await trying("select * from public.registration_keys")).toBe(DENIED);
    expect(await trying("select 1 from public.credentials where secret_hash = '\\x00'")).toBe(DENIED);
    expect(await trying("update public.credentials set name = encode(secret_hash, 'hex')")).toBe(DENIED);
    expect(await trying("delete from public.credentials returning secret_hash")).toBe(DENIED);
    expect(await trying("select id, name, permissions from public.credentials")).toBeNull();
  });

  it("no function of another role's", async () => {
    const uuids = "gen_random_uuid(), gen_random_uuid()";
    const calls = [
      `ebb.seal('api-key', ${uuids}, gen_random_uuid(), true)`,
      "ebb.context()",
      "ebb.assert_sighted('public.pings')",
      "ebb.partitions('public.pings')",
      "ebb.create_partitions('public.pings', 'day', now(), now())",
      "ebb.drop_expired_partition(gen_random_uuid(), 'public.pings')",
      "ebb.begin_purge(gen_random_uuid(), 'public.outbox')",
      "ebb.purge_batch(gen_random_uuid(), 'public.outbox', 'expired', null, null, 1)",
      "ebb.record_receipt(gen_random_uuid(), gen_random_uuid(), 'public.outbox', '{}', false)",
      `ebb.straight_ping(${uuids}, now(), 'alive', now(), null, null, null, now(), 1)`,
      "ebb.heartbeat('g', gen_random_uuid(), 0, 0, 0, 0, 0, 0)",
      "ebb.silent_gates('1 minute', 1)",
      "ebb.outbox_pending(null, 0, 1)",
      "ebb.outbox_gates('{}', 1)",
      "ebb.outbox_delivered('{}')",
      "ebb.holds('alive-pings')",
      "ebb.gone_tenants()",
      ...(await foreignCalls(database, "ebb_app")),
    ];
    const refused = await inside(async (query) => {
      const refusals: [string, string | null][] = [];
      for (const call of calls) {
        await query("savepoint attempt");
        refusals.push([call, await refusal(query(`select ${call}`))]);
        await query("rollback to savepoint attempt");
      }
      return refusals;
    });
    expect(refused).toEqual(calls.map((call) => [call, DENIED]));
    expect(await trying("select ebb.clock(), ebb.tenant(), ebb.expiry(now(), interval '1 day')")).toBeNull();
  });

  it("nothing can be made or altered", async () => {
    for (const statement of [
      "create table public.mine (id int)",
      "create temporary table mine (id int)",
      "create schema mine",
      "create function public.mine() returns int language sql return 1",
      "create or replace function ebb.clock() returns timestamptz language sql stable return '2000-01-01'::timestamptz",
      "alter table public.pings disable row level security",
      "alter table public.pings no force row level security",
      "alter table public.instances disable trigger all",
      "drop policy pings_ebb_app_select on public.pings",
      "create policy mine on public.pings using (true)",
      "grant select on public.straight_windows to public",
      "set session_replication_role = 'replica'",
      "copy public.pings to program 'cat'",
      "lock table public.pings in access exclusive mode",
      "update ebb_test.clock set shift = '1 year'",
    ]) {
      expect(await trying(statement), statement).toBe(DENIED);
    }
  });

  it("what it may read it cannot let another read: Postgres warns, and grants nothing", async () => {
    const [row] = await inside(async (query) => {
      await query("grant select on public.pings to public, ebb_jobs");
      return await query("select has_any_column_privilege('ebb_jobs', 'public.pings', 'select') as granted");
    });
    expect(row).toEqual({ granted: false });
  });
});

describe("what a filter or the statistics could tell", () => {
  it("a condition that fails on another tenant's row never meets it", async () => {
    const failing = (tenant: TestTenant) =>
      trying(`select from public.instances where 1 / (case tenant_id when $1 then 0 else 1 end) = 1`, [
        uuidFromId("tenant", tenant.id),
      ]);
    expect(await failing(other)).toBeNull();
    expect(await failing(mine)).toBe("22012");
  });

  it("the planner's samples of the columns are not shown", async () => {
    await database.as("superuser").query("analyze public.people");
    const samples = "select from pg_stats where tablename = 'people'";
    expect(await database.as("superuser").query(samples)).not.toEqual([]);
    expect(await inside((query) => query(samples))).toEqual([]);
  });

  it("COPY gives what a query gives", async () => {
    expect(await inside((query) => query("select from public.instances"))).toHaveLength(1);
    expect(await trying("copy public.credentials to stdout")).toBe(DENIED);
  });
});

import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { uuidFromId } from "../src/core/id.ts";
import { declaredTables } from "../src/privacy/inventory.ts";
import { enteredTransaction, type Query } from "../src/testing/app-session.ts";
import { type RowMaker, rowMaker } from "../src/testing/rows.ts";
import { refusal, type ScratchDatabase, scratchDatabase } from "../src/testing/scratch-database.ts";
import type { TestTenant } from "../src/testing/world.ts";

/** What `ebb_app` sees: nothing without a tenant, and then that tenant's rows until the instant they expire. */

let database: ScratchDatabase;
let mine: TestTenant;
let other: TestTenant;
/** For rows around which the clock is moved. */
let ageing: TestTenant;
let makeMine: RowMaker;
let makeOther: RowMaker;
let makeAgeing: RowMaker;
/** Every table of the schema, from the catalog: a new one is tested by being there. */
let tables: string[];
let readable: string[];

const uuid = (tenant: TestTenant) => uuidFromId("tenant", tenant.id);

beforeAll(async () => {
  database = await scratchDatabase();
  [mine, other, ageing] = [await database.tenant(), await database.tenant(), await database.tenant()];
  [makeMine, makeOther] = [await rowMaker(database, uuid(mine)), await rowMaker(database, uuid(other))];
  const rows = await database.as("owner").query(`
    select relname, has_any_column_privilege('ebb_app', oid, 'select') as readable from pg_class
     where relnamespace = 'public'::regnamespace and relkind in ('r', 'p', 'v', 'm', 'f') and not relispartition`);
  tables = rows.map((row) => row["relname"] as string).sort();
  readable = rows.flatMap((row) => (row["readable"] ? [row["relname"] as string] : [])).sort();
  makeAgeing = await rowMaker(database, uuid(ageing));
  const justNow = new Date(Date.now() - 1_000).toISOString();
  for (const make of [makeMine, makeOther]) {
    for (const table of tables) if (table !== "tenants") await make.add(table, justNow);
  }
});
afterAll(() => database.drop());
afterEach(() => database.stopClock(null));

const entered = <T>(tenant: TestTenant, fn: (query: Query) => Promise<T>) =>
  enteredTransaction(database, tenant.apiKey, null, fn);

/** Of no tenant. */
const NOBODYS = ["purge_receipts"];

describe("without entering", () => {
  it("nothing of anybody is visible in any table, and there is something to see", async () => {
    const [app, owner] = [database.as("app"), database.as("owner")];
    for (const table of tables) {
      const all = `select 1 as seen from public.${table}`;
      expect(await owner.query(all), table).not.toEqual([]);
      if (NOBODYS.includes(table)) expect(await app.query(all), table).toEqual(await owner.query(all));
      else if (readable.includes(table)) expect(await app.query(all), table).toEqual([]);
      else expect(await refusal(app.query(all)), table).toBe("42501");
    }
  });

  it("what is visible to all the same says nothing of anybody", () => {
    const declared = declaredTables().filter(({ table }) => NOBODYS.includes(table));
    expect(declared.map(({ table }) => table)).toEqual(NOBODYS);
    for (const { table, subject, columns } of declared) {
      expect([table, subject]).toEqual([table, null]);
      expect(new Set(Object.values(columns).map(({ category }) => category))).toEqual(new Set(["NonPersonalData"]));
    }
  });

  it("nothing can be inserted, changed or deleted", async () => {
    const app = database.as("app");
    for (const table of tables) {
      expect(await refusal(app.query(`delete from public.${table}`)), table).toBe("42501");
      expect(await refusal(app.query(`truncate public.${table}`)), table).toBe("42501");
    }
    for (const [table, change] of Object.entries(CHANGES)) {
      expect(await app.query(`update public.${table} set ${change} returning id`), table).toEqual([]);
    }
  });
});

/** What `ebb_app` may change at all; the grants as such stand in privileges.test.ts. */
const CHANGES: Record<string, string> = {
  instances: "name = 'stolen'",
  credentials: "name = 'stolen'",
  registration_keys: "uses = 99",
};

describe("having entered", () => {
  it("sees exactly its own rows in every readable table", async () => {
    const owned = readable.filter((table) => !NOBODYS.includes(table));
    const seen = await entered(mine, async (query) => {
      const rows: Record<string, unknown> = {};
      for (const table of owned)
        rows[table] = await query(
          `select * from (select ${tenantOf(table)} as tenant from public.${table}) as t group by tenant`,
        );
      return rows;
    });
    expect(seen).toEqual(
      Object.fromEntries(owned.map((table) => [table, [{ tenant: table === "people" ? "mine" : uuid(mine) }]])),
    );
    expect(owned).toEqual(expect.arrayContaining(["pings", "tool_executions", "retention_windows"]));
  });

  it("changes and deletes nothing of another tenant, and does change its own", async () => {
    for (const [table, change] of Object.entries(CHANGES)) {
      const changed = await entered(mine, (query) => query(`update public.${table} set ${change} returning tenant_id`));
      expect(new Set(changed.map((row) => row["tenant_id"])), table).toEqual(new Set([uuid(mine)]));
    }
  });

  it("inserts for its own tenant alone", async () => {
    const insert = "insert into public.outbox (tenant_id, gate_id, message, recorded_at) values ($1, $2, '{}', now())";
    expect(await refusal(entered(mine, (query) => query(insert, [uuid(other), other.gateId])))).toBe("42501");
    // Nor for its own tenant at another's gate, nor at one that is nobody's.
    expect(await refusal(entered(mine, (query) => query(insert, [uuid(mine), other.gateId])))).toBe("23503");
    expect(await refusal(entered(mine, (query) => query(insert, [uuid(mine), "g"])))).toBe("23503");
    expect(await refusal(entered(mine, (query) => query(insert, [uuid(mine), mine.gateId])))).toBeNull();
    const workspace = (tenant: TestTenant) => uuidFromId("workspace", tenant.workspaceId);
    const instance = `insert into public.instances (id, tenant_id, workspace_id, client_id, scope, grant_types, registered_at)
      values (gen_random_uuid(), $1, $2, 'c', '', '{}', now())`;
    expect(await refusal(entered(mine, (query) => query(instance, [uuid(other), workspace(other)])))).toBe("42501");
    expect(await refusal(entered(mine, (query) => query(instance, [uuid(mine), workspace(mine)])))).toBeNull();
  });

  it("sets an end once, and now: it can neither undo a removal nor put it off", async () => {
    const change = (set: string) => refusal(entered(mine, (query) => query(`update public.instances set ${set}`)));
    expect(await change("removed_at = 'infinity'")).not.toBeNull();
    for (const [table, column] of [
      ["instances", "removed_at"],
      ["credentials", "revoked_at"],
      ["registration_keys", "revoked_at"],
    ] as const) {
      const attempts = ["null", "'infinity'", "now() + interval '1 hour'"].map((value) =>
        refusal(
          entered(mine, async (query) => {
            await query(`update public.${table} set ${column} = now() where ${column} is null`);
            await query(`update public.${table} set ${column} = ${value}`);
          }),
        ),
      );
      expect(await Promise.all(attempts), table).toEqual(["EB002", "EB002", "EB002"]);
    }
  });

  it("cannot move a row to another tenant, nor to a reference of another tenant's", async () => {
    expect(
      await refusal(entered(mine, (query) => query("update public.instances set tenant_id = $1", [uuid(other)]))),
    ).toBe("42501");
    const theirs = uuidFromId("workspace", other.workspaceId);
    const insert = `insert into public.instances (id, tenant_id, workspace_id, client_id, scope, grant_types, registered_at)
      values (gen_random_uuid(), $1, $2, 'd', '', '{}', now())`;
    expect(await refusal(entered(mine, (query) => query(insert, [uuid(mine), theirs])))).toBe("23503");
    const instanceOf = async (tenant: TestTenant) =>
      (await database.as("owner").query("select id from instances where tenant_id = $1 limit 1", [uuid(tenant)]))[0]?.[
        "id"
      ];
    const credential = `insert into public.credentials (id, tenant_id, kind, name, instance_id, secret_hash, permissions, created_at)
      values (gen_random_uuid(), $1, 'client-secret', '', $2, sha256(uuid_send(gen_random_uuid())), '{}', now())`;
    const [own, foreign] = [await instanceOf(mine), await instanceOf(other)];
    expect(await refusal(entered(mine, (query) => query(credential, [uuid(mine), foreign])))).toBe("23503");
    expect(await refusal(entered(mine, (query) => query(credential, [uuid(mine), own])))).toBeNull();
  });

  it("sees people through the membership of the tenant entered alone", async () => {
    const people = await entered(mine, (query) => query("select id from public.people"));
    const members = await database
      .as("owner")
      .query("select person_id as id from memberships where tenant_id = $1", [uuid(mine)]);
    expect(new Set(people.map((row) => row["id"]))).toEqual(new Set(members.map((row) => row["id"])));
    expect(people.length).toBeGreaterThan(0);
  });
});

function tenantOf(table: string): string {
  if (table === "people") return "'mine'::text";
  return table === "tenants" ? "id" : "tenant_id";
}

describe("a row that expires", () => {
  const read = declaredTables().filter(({ access }) => access.ebb_app?.some(({ command }) => command === "select"));

  it.each(read.map(({ table }) => table))(
    "of %s is readable to the last microsecond, and not at expires_at",
    async (table) => {
      const id = crypto.randomUUID();
      // A day's start, as pings are anchored there; no other row of these tables is anchored at one.
      const anchor = new Date(Math.floor(Date.now() / 86_400_000) * 86_400_000).toISOString();
      const below = { id, parent_id: uuid(ageing), path: `{${uuid(ageing)},${id}}` };
      await makeAgeing.add(table, anchor, table === "tenants" ? below : table === "people" ? { id } : {});
      if (table === "people") {
        await makeAgeing.add("memberships", null, { person_id: id });
        // Whose membership comes has no end any more.
        await database.as("owner").query("update people set removed_at = $1 where id = $2", [anchor, id]);
      }
      const [row] = await database.as("owner").query(
        `select max(expires_at)::text as at, (max(expires_at) - interval '1 microsecond')::text as before
         from public.${table} where expires_at < 'infinity' and date_trunc('day', expires_at, 'UTC') = expires_at`,
      );
      expect(row?.["at"], table).not.toBeNull();
      const seenAt = async (at: unknown) => {
        await database.stopClock(at as string);
        return await entered(ageing, (query) =>
          query(`select 1 as seen from public.${table} where expires_at = $1`, [row?.["at"]]),
        );
      };
      expect(await seenAt(row?.["before"])).not.toEqual([]);
      expect(await seenAt(row?.["at"])).toEqual([]);
    },
  );
});

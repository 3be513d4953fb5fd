import { sql } from "drizzle-orm";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hashSecret } from "../access/secret.ts";
import { uuidFromId } from "../core/id.ts";
import { type ScratchDatabase, scratchDatabase } from "../testing/scratch-database.ts";
import type { TestTenant } from "../testing/world.ts";
import { AppDatabase, type Writer } from "./app-database.ts";

/** Which roles the account routes are served with, and what entering hands to a verb. */

let database: ScratchDatabase;
let tenant: TestTenant;
beforeAll(async () => {
  database = await scratchDatabase();
  tenant = await database.tenant();
});
afterAll(() => database.drop());

const entry = async (secret = tenant.apiKey) => ({ credentialHash: await hashSecret(secret), target: null });
const both = (url: string) => {
  const app = new AppDatabase(url);
  return {
    read: async () => await app.read(await entry(), (db) => [db.execute(sql`select 1`)]),
    write: async () => await app.write(await entry(), async () => "written"),
  };
};

describe("a role that could get round the policies", () => {
  it.each(["owner", "superuser"] as const)("serves nothing: %s", async (login) => {
    const { read, write } = both(database.url(login));
    for (const way of [read, write, read]) {
      await expect(way()).rejects.toMatchObject({ problem: "unavailable", detail: { retryAfterS: 60 } });
    }
  });

  it("serves nothing either when it is the right one with too much: a membership, a table, an attribute", async () => {
    const sets = [
      ["grant ebb_maint to ebb_odd", "revoke ebb_maint from ebb_odd"],
      ["alter role ebb_odd bypassrls", "alter role ebb_odd nobypassrls"],
      ["alter role ebb_odd createrole", "alter role ebb_odd nocreaterole"],
      ["create table public.odd (); alter table public.odd owner to ebb_odd", "drop table public.odd"],
      [
        "create function ebb.odd() returns int language sql return 1; alter function ebb.odd() owner to ebb_odd",
        "drop function ebb.odd()",
      ],
    ] as const;
    const url = new URL(database.url("app"));
    url.username = "ebb_odd";
    await database.session("superuser", async (client) => {
      await client.query(`create role ebb_odd login password '${url.password}'`);
      try {
        await client.query(
          "grant usage on schema ebb to ebb_odd; grant execute on all functions in schema ebb to ebb_odd",
        );
        expect(await both(url.href).write()).toBe("written");
        for (const [more, less] of sets) {
          await client.query(more);
          await expect(both(url.href).write(), more).rejects.toMatchObject({ problem: "unavailable" });
          await client.query(less);
        }
        expect(await both(url.href).write()).toBe("written");
      } finally {
        await client.query("drop owned by ebb_odd; drop role ebb_odd");
      }
    });
  });

  it("is asked about once, not at every call; ebb_app is served", async () => {
    const { read, write } = both(database.url("app"));
    expect(await write()).toBe("written");
    expect((await read()).entered).toMatchObject({
      actorKind: "api-key",
      tenantId: tenant.id,
      gateId: tenant.gateId,
      workspaceId: null,
    });
  });
});

it("a registration key enters as itself, with its workspace and one permission", async () => {
  const app = new AppDatabase(database.url("app"));
  const entered = await app.write(await entry(tenant.registrationKey), async (_, who) => who);
  expect(entered).toMatchObject({
    actorKind: "registration-key",
    workspaceId: tenant.workspaceId,
    permissions: ["instances:register"],
    actorTenantId: tenant.id,
  });
});

it("a change that returns is committed, and the next transaction is not entered by it", async () => {
  const app = new AppDatabase(database.url("app"));
  await app.write(await entry(), async (tx) => {
    await tx.execute(sql`update instances set name = 'x'`);
  });
  const [row] = await database.as("app").query("select ebb.tenant() as tenant");
  expect(row).toEqual({ tenant: null });
});

describe("a transaction that Postgres does not go on with", () => {
  const PATIENCE_MS = 200;
  const rename = (tx: Writer) => tx.execute(sql`update instances set name = 'hung'`);

  it("ends as unavailable, its connection with it, and nothing of it remains", async () => {
    const app = new AppDatabase(database.url("app"), PATIENCE_MS);
    const id = await oneInstance();
    await database.session("superuser", async (holder) => {
      await holder.query("begin; lock table credentials in access exclusive mode");
      // Entering reads the credentials, and waits for the lock.
      await expect(app.write(await entry(), rename)).rejects.toMatchObject({
        problem: "unavailable",
        detail: { retryAfterS: 5 },
      });
      await holder.query("rollback; begin; lock table registration_keys in access exclusive mode");
      const blocked = app.write(await entry(), async (tx) => {
        await rename(tx);
        await tx.execute(sql`select from registration_keys`);
      });
      await expect(blocked).rejects.toMatchObject({ problem: "unavailable" });
      await holder.query("rollback; set lock_timeout = '10s'");
      // Had the connection been kept, its row would stay locked until Postgres ends idle transactions.
      const { rows } = await holder.query(`select name from instances where id = '${id}' for update`);
      expect(rows).toEqual([{ name: null }]);
    });
  });

  it("in the commit, is of unknown outcome", async () => {
    const app = new AppDatabase(database.url("app"), PATIENCE_MS);
    await oneInstance();
    await database.session("superuser", async (holder) => {
      await holder.query(`
        create function public.slow() returns trigger language plpgsql security definer as
          $$ begin perform pg_advisory_xact_lock(7); return null; end $$;
        create constraint trigger slow after update on instances deferrable initially deferred
          for each row execute function public.slow();
        select pg_advisory_lock(7)`);
      try {
        await expect(app.write(await entry(), rename)).rejects.toMatchObject({
          problem: "outcome-unknown",
          detail: { retryAfterS: 5 },
        });
      } finally {
        await holder.query("select pg_advisory_unlock(7)");
        await holder.query("drop trigger slow on instances; drop function public.slow()");
      }
    });
  });

  async function oneInstance(): Promise<string> {
    const [row] = await database.as("owner").query(
      `insert into instances (id, tenant_id, workspace_id, client_id, scope, grant_types, registered_at)
       select gen_random_uuid(), tenant_id, id, gen_random_uuid()::text, '', '{}', now() from workspaces
        where id = $1 returning id`,
      [uuidFromId("workspace", tenant.workspaceId)],
    );
    return row?.["id"] as string;
  }
});

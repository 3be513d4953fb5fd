import { sql } from "drizzle-orm";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hashSecret } from "../access/secret.ts";
import { type ScratchDatabase, scratchDatabase } from "../testing/scratch-database.ts";
import type { TestTenant } from "../testing/world.ts";
import { AppDatabase } from "./app-database.ts";

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

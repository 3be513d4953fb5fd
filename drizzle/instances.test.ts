import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { DAY_MS, MINUTE_MS } from "../src/core/clock.ts";
import { type Id, newId, uuidFromId } from "../src/core/id.ts";
import type { Permission } from "../src/core/permission.ts";
import { instantFromSql } from "../src/db/columns.ts";
import { instances } from "../src/db/schema.ts";
import { appTransaction, enteredTransaction, type Query } from "../src/testing/app-session.ts";
import { personIn } from "../src/testing/people.ts";
import { hashOf, refusal, type ScratchDatabase, scratchDatabase } from "../src/testing/scratch-database.ts";
import { signInOn, type WantedSignIn } from "../src/testing/sign-ins.ts";
import type { TestTenant } from "../src/testing/world.ts";

/** What ends instances, moves them and says what a lease holds, as `ebb_app` may call it past every verb. */

let database: ScratchDatabase;
let platform: TestTenant;
let own: TestTenant;
let beside: TestTenant;

beforeAll(async () => {
  database = await scratchDatabase();
  platform = await database.tenant({ kind: "platform" });
  own = await database.tenant({ kind: "direct", parent: platform });
  beside = await database.tenant({ kind: "direct", parent: platform });
});
afterAll(() => database.drop());
afterEach(() => database.stopClock(null));

type Row = Partial<typeof instances.$inferInsert>;

async function instance(tenant: TestTenant, more: Row = {}): Promise<Id<"instance">> {
  const id = newId("instance", Date.now());
  const { id: tenantId, workspaceId } = tenant;
  const values = {
    id,
    tenantId,
    workspaceId,
    clientId: id,
    scope: "profile:read offline",
    grantTypes: [],
    registeredAt: Date.now(),
    ...more,
  };
  await database.owner((db) => db.insert(instances).values(values));
  return id;
}

const uuid = (id: Id<"instance">) => uuidFromId("instance", id);
const person = (tenant: TestTenant) => personIn(tenant, "member", {}, database.owner);
const signIn = (tenant: TestTenant, id: Id<"instance">, of: Id<"person">, more: WantedSignIn = {}) =>
  signInOn(tenant, id, of, more, database.owner);

/** A key of a tenant that is nobody's, with these permissions: its secret. */
async function keyOf(tenant: TestTenant, ...permissions: Permission[]): Promise<string> {
  const secret = crypto.randomUUID();
  await database
    .as("owner")
    .query(
      "insert into credentials (id, tenant_id, kind, name, secret_hash, permissions, created_at) values (gen_random_uuid(), $1, 'api-key', 'k', $2, $3, now())",
      [uuidFromId("tenant", tenant.id), await hashOf(secret), permissions],
    );
  return secret;
}

/** What comes of one statement by whoever has this secret; nothing of it stays. */
const tried = (secret: string, text: string, params: unknown[] = [], target: TestTenant | null = null) =>
  refusal(
    enteredTransaction(database, secret, target && uuidFromId("tenant", target.id), (query) => query(text, params)),
  );

const END = "select ebb.end_instance($1, $2)";
const END_OF_KEY = "select * from ebb.end_instances_of_key($1, $2, 10)";
const SIGN_INS = "select ebb.end_sign_ins($1, $2)";
const MOVED = "select ebb.instance_moved($1)";
const LEASE_DAYS = "select ebb.set_offline_lease($1)";

describe("each function", () => {
  it("is for whoever has its permission, in the tenant entered, and for nobody who has entered none", async () => {
    const [mine, theirs] = [await instance(own), await instance(beside)];
    const [registrationKey] = await database
      .as("owner")
      .query("select id from registration_keys where tenant_id = $1", [uuidFromId("tenant", own.id)]);
    const key = String(registrationKey?.["id"]);
    await database.as("owner").query("update registration_keys set revoked_at = now() where id = $1", [key]);
    const rows: [
      text: string,
      permissions: Permission[],
      params: unknown[],
      foreign: unknown[] | null,
      state: string,
    ][] = [
      [END, ["instances:delete"], [uuid(mine), false], [uuid(theirs), false], "EB404"],
      [END, ["instances:delete"], [uuid(mine), true], [uuid(theirs), true], "EB404"],
      [END_OF_KEY, ["instances:delete", "registration-keys:write"], [key, true], [crypto.randomUUID(), true], "EB404"],
      [SIGN_INS, ["instances:write"], [uuid(mine), null], [uuid(theirs), null], "EB404"],
      [MOVED, ["instances:write"], [uuid(mine)], null, ""],
      [LEASE_DAYS, ["tenants:write"], [3], null, ""],
    ];
    for (const [text, permissions, params, foreign, state] of rows) {
      expect([text, await tried(await keyOf(own, ...permissions), text, params)]).toEqual([text, null]);
      // With all but one of them: not.
      for (const left of permissions) {
        const fewer = permissions.filter((permission) => permission !== left);
        expect([text, await tried(await keyOf(own, ...fewer, "instances:read"), text, params)]).toEqual([
          text,
          "EB405",
        ]);
      }
      if (foreign !== null) expect(await tried(own.apiKey, text, foreign)).toBe(state);
      // An operator of the platform administers; without a reason nothing is opened.
      const fromAbove = await tried(platform.apiKey, text, params, own);
      const administered = permissions.includes("tenants:write");
      expect({ text, fromAbove }).toEqual({ text, fromAbove: administered ? null : "EB405" });
      expect(await refusal(appTransaction(database, (query) => query(text, params)))).toBe("EB405");
    }
  });

  it("refuses a registration key as an actor", async () => {
    const mine = await instance(beside);
    for (const [text, params] of [
      [END, [uuid(mine), true]],
      [SIGN_INS, [uuid(mine), null]],
      [MOVED, [uuid(mine)]],
      [LEASE_DAYS, [3]],
    ] as const) {
      expect(await tried(beside.registrationKey, text, [...params])).toBe("EB405");
    }
  });

  it("is not there for other roles, nor are the inner ones for the application's", async () => {
    for (const login of ["ingest", "purge", "jobs"] as const) {
      expect(await refusal(database.as(login).query(END, [crypto.randomUUID(), true]))).toBe("42501");
      expect(await refusal(database.as(login).query("select ebb.lease_facts($1, $1, $1)", [crypto.randomUUID()]))).toBe(
        "42501",
      );
    }
    expect(await tried(own.apiKey, "select ebb.end_instances($1, true)", [[]])).toBe("42501");
  });
});

describe("the instances of a key", () => {
  it("are ended oldest first and so many at once, and not while the key is good", async () => {
    const [row] = await database.as("owner").query(
      `insert into registration_keys (id, tenant_id, workspace_id, name, secret_hash, reusable, uses, created_at)
         values (gen_random_uuid(), $1, $2, 'k', sha256(uuid_send(gen_random_uuid())), true, 0, now()) returning id`,
      [uuidFromId("tenant", own.id), uuidFromId("workspace", own.workspaceId)],
    );
    const key = String(row?.["id"]);
    const ids: Id<"instance">[] = [];
    for (let n = 0; n < 5; n++) {
      ids.push(await instance(own, { registrationKeyId: `rgk_${"0".repeat(26)}` }));
    }
    await database
      .as("owner")
      .query("update instances set registration_key_id = $1 where id = any ($2)", [key, ids.map(uuid)]);
    expect(await tried(own.apiKey, END_OF_KEY, [key, false])).toBe("EB408");
    await database.as("owner").query("update registration_keys set revoked_at = now() where id = $1", [key]);
    await enteredTransaction(database, own.apiKey, null, async (query) => {
      const end = async (removing: boolean, most: number) =>
        (await query("select * from ebb.end_instances_of_key($1, $2, $3)", [key, removing, most]))[0];
      const live = async () =>
        (
          await query(
            "select id from instances where registration_key_id = $1 and revoked_at is null and removed_at is null order by id",
            [key],
          )
        ).length;
      expect([await end(false, 2), await live()]).toEqual([{ ended: 2, remaining: 3 }, 3]);
      const [oldest] = await query(
        "select bool_and(revoked_at is not null) as ended from instances where id = any ($1)",
        [ids.slice(0, 2).map(uuid)],
      );
      expect(oldest).toEqual({ ended: true });
      expect([await end(false, 10), await live()]).toEqual([{ ended: 3, remaining: 0 }, 0]);
      expect(await end(false, 10)).toEqual({ ended: 0, remaining: 0 });
      // Revoked ones are removed yet.
      expect(await end(true, 4)).toEqual({ ended: 4, remaining: 1 });
    });
  });
});

it("ends all sign-ins on an instance where none is named, each with a word to the gate, and no other", async () => {
  const [mine, other] = [await instance(own), await instance(own)];
  const { id } = await person(own);
  const families = [await signIn(own, mine, id), await signIn(own, mine, id)];
  await signIn(own, other, id);
  await signIn(own, mine, id, { endedAt: Date.now() - 1000 });
  await enteredTransaction(database, own.apiKey, null, async (query) => {
    expect(await query(SIGN_INS, [uuid(mine), null])).toEqual([{ end_sign_ins: 2 }]);
    expect(await query(SIGN_INS, [uuid(mine), null])).toEqual([{ end_sign_ins: 0 }]);
    const live = await query("select instance_id from token_families where ended_at is null and person_id = $1", [
      uuidFromId("person", id),
    ]);
    expect(live).toEqual([{ instance_id: uuid(other) }]);
    await query("commit");
  });
  const posted = await database
    .as("owner")
    .query(
      "select message->'subject'->>'id' as id from outbox where message->'subject'->>'kind' = 'session' order by 1",
    );
  expect(posted.map((row) => row["id"])).toEqual(families.toSorted());
});

describe("the facts of a lease", () => {
  const FACTS = "select * from ebb.lease_facts($1, $2, $3)";
  const facts = (family: Id<"tokenFamily">, of: Id<"person">, tenant: TestTenant) =>
    database
      .as("app")
      .query(FACTS, [uuidFromId("tokenFamily", family), uuidFromId("person", of), uuidFromId("tenant", tenant.id)]);

  it("are of a live sign-in of that person in that tenant, and end with it or with the token that approved it", async () => {
    const mine = await instance(own);
    const { id } = await person(own);
    const renewedAt = Date.now() - 10 * DAY_MS;
    const family = await signIn(own, mine, id, { renewedAt });
    const [row] = await facts(family, id, own);
    expect(row).toEqual({
      refused: null,
      client_id: mine,
      workspace_id: uuidFromId("workspace", own.workspaceId),
      plan: "enterprise",
      offline_lease_days: 7,
      ends_at: expect.anything(),
    });
    expect(instantFromSql(row?.["ends_at"] as Date)).toBe(renewedAt + 90 * DAY_MS);
    // Nothing of another person's or tenant's.
    expect(await facts(family, (await person(own)).id, own)).toEqual([]);
    expect(await facts(family, id, beside)).toEqual([]);
    expect(await facts(newId("tokenFamily", Date.now()), id, own)).toEqual([]);

    const validUntil = new Date(Date.now() + 5 * MINUTE_MS).toISOString();
    const token = newId("credential", Date.now());
    await database
      .as("owner")
      .query(
        "insert into credentials (id, tenant_id, kind, name, secret_hash, permissions, person_id, created_at, valid_until) values ($1, $2, 'personal-access-token', 'k', $3, '{profile:read}', $4, now(), $5)",
        [
          uuidFromId("credential", token),
          uuidFromId("tenant", own.id),
          await hashOf(token),
          uuidFromId("person", id),
          validUntil,
        ],
      );
    const bound = await signIn(own, mine, id, { credentialId: token });
    expect(instantFromSql((await facts(bound, id, own))[0]?.["ends_at"] as Date)).toBe(Date.parse(validUntil));
    await database.stopClock(Date.parse(validUntil));
    expect((await facts(bound, id, own))[0]).toMatchObject({ refused: "sign-in-ended" });
    expect((await facts(family, id, own))[0]).toMatchObject({ refused: null });
    await database.stopClock(null);
    await database
      .as("owner")
      .query("update credentials set revoked_at = now() where id = $1", [uuidFromId("credential", token)]);
    expect((await facts(bound, id, own))[0]).toMatchObject({ refused: "sign-in-ended" });
  });

  it("say why there are none", async () => {
    const reseller = await database.tenant({ kind: "reseller", parent: platform });
    const tenant = await database.tenant({ kind: "client", parent: reseller });
    const mine = await instance(tenant);
    const { id, memberId } = await person(tenant);
    const family = await signIn(tenant, mine, id);
    const set = (table: string, assignment: string, of: string) =>
      database.as("owner").query(`update ${table} set ${assignment} where id = $1`, [of]);
    const refused = async () => (await facts(family, id, tenant))[0]?.["refused"];
    const familyId = uuidFromId("tokenFamily", family);
    expect(await refused()).toBeNull();
    for (const [table, assignment, back, of, why] of [
      ["token_families", "ended_at = now()", "ended_at = null", familyId, "sign-in-ended"],
      ["memberships", "removed_at = now()", "removed_at = null", uuidFromId("membership", memberId), "sign-in-ended"],
      ["instances", "revoked_at = now()", "revoked_at = null", uuid(mine), "token-revoked"],
      ["instances", "removed_at = now()", "removed_at = null", uuid(mine), "instance-deleted"],
    ] as const) {
      await set(table, assignment, of);
      expect([assignment, await refused()]).toEqual([assignment, why]);
      await set(table, back, of);
    }
    expect(await refused()).toBeNull();
    // Suspended or closed, itself or above it.
    for (const of of [tenant, reseller]) {
      const [tenantId, state] = [uuidFromId("tenant", of.id), () => refusal(facts(family, id, tenant))];
      await set("tenants", "status = 'suspended'", tenantId);
      expect(await state()).toBe("EB403");
      await set("tenants", "status = 'active', closed_at = now()", tenantId);
      expect(await state()).toBe("EB413");
      await set("tenants", "closed_at = null", tenantId);
      expect(await state()).toBeNull();
    }
    await database.stopClock(Date.now() + 91 * DAY_MS);
    expect(await facts(family, id, tenant)).toEqual([]);
  });
});

it("takes 0 to 30 days for an offline lease, and none for a closed tenant", async () => {
  const tenant = await database.tenant({ kind: "direct", parent: platform });
  const outcomes = async (query: Query, values: unknown[]) => {
    const found: unknown[] = [];
    for (const days of values) {
      await query("savepoint before");
      found.push(await refusal(query(LEASE_DAYS, [days])));
      await query("rollback to savepoint before");
    }
    return found;
  };
  await enteredTransaction(database, tenant.apiKey, null, async (query) => {
    expect(await outcomes(query, [0, 30, -1, 31, null])).toEqual([null, null, "22023", "22023", "22023"]);
    expect(await query(LEASE_DAYS, [14])).toEqual([{ set_offline_lease: 7 }]);
    expect(await query(LEASE_DAYS, [0])).toEqual([{ set_offline_lease: 14 }]);
  });
  await database
    .as("owner")
    .query("update tenants set closed_at = now() where id = $1", [uuidFromId("tenant", tenant.id)]);
  expect(await tried(platform.apiKey, LEASE_DAYS, [3], tenant)).toBe("EB408");
});

import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type Id, newId, uuidFromId } from "../src/core/id.ts";
import { PERMISSIONS, type Role } from "../src/core/permission.ts";
import { appTransaction, enteredTransaction, type Query } from "../src/testing/app-session.ts";
import { personIn, type TestPerson } from "../src/testing/people.ts";
import { hashOf, refusal, type ScratchDatabase, scratchDatabase } from "../src/testing/scratch-database.ts";
import type { TestTenant } from "../src/testing/world.ts";

/** Who may make whom what, decided by the database; and refusals as events. */

let database: ScratchDatabase;
let platform: TestTenant;
let customer: TestTenant;
const RANKS = ["owner", "admin", "member"] as const;
type Rank = (typeof RANKS)[number];
/** Somebody of each rank in the customer's tenant, and somebody else for them to reach for. */
let who: Record<Rank, TestPerson>;
let whom: Record<Rank, TestPerson>;

beforeAll(async () => {
  database = await scratchDatabase();
  platform = await database.tenant({ kind: "platform" });
  customer = await database.tenant({ kind: "direct", parent: platform });
  const each = async () => ({
    owner: await person(customer, "owner"),
    admin: await person(customer, "admin"),
    member: await person(customer, "member"),
  });
  who = await each();
  whom = await each();
});
afterAll(() => database.drop());
afterEach(() => database.stopClock(null));

const person = (tenant: TestTenant, role: Role) => personIn(tenant, role, {}, database.owner);
const uuid = (id: Id<"membership">) => uuidFromId("membership", id);
const tenantUuid = (tenant: TestTenant) => uuidFromId("tenant", tenant.id);

/** A key of a person's in a tenant, by its secret. */
async function key(tenant: TestTenant, of: TestPerson | null, permissions: readonly string[] = PERMISSIONS) {
  const secret = crypto.randomUUID();
  await database
    .as("owner")
    .query(
      "insert into credentials (id, tenant_id, kind, name, secret_hash, permissions, person_id, created_at) values ($1, $2, 'api-key', 'k', $3, $4, $5, now())",
      [
        uuidFromId("credential", newId("credential", Date.now())),
        tenantUuid(tenant),
        await hashOf(secret),
        permissions,
        of === null ? null : uuidFromId("person", of.id),
      ],
    );
  return { secret };
}

/** The refusal of each statement by whoever has this secret, null where it is done; nothing of it stays. */
async function outcomes(secret: string, statements: readonly [text: string, params: unknown[]][], target?: TestTenant) {
  return await appTransaction(database, async (query) => {
    const hash = await hashOf(secret);
    await query("select ebb.enter($1, $2)", [hash, target === undefined ? null : tenantUuid(target)]);
    const found: (string | null)[] = [];
    for (const [text, params] of statements) {
      await query("savepoint before");
      found.push(await refusal(query(text, params)));
      await query("rollback to savepoint before");
    }
    return found;
  });
}

const ROLES = ["owner", "admin", "member", "operator"] as const;
/** The rule, once more and by hand: owners all that a customer has, admins what is not above them, members nothing. */
const may = (actor: Rank, ...roles: Role[]) =>
  actor === "owner"
    ? !roles.includes("operator")
    : actor === "admin" && roles.every((role) => role === "admin" || role === "member");

describe("roles", () => {
  it("are given and taken by those above them alone: every actor, member and role, by session and by key", {
    timeout: 30_000,
  }, async () => {
    const wrong: unknown[] = [];
    for (const rank of RANKS) {
      const cases = RANKS.flatMap((target) => [
        ...ROLES.map((role) => ({
          does: `makes ${target} ${role}`,
          sql: ["select ebb.change_role($1, $2)", [uuid(whom[target].memberId), role]] as [string, unknown[]],
          allowed: may(rank, target, role),
        })),
        {
          does: `removes ${target}`,
          sql: ["select ebb.remove_member($1)", [uuid(whom[target].memberId)]] as [string, unknown[]],
          allowed: may(rank, target),
        },
      ]);
      const invites = ROLES.map((role) => ({
        does: `invites ${role}`,
        sql: [
          "select ebb.invite(gen_random_uuid(), 'a@b.test', $1, sha256(gen_random_uuid()::text::bytea))",
          [role],
        ] as [string, unknown[]],
        allowed: may(rank, role),
      }));
      const all = [...cases, ...invites];
      for (const [name, secret] of [
        ["session", who[rank].secret],
        ["key", (await key(customer, who[rank])).secret],
      ] as const) {
        const found = await outcomes(
          secret,
          all.map(({ sql }) => sql),
        );
        for (const [at, { does, allowed }] of all.entries()) {
          if (found[at] !== (allowed ? null : "EB405")) wrong.push([name, rank, does, found[at]]);
        }
      }
    }
    expect(wrong).toEqual([]);
  });

  it("bind a key by what it was given as well; one that is nobody's by that alone", { timeout: 30_000 }, async () => {
    const reach: [string, unknown[]][] = [
      ["select ebb.change_role($1, 'admin')", [uuid(whom.member.memberId)]],
      ["select ebb.change_role($1, 'owner')", [uuid(whom.member.memberId)]],
      ["select ebb.remove_member($1)", [uuid(whom.owner.memberId)]],
      ["select ebb.transfer_ownership($1)", [uuid(whom.member.memberId)]],
    ];
    const table: [permissions: string[], of: TestPerson | null, (string | null)[]][] = [
      [["members:write"], who.owner, [null, "EB405", "EB405", "EB405"]],
      [["members:write"], null, [null, "EB405", "EB405", "EB405"]],
      [["members:write", "owners:write"], null, [null, null, null, "EB405"]],
      [["members:write", "owners:write"], who.admin, [null, "EB405", "EB405", "EB405"]],
      [["owners:write"], who.owner, ["EB405", "EB405", "EB405", "EB405"]],
      [["members:read"], null, ["EB405", "EB405", "EB405", "EB405"]],
    ];
    for (const [permissions, of, expected] of table) {
      const { secret } = await key(customer, of, permissions);
      expect([permissions, await outcomes(secret, reach)]).toEqual([permissions, expected]);
    }
  });

  it("of the platform are an operator's in a customer's tenant, and nothing without a reason", {
    timeout: 30_000,
  }, async () => {
    const statements: [string, unknown[]][] = [
      ["select ebb.change_role($1, 'admin')", [uuid(whom.member.memberId)]],
      ["select ebb.lock_members()", []],
    ];
    for (const rank of ["owner", "operator"] as const) {
      const { secret } = await person(platform, rank);
      expect(await outcomes(secret, statements, customer)).toEqual(["EB404", "EB404"]);
      await appTransaction(database, async (query) => {
        const entering = [await hashOf(secret), tenantUuid(customer), "ticket 4711"];
        await query("select ebb.enter($1, $2, $3)", entering);
        expect(await refusal(query("select ebb.change_role($1, 'admin')", [uuid(whom.member.memberId)]))).toBe("EB405");
      });
    }
    // An admin of the platform's is nobody there, whatever the reason: does not enter, and leaves nothing in its audit.
    const admin = await person(platform, "admin");
    await appTransaction(database, async (query) => {
      const entering = [await hashOf(admin.secret), tenantUuid(customer)];
      expect(await refusal(query("select ebb.enter($1, $2, 'curious')", entering))).toBe("EB404");
    });
  });
});

describe("what an operator sees of a tenant that was not opened", () => {
  const look = async (query: Query) => {
    const [row] = await query(
      `select ebb.tenant() as tenant, ebb.target() as target, (select count(*)::int from memberships) as members, (select count(*)::int from people) as people,
              (select count(*)::int from credentials) as keys, (select count(*)::int from invitations) as invitations,
              (select count(*)::int from audit_entries) as audit, (select count(*)::int from authentication_events) as events,
              (select count(*)::int from tenants) as tenants`,
    );
    return row;
  };

  it("is that it is there; with a reason all of it, and the reason stays", { timeout: 30_000 }, async () => {
    const operators = [(await person(platform, "operator")).secret, platform.apiKey];
    const target = tenantUuid(customer);
    for (const secret of operators) {
      const closed = await enteredTransaction(database, secret, target, look);
      expect(closed).toEqual({
        ...{ tenant: null, target, tenants: 1 },
        ...{ members: 0, people: 0, keys: 0, invitations: 0, audit: 0, events: 0 },
      });
      const opened = await appTransaction(database, async (query) => {
        await query("select ebb.enter($1, $2, 'ticket 4711')", [await hashOf(secret), target]);
        return await look(query);
      });
      expect(opened).toMatchObject({ tenant: target, target, members: 6, people: 6, audit: 1 });
    }
  });
});

describe("a refusal", () => {
  const note = async (secret: string, reason: string, place: string | null = "AT") =>
    await database
      .as("app")
      .query("select ebb.note_refusal($1, $2, $3, $4)", [
        await hashOf(secret),
        reason,
        place,
        newId("request", Date.now()),
      ]);
  const events = async (tenant: TestTenant) =>
    await database
      .as("owner")
      .query(
        "select reason, place, event, outcome, actor_kind, person_id, extract(epoch from recorded_at)::float8 * 1000 as at from authentication_events where tenant_id = $1 order by id",
        [tenantUuid(tenant)],
      );

  it("is one event per actor, reason and hour, at the hour, however often it is noted", {
    timeout: 30_000,
  }, async () => {
    const tenant = await database.tenant();
    const hour = Date.UTC(2026, 10, 21, 10);
    await database.stopClock(hour + 59 * 60_000);
    const member = await person(tenant, "member");
    await Promise.all(Array.from({ length: 8 }, () => note(tenant.apiKey, "key-expired")));
    await note(tenant.apiKey, "forbidden", "XX");
    await note(member.secret, "cross-site", "<script>");
    await database.stopClock(hour + 60 * 60_000);
    await note(tenant.apiKey, "key-expired");
    const common = { event: "request", outcome: "refused" };
    const of = { actor_kind: "api-key", person_id: null };
    const id = uuidFromId("person", member.id);
    const found = await events(tenant);
    expect(found).toHaveLength(4);
    expect(found).toEqual(
      expect.arrayContaining([
        { ...common, ...of, reason: "key-expired", place: "AT", at: hour },
        { ...common, ...of, reason: "forbidden", place: null, at: hour },
        { ...common, reason: "cross-site", place: null, at: hour, actor_kind: "person", person_id: id },
        { ...common, ...of, reason: "key-expired", place: "AT", at: hour + 3_600_000 },
      ]),
    );
    // They sort by their ids as they were.
    expect(found.at(-1)).toMatchObject({ at: hour + 3_600_000 });
  });

  it("is found for a credential that has ended, and never for a hash or a reason of nobody's", {
    timeout: 30_000,
  }, async () => {
    const tenant = await database.tenant();
    const count = async () => (await database.as("owner").query("select from authentication_events")).length;
    const before = await count();
    await note("ebb_unknown", "key-expired");
    await note(tenant.registrationKey, "forbidden");
    for (const reason of ["unauthenticated", "", "a text of the caller's", "internal"])
      await note(tenant.apiKey, reason);
    expect(await count()).toBe(before);
    await database
      .as("owner")
      .query("update credentials set revoked_at = now(), valid_until = now() where tenant_id = $1", [
        tenantUuid(tenant),
      ]);
    await note(tenant.apiKey, "key-revoked");
    expect(await events(tenant)).toMatchObject([{ reason: "key-revoked" }]);
  });
});

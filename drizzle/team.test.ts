import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { hashSecret } from "../src/access/secret.ts";
import { toHex } from "../src/core/bytes.ts";
import { uuidFromId } from "../src/core/id.ts";
import type { Role } from "../src/core/permission.ts";
import { appTransaction, enteredTransaction, type Query } from "../src/testing/app-session.ts";
import { signInOn, type TestSignIn } from "../src/testing/member-sign-ins.ts";
import { personIn, type TestPerson } from "../src/testing/people.ts";
import { untilSomebodyWaits } from "../src/testing/purging.ts";
import { hashOf, refusal, type ScratchDatabase, scratchDatabase } from "../src/testing/scratch-database.ts";
import type { TestTenant } from "../src/testing/world.ts";
import { newVoucherCode, normaliseVoucherCode } from "../src/vouchers/code.ts";

/** Seats, vouchers, workspaces and generations as `ebb_app` and `ebb_jobs` may ask for them past every verb. */

let database: ScratchDatabase;
let platform: TestTenant;
beforeAll(async () => {
  database = await scratchDatabase();
  platform = await database.tenant({ kind: "platform" });
});
afterAll(() => database.drop());
afterEach(() => database.stopClock(null));

const uuid = ({ id }: Pick<TestTenant, "id">) => uuidFromId("tenant", id);
const memberUuid = ({ memberId }: TestPerson) => uuidFromId("membership", memberId);
const personUuid = ({ id }: TestPerson) => uuidFromId("person", id);
const owner = (text: string, params: unknown[] = []) => database.as("owner").query(text, params);
const person = (tenant: TestTenant, role: Role) => personIn(tenant, role, {}, database.owner);
const direct = (plan: "free" | "team" | "enterprise" = "free") => database.tenant({ parent: platform, plan });
const as = <T>(secret: string, tenant: TestTenant | null, fn: (query: Query) => Promise<T>) =>
  enteredTransaction(database, secret, tenant === null ? null : uuid(tenant), fn);
const setSeats = (tenant: TestTenant, seats: number | null) =>
  owner("update subscriptions set seats = $2 where tenant_id = $1 and status = 'active'", [uuid(tenant), seats]);
const hash = async () => `\\x${toHex(await hashSecret(crypto.randomUUID()))}`;

/** A voucher as the platform has made it; its hash. */
async function voucher(values: Record<string, unknown> = {}): Promise<string> {
  const codeHash = `\\x${toHex(await hashSecret(normaliseVoucherCode(newVoucherCode()) as string))}`;
  const row = {
    id: crypto.randomUUID(),
    tenant_id: uuid(platform),
    code_hash: codeHash,
    name: "v",
    plan: "team",
    created_at: "2026-01-01",
    valid_until: "2040-01-01",
    ...values,
  };
  const columns = Object.keys(row);
  const places = columns.map((_, at) => `$${at + 1}`).join(", ");
  await owner(`insert into vouchers (${columns.join(", ")}) values (${places})`, Object.values(row));
  return codeHash;
}
const CLAIM = "select plan, seats, ends_at::text as ends_at from ebb.claim_voucher($1, $2)";
const claim = (query: Query, codeHash: string) => query(CLAIM, [codeHash, crypto.randomUUID()]);

it("what is for functions alone nobody calls, and what is for one role no other", async () => {
  const id = crypto.randomUUID();
  const internal: [string, unknown[]][] = [
    ["select ebb.raise_generation($1, $2)", [id, [id]]],
    ["select ebb.post_revoked($1, 'key', 'x', 'key-revoked', now())", [id]],
    ["select ebb.post_revoked_hash($1, '\\x00', now())", [id]],
    ["select ebb.end_families($1)", [[id]]],
    ["select ebb.end_sign_ins_of($1, $1)", [id]],
    ["select ebb.end_sign_ins_by($1)", [id]],
    ["select ebb.redeem_voucher($1, '\\x00', $1)", [id]],
    ["select ebb.put_on_plan($1, $1, 'enterprise', null, null)", [id]],
    ["select ebb.tell_tenants($1)", [id]],
    ["select ebb.seats_of($1)", [id]],
    ["select ebb.lock_members_of($1)", [id]],
  ];
  for (const [text, params] of internal) {
    for (const role of ["app", "jobs", "ingest", "purge"] as const) {
      expect([text, role, await refusal(database.as(role).query(text, params))]).toEqual([text, role, "42501"]);
    }
  }
  for (const role of ["app", "ingest", "purge"] as const) {
    expect(await refusal(database.as(role).query("select ebb.end_due_subscriptions(1)"))).toBe("42501");
  }
  expect(await refusal(database.as("jobs").query("select ebb.end_due_subscriptions(1)"))).toBeNull();
});

it("without a tenant entered nothing is done, and seats are nobody's", async () => {
  const id = crypto.randomUUID();
  await appTransaction(database, async (query) => {
    expect(await query("select * from ebb.seats()")).toEqual([]);
    for (const [text, params, state] of [
      ["select ebb.set_seat($1, true)", [id], "EB404"],
      ["select ebb.remove_workspace($1)", [id], "EB404"],
      [CLAIM, ["\\x00", id], "EB405"],
      ["select ebb.invite($1, 'a@b.test', 'member', '\\x00', true)", [id], "EB404"],
      ["select ebb.change_plan($1, 'team', 3)", [id], "EB405"],
    ] as const) {
      await query("savepoint before");
      expect([text, await refusal(query(text, [...params]))]).toEqual([text, state]);
      await query("rollback to savepoint before");
    }
  });
});

describe("seats", () => {
  it("are given and taken by who manages people there, and by nobody else", async () => {
    const [tenant, beside] = [await direct("team"), await direct("team")];
    const [admin, member, other] = [
      await person(tenant, "admin"),
      await person(tenant, "member"),
      await person(beside, "admin"),
    ];
    const take = (by: TestPerson) =>
      as(by.secret, null, (query) => refusal(query("select ebb.set_seat($1, false)", [memberUuid(member)])));
    expect([await take(member), await take(other), await take(admin)]).toEqual(["EB405", "EB404", null]);
    await as(admin.secret, null, async (query) => {
      expect(await query("select * from ebb.set_seat($1, false)", [memberUuid(member)])).toEqual([
        { person_id: personUuid(member), previous: true },
      ]);
      expect(await query("select * from ebb.seats()")).toEqual([{ seats: null, used: 1 }]);
    });
  });

  it("are counted of who is there: neither removed nor expired members, nor invitations that have ended", async () => {
    const tenant = await direct("team");
    await setSeats(tenant, 3);
    const [admin, gone] = [await person(tenant, "admin"), await person(tenant, "member")];
    const used = () => as(admin.secret, null, async (query) => (await query("select * from ebb.seats()"))[0]);
    expect(await used()).toEqual({ seats: 3, used: 2 });
    await owner("update memberships set removed_at = now() where id = $1", [memberUuid(gone)]);
    const invitation = async (ends: Record<string, string>) => {
      const row = { valid_until: "2040-01-01", ...ends };
      await owner(
        `insert into invitations (id, tenant_id, email, role, secret_hash, created_at, ${Object.keys(row).join(", ")})
         values (gen_random_uuid(), $1, 'a@b.test', 'member', $2, now(), ${Object.keys(row).map((_, at) => `$${at + 3}`)})`,
        [uuid(tenant), await hash(), ...Object.values(row)],
      );
    };
    await invitation({});
    await invitation({ valid_until: new Date(Date.now() - 1_000).toISOString() });
    await invitation({ accepted_at: new Date().toISOString() });
    await invitation({ revoked_at: new Date().toISOString() });
    expect(await used()).toEqual({ seats: 3, used: 2 });
  });

  it("of two who reach for the last at once the later waits, and gets none", async () => {
    const tenant = await direct("team");
    await setSeats(tenant, 3);
    const [one, two] = [await person(tenant, "admin"), await person(tenant, "admin")];
    const invite = async (query: Query, email: string) =>
      await query("select * from ebb.invite($1, $2, 'member', $3, true)", [crypto.randomUUID(), email, await hash()]);
    await as(one.secret, null, async (first) => {
      await invite(first, "one@x.test");
      const second = as(two.secret, null, (query) => refusal(invite(query, "two@x.test")));
      await untilSomebodyWaits(database, "advisory");
      await first("commit");
      expect(await second).toBe("EB430");
    });
  });

  it("are what the version before asked for too: one for each, as far as there are any", async () => {
    const tenant = await direct("team");
    await setSeats(tenant, 2);
    const admin = await person(tenant, "admin");
    const invite = async (query: Query, email: string) =>
      await query("select * from ebb.invite($1, $2, 'member', $3)", [crypto.randomUUID(), email, await hash()]);
    await as(admin.secret, null, async (query) => {
      expect(await invite(query, "a@x.test")).toMatchObject([{ withdrawn: null }]);
      expect(await refusal(invite(query, "b@x.test"))).toBe("EB430");
    });
    await as(platform.apiKey, tenant, async (query) => {
      expect(await query("select ebb.change_plan($1, 'enterprise') as before", [crypto.randomUUID()])).toEqual([
        { before: "team" },
      ]);
      expect(await query("select * from ebb.seats()")).toMatchObject([{ seats: null }]);
    });
  });
});

describe("vouchers", () => {
  it("of the platform alone put a tenant on a plan: a row that another tenant has written does nothing", async () => {
    const [tenant, forger] = [await direct(), await direct()];
    const forged = await voucher({ tenant_id: uuid(forger), plan: "enterprise" });
    const genuine = await voucher();
    await as(tenant.apiKey, null, async (query) => {
      await query("savepoint before");
      expect(await refusal(claim(query, forged))).toBe("EB431");
      await query("rollback to savepoint before");
      expect(await claim(query, genuine)).toEqual([{ plan: "team", seats: null, ends_at: null }]);
    });
    await as(forger.apiKey, null, async (query) => expect(await refusal(claim(query, forged))).toBe("EB431"));
  });

  it("are claimed by owners and admins, of the tenant entered", async () => {
    const tenant = await direct();
    const code = await voucher();
    const by = async (role: Role) =>
      await as((await person(tenant, role)).secret, null, (query) => refusal(claim(query, code)));
    expect([await by("member"), await by("admin"), await by("owner")]).toEqual(["EB405", null, null]);
    // An operator of the platform opens the tenant and may not spend for it.
    const operator = await person(platform, "operator");
    await appTransaction(database, async (query) => {
      await query("select ebb.enter($1, $2, 'a ticket', 'req')", [await hashOf(operator.secret), uuid(tenant)]);
      expect(await refusal(claim(query, code))).toBe("EB405");
    });
  });

  it.each([
    ["2027-01-31T10:00:00.000Z", 1, "2027-02-28 10:00:00+00"],
    ["2028-01-31T10:00:00.000Z", 1, "2028-02-29 10:00:00+00"],
    ["2027-03-31T23:59:59.999Z", 12, "2028-03-31 23:59:59.999+00"],
    ["2028-02-29T00:00:00.000Z", 12, "2029-02-28 00:00:00+00"],
    ["2027-08-31T12:00:00.000Z", 6, "2028-02-29 12:00:00+00"],
  ])("claimed at %s for %i months end at %s", async (at, months, ends) => {
    const tenant = await direct();
    const code = await voucher({ months, seats: 2 });
    await database.stopClock(at);
    await as(tenant.apiKey, null, async (query) => {
      await query("set local time zone 'Pacific/Kiritimati'");
      const [claimed] = await query(
        "select (ends_at at time zone 'UTC')::text || '+00' as ends_at, seats from ebb.claim_voucher($1, $2)",
        [code, crypto.randomUUID()],
      );
      expect(claimed).toEqual({ ends_at: ends, seats: 2 });
    });
  });

  it("are good until their end, to the microsecond", async () => {
    const tenant = await direct();
    const code = await voucher({ valid_until: "2031-05-01T00:00:00Z" });
    const at = async (instant: string) => {
      await database.stopClock(instant);
      return await as(tenant.apiKey, null, (query) => refusal(claim(query, code)));
    };
    expect(await at("2031-05-01T00:00:00Z")).toBe("EB431");
    expect(await at("2031-04-30T23:59:59.999999Z")).toBeNull();
  });
});

describe("a subscription that is to end", () => {
  const running = async (tenant: TestTenant) =>
    (
      await owner("select plan, seats, ends_at from subscriptions where tenant_id = $1 and status = 'active'", [
        uuid(tenant),
      ])
    ).map((row) => row["plan"]);
  const ended = async () =>
    (await database.as("jobs").query("select tenant from ebb.end_due_subscriptions(100)")).map((row) => row["tenant"]);

  /** Of a claimed voucher, brought forward: entries of the audit have a place only for the next two weeks. */
  async function endingAt(instant: string): Promise<TestTenant> {
    const tenant = await direct();
    const code = await voucher({ plan: "enterprise", months: 1 });
    await as(tenant.apiKey, null, async (query) => {
      await claim(query, code);
      await query("commit");
    });
    await owner("update subscriptions set ends_at = $2 where tenant_id = $1 and status = 'active'", [
      uuid(tenant),
      instant,
    ]);
    return tenant;
  }
  const inAnHour = () => new Date(Date.now() + 3_600_000).toISOString();

  it("does so at its instant and not before, and what only it allowed ends too", async () => {
    const instant = inAnHour();
    const tenant = await endingAt(instant);
    await owner(
      "insert into retention_windows (id, tenant_id, retention_class, months, set_at, effective_at) values (gen_random_uuid(), $1, 'tool-execution-logs', 24, now(), now())",
      [uuid(tenant)],
    );
    await database.stopClock(new Date(Date.parse(instant) - 1).toISOString().replace("Z", "999Z"));
    expect([await ended(), await running(tenant)]).toEqual([[], ["enterprise"]]);
    await database.stopClock(instant);
    expect([await ended(), await running(tenant), await ended()]).toEqual([[uuid(tenant)], ["free"], []]);
    const windows = await owner(
      "select months, superseded_at is not null as superseded from retention_windows where tenant_id = $1 order by set_at",
      [uuid(tenant)],
    );
    expect(windows).toEqual([
      { months: 24, superseded: true },
      { months: 12, superseded: false },
    ]);
    const [row] = await owner("select subscription_ended_at, updated_at from tenants where id = $1", [uuid(tenant)]);
    expect(row).toEqual({ subscription_ended_at: null, updated_at: null });
  });

  it("does not where somebody has put the tenant on a plan meanwhile, and waits for them", async () => {
    const instant = inAnHour();
    const tenant = await endingAt(instant);
    await database.stopClock(instant);
    await as(platform.apiKey, tenant, async (query) => {
      await query("select ebb.change_plan($1, 'team', null)", [crypto.randomUUID()]);
      const job = ended();
      await untilSomebodyWaits(database, "advisory");
      await query("commit");
      expect(await job).toEqual([]);
    });
    expect([await ended(), await running(tenant)]).toEqual([[], ["team"]]);
  });
});

describe("sign-ins on instances", () => {
  const signIn = (tenant: TestTenant, who: TestPerson, scope?: string) =>
    signInOn({ tenant, person: who, ...(scope !== undefined && { scope }) }, database.owner);
  const asked = ({ familyId }: TestSignIn, who: TestPerson, tenant: TestTenant) => [
    uuidFromId("tokenFamily", familyId),
    personUuid(who),
    uuid(tenant),
  ];
  const personOf = (params: unknown[]) =>
    database.as("app").query("select email, role from ebb.person_of_sign_in($1, $2, $3)", params);

  it("lead to their person, while they live, the person belongs there and the tenant is active", async () => {
    const [tenant, beside] = [await direct("team"), await direct("team")];
    const [member, other] = [await person(tenant, "member"), await person(tenant, "admin")];
    const own = await signIn(tenant, member);
    const params = asked(own, member, tenant);
    const found = [{ email: member.email, role: "member" }];
    expect(await personOf(params)).toEqual(found);
    expect(await personOf(asked(own, other, tenant))).toEqual([]);
    expect(await personOf(asked(own, member, beside))).toEqual([]);
    expect(await personOf(asked(await signIn(tenant, other), member, tenant))).toEqual([]);
    await owner("update tenants set status = 'suspended' where id = $1", [uuid(tenant)]);
    expect(await refusal(personOf(params))).toBe("EB403");
    // Whether a tenant is suspended nobody learns without a sign-in there.
    expect(await personOf(asked(own, other, tenant))).toEqual([]);
    await owner("update tenants set status = 'active' where id = $1", [uuid(tenant)]);
    expect(await personOf(params)).toEqual(found);
    await owner("update memberships set removed_at = now() where id = $1", [memberUuid(member)]);
    expect(await personOf(params)).toEqual([]);
  });

  it("claim a voucher only with the scope, a role that may, and while they live", async () => {
    const tenant = await direct();
    const [admin, member] = [await person(tenant, "admin"), await person(tenant, "member")];
    const scope = "profile:read billing:write";
    const code = await voucher();
    const claimBy = (params: unknown[], codeHash = code) =>
      database
        .as("app")
        .query("select ebb.claim_voucher_of_sign_in($1, $2, $3, $4, 'req') as gate", [...params, codeHash]);
    const good = await signIn(tenant, admin, scope);
    const wrong = [
      [asked(await signIn(tenant, admin), admin, tenant), "EB405"],
      [asked(await signIn(tenant, member, scope), member, tenant), "EB405"],
      [asked(good, member, tenant), "EB434"],
      [asked(good, admin, await direct()), "EB434"],
    ] as const;
    for (const [params, state] of wrong) expect(await refusal(claimBy([...params]))).toBe(state);
    expect(await refusal(claimBy(asked(good, admin, tenant), await hash()))).toBe("EB431");
    expect(await owner("select claimed_at from vouchers where code_hash = $1", [code])).toEqual([{ claimed_at: null }]);
    expect(await claimBy(asked(good, admin, tenant))).toEqual([{ gate: tenant.gateId }]);
  });

  it("a change raises one number for all workspaces of the tenant, past every one that it has had", async () => {
    const tenant = await direct("team");
    const [admin, member] = [await person(tenant, "owner"), await person(tenant, "member")];
    await owner(
      `insert into workspaces (id, tenant_id, name, generation, created_at, removed_at)
       values (gen_random_uuid(), $1, 'low', 2, now(), null), (gen_random_uuid(), $1, 'gone', 9, now(), now())`,
      [uuid(tenant)],
    );
    await as(admin.secret, null, async (query) => {
      await query("select ebb.change_role($1, 'admin')", [memberUuid(member)]);
      await query("commit");
    });
    const rows = await owner("select generation from workspaces where tenant_id = $1 and removed_at is null", [
      uuid(tenant),
    ]);
    expect(rows).toEqual([{ generation: 10 }, { generation: 10 }]);
  });

  it("end once: one that has ended keeps its instant, and no gate hears of it again", async () => {
    const tenant = await direct("team");
    const member = await person(tenant, "member");
    const { familyId } = await signIn(tenant, member);
    const id = uuidFromId("tokenFamily", familyId);
    await owner("update token_families set ended_at = '2026-01-01' where id = $1", [id]);
    const first = await person(tenant, "owner");
    await as(first.secret, null, async (query) => {
      await query("select ebb.remove_member($1)", [memberUuid(member)]);
      await query("commit");
    });
    expect(await owner("select ended_at = '2026-01-01' as kept from token_families where id = $1", [id])).toEqual([
      { kept: true },
    ]);
    expect(
      await owner("select from outbox where tenant_id = $1 and message->'subject'->>'kind' = 'session'", [
        uuid(tenant),
      ]),
    ).toEqual([]);
  });
});

it("a tenant that moves away ends the sign-ins of those who were somebody there by its former reseller alone", async () => {
  const [from, to] = [
    await database.tenant({ kind: "reseller", parent: platform }),
    await database.tenant({ kind: "reseller", parent: platform }),
  ];
  const client = await database.tenant({ kind: "client", parent: from });
  const [above, own] = [await person(from, "admin"), await person(client, "admin")];
  const [ended, kept] = [
    await signInOn({ tenant: client, person: above }, database.owner),
    await signInOn({ tenant: client, person: own }, database.owner),
  ];
  await as(platform.apiKey, client, async (query) => {
    await query("select ebb.move_tenant($1)", [uuid(to)]);
    await query("commit");
  });
  const live = await owner("select id from token_families where tenant_id = $1 and ended_at is null", [uuid(client)]);
  expect(live).toEqual([{ id: uuidFromId("tokenFamily", kept.familyId) }]);
  expect(ended.familyId).not.toBe(kept.familyId);
});

describe("workspaces", () => {
  it("are removed by function alone, by who may, and nothing comes into one that was", async () => {
    const tenant = await direct("team");
    const [admin, member] = [await person(tenant, "admin"), await person(tenant, "member")];
    const workspace = crypto.randomUUID();
    await owner("insert into workspaces (id, tenant_id, name, generation, created_at) values ($1, $2, 'w', 0, now())", [
      workspace,
      uuid(tenant),
    ]);
    const remove = (by: TestPerson) =>
      as(by.secret, null, (query) => refusal(query("select ebb.remove_workspace($1)", [workspace])));
    expect([await remove(member), await remove(admin)]).toEqual(["EB405", null]);
    await as(admin.secret, null, async (query) =>
      expect(await refusal(query("update workspaces set removed_at = now() where id = $1", [workspace]))).toBe("42501"),
    );
    const instance = (query: Query) =>
      query(
        `insert into instances (id, tenant_id, workspace_id, client_id, scope, grant_types, registered_at)
         values (gen_random_uuid(), $1, $2, gen_random_uuid()::text, '', '{}', now())`,
        [uuid(tenant), workspace],
      );
    // Whoever registers first has the removal wait, and fail.
    await as(admin.secret, null, async (first) => {
      await instance(first);
      const removal = remove(admin);
      await untilSomebodyWaits(database, "transactionid");
      await first("commit");
      expect(await removal).toBe("EB433");
    });
    await owner("delete from instances where workspace_id = $1", [workspace]);
    await as(admin.secret, null, async (first) => {
      await first("select ebb.remove_workspace($1)", [workspace]);
      const late = as(admin.secret, null, (query) => refusal(instance(query)));
      await untilSomebodyWaits(database, "transactionid");
      await first("commit");
      expect(await late).toBe("EB404");
    });
    const key = (query: Query) =>
      query(
        `insert into registration_keys (id, tenant_id, workspace_id, name, secret_hash, reusable, uses, created_at)
         values (gen_random_uuid(), $1, $2, 'k', sha256($3), true, 0, now())`,
        [uuid(tenant), workspace, crypto.randomUUID()],
      );
    expect(await as(admin.secret, null, (query) => refusal(key(query)))).toBe("EB404");
  });
});

import { afterAll, beforeAll, expect, test } from "vitest";
import { newSecret } from "../src/access/secret.ts";
import { DAY_MS } from "../src/core/clock.ts";
import { newId, uuidFromId } from "../src/core/id.ts";
import type { Role } from "../src/core/permission.ts";
import { appTransaction } from "../src/testing/app-session.ts";
import { alsoIn, personIn, type TestPerson } from "../src/testing/people.ts";
import { hashOf, refusal, type ScratchDatabase, scratchDatabase } from "../src/testing/scratch-database.ts";
import type { TestTenant } from "../src/testing/world.ts";

/** Who is who in person, who joins by whose word, and who is not taken up again: decided by the database. */

let database: ScratchDatabase;
let platform: TestTenant;
let reseller: TestTenant;
let client: TestTenant;

beforeAll(async () => {
  database = await scratchDatabase();
  platform = await database.tenant({ kind: "platform" });
  reseller = await database.tenant({ kind: "reseller", parent: platform });
  client = await database.tenant({ kind: "client", parent: reseller });
});
afterAll(() => database.drop());

const uuid = (tenant: TestTenant) => uuidFromId("tenant", tenant.id);
const person = (tenant: TestTenant, role: Role) => personIn(tenant, role, {}, database.owner);
const rows = async (text: string, params: unknown[] = []) => await database.as("owner").query(text, params);

async function credential(kind: string, of: TestPerson, tenant: TestTenant, more: Record<string, string | null> = {}) {
  const secret = newSecret();
  await rows(
    `insert into credentials (id, tenant_id, kind, name, secret_hash, permissions, person_id, created_at, valid_until, revoked_at)
     values (gen_random_uuid(), $1, $2, 'c', $3, '{members:read}', $4, now() - interval '1 day', $5, $6)`,
    [
      uuid(tenant),
      kind,
      await hashOf(secret),
      uuidFromId("person", of.id),
      more["valid_until"] ?? null,
      more["revoked_at"] ?? null,
    ],
  );
  return secret;
}

test("only a session is somebody in person: no token, wherever it is from, however wide, suspended or not", async () => {
  const somebody = await person(client, "owner");
  await alsoIn(somebody.id, reseller, "member", database.owner);
  const yesterday = new Date(Date.now() - DAY_MS / 2).toISOString();
  const token = await credential("personal-access-token", somebody, client);
  const cases: [string, string | null][] = [
    [somebody.secret, null],
    [token, "EB405"],
    [await credential("api-key", somebody, client), "EB404"],
    [await credential("personal-access-token", somebody, client, { revoked_at: yesterday }), "EB411"],
    [await credential("personal-access-token", somebody, client, { valid_until: yesterday }), "EB410"],
    [newSecret(), "EB401"],
  ];
  // Something to be told.
  await database
    .as("superuser")
    .query("select ebb.record_event('sign-in', 'succeeded', null, 'person', $1, $1, null, null, '')", [
      uuidFromId("person", somebody.id),
    ]);
  const asked = [
    "own_person($1)",
    "own_sessions($1)",
    "own_tenants($1)",
    "own_events($1, null, 10)",
    "accept_invitation($1, '\\x00', '')",
    "end_own_sessions($1, gen_random_uuid(), null, '')",
  ];
  const app = database.as("app");
  for (const [secret, refused] of cases) {
    for (const call of asked) {
      const found = await refusal(app.query(`select * from ebb.${call}`, [await hashOf(secret)]));
      // The last two find nothing to accept or to end.
      const expected = refused ?? (/accept|end/.test(call) ? "EB404" : null);
      expect([call, refused, found]).toEqual([call, refused, expected]);
    }
  }
});

/** Invited by somebody, to be accepted by somebody else. */
async function invitation(by: TestPerson | null, tenant: TestTenant, role: Role) {
  const guest = await person(await database.tenant(), "owner");
  const token = newSecret();
  const id = newId("invitation", Date.now());
  await rows(
    `insert into invitations (id, tenant_id, email, role, secret_hash, invited_by, created_at, valid_until)
     values ($1, $2, $3, $4, $5, $6, now(), now() + interval '7 days')`,
    [
      uuidFromId("invitation", id),
      uuid(tenant),
      guest.email,
      role,
      await hashOf(token),
      by === null ? null : uuidFromId("person", by.id),
    ],
  );
  const params = [await hashOf(guest.secret), await hashOf(token)];
  return { params, accept: () => database.as("app").query("select * from ebb.accept_invitation($1, $2, '')", params) };
}

test("an invitation gives what its inviter may still give when it is accepted, and no more", {
  timeout: 20_000,
}, async () => {
  const cases: [who: string, at: TestTenant, now: Role | null, wanted: Role, joins: boolean][] = [
    ["owner", client, "owner", "owner", true],
    ["owner made admin", client, "admin", "owner", false],
    ["owner made admin", client, "admin", "admin", true],
    ["admin", client, "admin", "member", true],
    ["admin made member", client, "member", "member", false],
    ["gone", client, null, "member", false],
    ["reseller's owner", reseller, "owner", "owner", true],
    ["reseller's admin", reseller, "admin", "admin", true],
    ["reseller's admin", reseller, "admin", "owner", false],
    ["reseller's, gone", reseller, null, "admin", false],
    ["platform's owner", platform, "owner", "member", false],
  ];
  for (const [who, at, now, wanted, joins] of cases) {
    const inviter = await person(at, "owner");
    const { accept } = await invitation(inviter, client, wanted);
    const member = uuidFromId("membership", inviter.memberId);
    if (now === null) await rows("update memberships set removed_at = now() where id = $1", [member]);
    else await rows("update memberships set role = $1 where id = $2", [now, member]);
    expect([who, wanted, await refusal(accept())]).toEqual([who, wanted, joins ? null : "EB417"]);
  }
  for (const [now, wanted, joins] of [
    ["owner", "operator", true],
    ["admin", "operator", false],
    ["operator", "operator", false],
    ["admin", "member", true],
    ["operator", "member", false],
  ] as const) {
    const inviter = await person(platform, now);
    const { accept } = await invitation(inviter, platform, wanted);
    expect([now, wanted, await refusal(accept())]).toEqual([now, wanted, joins ? null : "EB417"]);
  }
  // By a key that is nobody's: as it was given. Its gate is among those to be told; told again, there is nothing to tell.
  const { accept } = await invitation(null, client, "owner");
  expect(await accept()).toEqual([expect.objectContaining({ role: "owner", gates: [client.gateId] })]);
  expect(await accept()).toEqual([expect.objectContaining({ role: "owner", gates: [] })]);
});

test("an inviter who is being removed at this moment has no say any more", async () => {
  const [inviter, other] = [await person(client, "admin"), await person(client, "owner")];
  const { accept } = await invitation(inviter, client, "admin");
  const accepting = await database.session("app", async (removing) => {
    await removing.query("begin");
    await removing.query("select ebb.enter($1, null)", [await hashOf(other.secret)]);
    await removing.query("select ebb.remove_member($1)", [uuidFromId("membership", inviter.memberId)]);
    // Waits for the removal, which is not committed before it is seen to wait.
    const waiting = refusal(accept());
    let done = false;
    void waiting.then(() => {
      done = true;
    });
    for (let waits = false; !waits && !done; ) {
      const [found] = await database
        .as("superuser")
        .query("select count(*)::int as n from pg_locks where locktype = 'advisory' and not granted");
      waits = (found as { n: number }).n > 0;
    }
    await removing.query("commit");
    return await waiting;
  });
  expect(accepting).toBe("EB417");
});

async function signIn(subject: string) {
  const app = database.as("app");
  const [state, hash] = [crypto.randomUUID(), await hashOf(newSecret())];
  await app.query("select ebb.begin_sign_in($1, $2, 'local', 'https://id.example.test', 'n', '\\x00', '/')", [
    state,
    hash,
  ]);
  await app.query("select * from ebb.take_login_state($1)", [hash]);
  const found = await app.query("select * from ebb.sign_in($1, $2, 'a@b.test', true, 'A', $3, null, null, null, '')", [
    state,
    subject,
    await hashOf(newSecret()),
  ]);
  return { state, person: found[0]?.["person"] as string | undefined };
}

test("whoever has expired is not revived before the purge has come, and is somebody new after it", async () => {
  const subject = crypto.randomUUID();
  const { person: first } = await signIn(subject);
  const left = (days: number) =>
    rows("update people set removed_at = now() - make_interval(days => $1) where id = $2", [days, first]);
  await left(89);
  expect((await signIn(subject)).person).toBe(first);
  await left(91);
  const before = await rows("select * from people where subject = $1", [subject]);
  const refused = await signIn(subject);
  expect(refused.person).toBeUndefined();
  expect(await rows("select * from people where subject = $1", [subject])).toEqual(before);
  expect(await rows("select from sessions where id = $1", [refused.state])).toEqual([]);
  // It is told in the history, as a refusal of that sign-in.
  await database.as("app").query("select ebb.refuse_sign_in($1, 'person-expired', null, '')", [refused.state]);
  expect(
    await rows("select person_id from authentication_events where reason = 'person-expired' and outcome = 'refused'"),
  ).toEqual([{ person_id: null }]);

  await rows("delete from sessions where person_id = $1", [first]);
  await rows("delete from people where id = $1", [first]);
  const { person: anew } = await signIn(subject);
  expect([typeof anew, anew === first]).toEqual(["string", false]);
});

test("a removed provider takes the tokens of its people along, in the tenant that was opened and no other", async () => {
  const vouched = await personIn(client, "owner", { provider: client.id }, database.owner);
  const beside = await person(client, "owner");
  const provider = crypto.randomUUID();
  await rows(
    `insert into identity_providers (id, tenant_id, name, issuer, client_id, client_secret, created_at, removed_at)
     values ($1, $2, 'p', 'https://login.example.test', 'c', '\\x00', now(), now())`,
    [provider, uuid(client)],
  );
  const token = await credential("personal-access-token", vouched, client);
  const key = await credential("api-key", vouched, client);
  const others = await credential("personal-access-token", beside, client);
  const ending = "select * from ebb.end_provider_sessions($1)";
  const operator = await person(platform, "operator");
  const found = await appTransaction(database, async (query) => {
    // An operator who has only administered the tenant, and has not opened it.
    await query("select ebb.enter($1, $2)", [await hashOf(operator.secret), uuid(client)]);
    await query("savepoint before");
    const unopened = await refusal(query(ending, [provider]));
    await query("rollback to savepoint before");
    return unopened;
  });
  expect(found).toBe("EB404");
  await database.session("app", async (session) => {
    await session.query("begin");
    await session.query("select ebb.enter($1, $2)", [await hashOf(beside.secret), uuid(client)]);
    const { rows: ended } = await session.query(ending, [provider]);
    await session.query("commit");
    expect(ended).toEqual([{ ended: 1, revoked: 1, gates: [client.gateId] }]);
  });
  const state = async (secret: string) =>
    (
      await rows("select revoked_at is not null as revoked from credentials where secret_hash = $1", [
        await hashOf(secret),
      ])
    )[0];
  expect([await state(token), await state(key), await state(others)]).toEqual([
    { revoked: true },
    { revoked: false },
    { revoked: false },
  ]);
  const [posted] = await rows(
    "select message from outbox where message ->> 'kind' = 'revoked' and message -> 'subject' ->> 'id' = encode(sha256($1::bytea), 'hex')",
    [`\\x${[...new TextEncoder().encode(token)].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`],
  );
  expect(posted?.["message"]).toMatchObject({ reason: "key-revoked", issuedBeforeMs: null });
});

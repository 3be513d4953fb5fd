import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type Id, newId, uuidFromId } from "../src/core/id.ts";
import { PERMISSIONS, type Permission } from "../src/core/permission.ts";
import { enteredTransaction, type Query } from "../src/testing/app-session.ts";
import { personIn, type TestPerson } from "../src/testing/people.ts";
import { hashOf, refusal, type ScratchDatabase, scratchDatabase } from "../src/testing/scratch-database.ts";
import type { TestTenant } from "../src/testing/world.ts";

/** What the database itself refuses of granting tokens, whatever the Worker asks: as ebb_app. */

let database: ScratchDatabase;
let platform: TestTenant;
let tenant: TestTenant;
let elsewhere: TestTenant;
let member: TestPerson;
let stranger: TestPerson;

beforeAll(async () => {
  database = await scratchDatabase();
  platform = await database.tenant({ kind: "platform" });
  tenant = await database.tenant({ parent: platform });
  elsewhere = await database.tenant({ parent: platform });
  member = await personIn(tenant, "member", {}, database.owner);
  stranger = await personIn(elsewhere, "owner", {}, database.owner);
});
afterAll(() => database.drop());
afterEach(() => database.stopClock(null));

const ALL = "profile:read assistant offline";
const owner = (text: string, params: unknown[] = []) => database.as("owner").query(text, params);
const app = (text: string, params: unknown[] = []) => database.as("app").query(text, params);
const uuid = (of: TestTenant) => uuidFromId("tenant", of.id);
const workspace = (of: TestTenant) => uuidFromId("workspace", of.workspaceId);
const hash = () => hashOf(crypto.randomUUID());
const GRANTS = ["client_credentials", "urn:ietf:params:oauth:grant-type:device_code", "authorization_code"];

/** An instance of a tenant, as if it had registered with a key. */
async function instanceIn(of: TestTenant, authMethod = "client_secret_post"): Promise<{ id: string; client: string }> {
  const id = uuidFromId("instance", newId("instance", Date.now()));
  const client = `ebbc_${crypto.randomUUID()}`;
  await owner(
    `insert into instances (id, tenant_id, workspace_id, client_id, scope, grant_types, redirect_uris, token_endpoint_auth_method, registered_at)
     values ($1, $2, $3, $4, $5, $6, '{https://app.example/}', $7, now())`,
    [id, uuid(of), workspace(of), client, ALL, GRANTS, authMethod],
  );
  return { id, client };
}

/** A key or token of somebody's, by its secret. */
async function keyOf(
  of: TestTenant,
  person: TestPerson | null,
  kind: "api-key" | "personal-access-token",
  permissions: readonly Permission[] = PERMISSIONS,
  workspaceId: Id<"workspace"> | null = null,
): Promise<{ secret: string; id: string }> {
  const secret = crypto.randomUUID();
  const id = uuidFromId("credential", newId("credential", Date.now()));
  await owner(
    `insert into credentials (id, tenant_id, kind, name, secret_hash, permissions, person_id, workspace_id, created_at, valid_until)
     values ($1, $2, $3, 'k', $4, $5, $6, $7, now(), now() + interval '1 day')`,
    [
      id,
      uuid(of),
      kind,
      await hashOf(secret),
      permissions,
      person === null ? null : uuidFromId("person", person.id),
      workspaceId === null ? null : uuidFromId("workspace", workspaceId),
    ],
  );
  return { secret, id };
}

/** A device's request; `agoS` seconds old. Its device code is its id. */
async function deviceOf(client: string, scope = ALL, agoS = 0, userHash: string | null = null): Promise<string> {
  const id = uuidFromId("deviceCode", newId("deviceCode", Date.now()));
  await app("select ebb.begin_device($1, $2, $3, $4, $5, ebb.clock() - make_interval(secs => $6))", [
    id,
    await hashOf(id),
    userHash ?? (await hash()),
    client,
    scope,
    agoS,
  ]);
  return id;
}

/** A transaction of whoever has this secret that commits. */
const as = <T>(secret: string, fn: (query: Query) => Promise<T>, target: TestTenant | null = null) =>
  enteredTransaction(database, secret, target === null ? null : uuid(target), async (query) => {
    const result = await fn(query);
    await query("commit");
    return result;
  });
const approves = (secret: string, request: string, granted = ALL, target: TestTenant | null = null) =>
  refusal(as(secret, (query) => query("select ebb.approve_device($1, $2)", [request, granted]), target));
const redeems = async (request: string, client: string, family: string = crypto.randomUUID()) =>
  await refusal(
    app("select * from ebb.redeem_device($1, $2, $3, $4, $5, 'AT', 'req')", [
      await hashOf(request),
      client,
      family,
      crypto.randomUUID(),
      await hash(),
    ]),
  );
const denies = async (secret: string, request: string) =>
  await refusal(app("select ebb.deny_device($1, $2, 'AT', 'req')", [await hashOf(secret), request]));
const stateOf = async (request: string) =>
  (
    await owner(
      `select approved_at is not null as approved, denied_at is not null as denied, used_at is not null as used, granted_scope
         from device_codes where id = $1`,
      [request],
    )
  )[0];
const UNTOUCHED = { approved: false, denied: false, used: false, granted_scope: null };

/** A sign-in on an instance of the tenant, with its first refresh token. */
async function signIn(secret = member.secret, of = tenant) {
  const instance = await instanceIn(of);
  const request = await deviceOf(instance.client);
  expect(await approves(secret, request)).toBeNull();
  const family = crypto.randomUUID();
  const refresh = crypto.randomUUID();
  await app("select * from ebb.redeem_device($1, $2, $3, $4, $5, null, 'req')", [
    await hashOf(request),
    instance.client,
    family,
    refresh,
    await hash(),
  ]);
  return { instance, family, refresh };
}
const subjectOf = (family: string) =>
  refusal(database.as("superuser").query("select * from ebb.subject_of($1)", [family]));
const rotates = async (token: string, voids: string | null = null, successor: string = crypto.randomUUID()) =>
  await refusal(
    app("select * from ebb.rotate_refresh($1, $2, $3, $4, ebb.clock())", [token, voids, successor, await hash()]),
  );

describe("a device's request", () => {
  it("is approved by who entered in person, once, within ten minutes, and with no more than asked and held", async () => {
    const { client } = await instanceIn(tenant);
    const foreign = await deviceOf((await instanceIn(elsewhere)).client);
    const request = await deviceOf(client, "profile:read assistant");
    // Without having entered there is nobody who approves.
    expect(await refusal(app("select ebb.approve_device($1, $2)", [request, "profile:read"]))).toBe("EB405");
    const apiKey = await keyOf(tenant, null, "api-key");
    const someones = await keyOf(tenant, member, "api-key");
    const blunt = await keyOf(tenant, member, "personal-access-token", ["profile:read", "assistant:use"]);
    const narrow = await keyOf(tenant, member, "personal-access-token", ["device:approve", "profile:read"]);
    const bound = await keyOf(tenant, member, "personal-access-token", PERMISSIONS, newId("workspace", Date.now()));
    const operator = await personIn(platform, "operator", {}, database.owner);
    const table: [why: string, secret: string, request: string, granted: string | null, expected: string][] = [
      ["an API key", apiKey.secret, request, "profile:read", "EB405"],
      ["somebody's API key", someones.secret, request, "profile:read", "EB405"],
      ["a token without it", blunt.secret, request, "profile:read", "EB405"],
      ["a token bound elsewhere", bound.secret, request, "profile:read", "EB405"],
      ["more than asked", member.secret, request, "profile:read offline", "EB405"],
      ["more than held", narrow.secret, request, "profile:read assistant", "EB405"],
      ["no scope of ours", member.secret, request, "profile:read keys:write", "EB405"],
      ["null", member.secret, request, null, "EB405"],
      ["nothing", member.secret, request, "", "EB405"],
      ["all but what is needed", member.secret, request, "assistant", "EB405"],
      ["two spaces", member.secret, request, "profile:read  assistant", "EB405"],
      ["another tenant's person", stranger.secret, request, "profile:read", "EB404"],
      ["another tenant's instance", member.secret, foreign, "profile:read", "EB404"],
      ["none that is", member.secret, crypto.randomUUID(), "profile:read", "EB404"],
      ["an expired one", member.secret, await deviceOf(client, ALL, 601), "profile:read", "EB404"],
      ["of nobody's client", member.secret, await deviceOf("ebbc_nobody"), "profile:read", "EB404"],
    ];
    for (const [why, secret, of, granted, expected] of table) {
      expect([why, await approves(secret, of, granted as string)]).toEqual([why, expected]);
    }
    expect(await approves(operator.secret, request, "profile:read", tenant)).toBe("EB405");
    expect(await stateOf(request)).toEqual(UNTOUCHED);
    expect(await approves(narrow.secret, request, "profile:read")).toBeNull();
    expect(await stateOf(request)).toEqual({ ...UNTOUCHED, approved: true, granted_scope: "profile:read" });
    expect(await approves(member.secret, request, "profile:read")).toBe("EB408");
    expect(await denies(member.secret, request)).toBe("EB408");
    const almost = await deviceOf(client, ALL, 590);
    expect(await approves(member.secret, almost)).toBeNull();
  });

  it("is denied by who may approve it, of an unclaimed client by anybody; and then stays denied", async () => {
    const { client } = await instanceIn(tenant);
    const request = await deviceOf(client);
    const operator = await personIn(platform, "operator", {}, database.owner);
    const apiKey = await keyOf(tenant, null, "api-key");
    const blunt = await keyOf(tenant, member, "personal-access-token", ["profile:read"]);
    const bound = await keyOf(tenant, member, "personal-access-token", PERMISSIONS, newId("workspace", Date.now()));
    const foreign = await keyOf(elsewhere, stranger, "personal-access-token");
    const table: [why: string, secret: string, expected: string][] = [
      ["nobody", "x", "EB401"],
      ["an API key", apiKey.secret, "EB405"],
      ["a token without it", blunt.secret, "EB405"],
      ["a token bound elsewhere", bound.secret, "EB405"],
      ["an operator", operator.secret, "EB405"],
      ["a stranger", stranger.secret, "EB404"],
      ["a stranger's token", foreign.secret, "EB404"],
    ];
    for (const [why, secret, expected] of table) expect([why, await denies(secret, request)]).toEqual([why, expected]);
    expect(await stateOf(request)).toEqual(UNTOUCHED);
    expect(await denies(member.secret, request)).toBeNull();
    expect(await approves(member.secret, request)).toBe("EB408");
    expect(await redeems(request, client)).toBe("EB420");
    expect(await stateOf(request)).toEqual({ ...UNTOUCHED, denied: true });
    expect(await denies(foreign.secret, await deviceOf("ebbc_unclaimed"))).toBeNull();
    expect(await denies(member.secret, await deviceOf(client, ALL, 601))).toBe("EB404");
    const token = await keyOf(tenant, member, "personal-access-token");
    await owner("update credentials set revoked_at = now() where id = $1", [token.id]);
    expect(await denies(token.secret, await deviceOf(client))).toBe("EB411");
    // Belonging to both is not enough for a token: it is of one tenant.
    const both = await personIn(tenant, "member", {}, database.owner);
    await owner(
      "insert into memberships (id, tenant_id, person_id, role, created_at) values (gen_random_uuid(), $1, $2, 'member', now())",
      [uuid(elsewhere), uuidFromId("person", both.id)],
    );
    const theirs = await deviceOf((await instanceIn(elsewhere)).client);
    expect(await denies((await keyOf(tenant, both, "personal-access-token")).secret, theirs)).toBe("EB404");
    expect(await denies(both.secret, theirs)).toBeNull();
  });

  it("gives tokens once, for its own client alone, also to twenty at once", async () => {
    const { client } = await instanceIn(tenant);
    const other = await instanceIn(tenant);
    const request = await deviceOf(client);
    expect(await redeems(request, client)).toBe("EB420");
    expect(await approves(member.secret, request)).toBeNull();
    expect(await redeems(request, other.client)).toBe("EB420");
    expect(await redeems(crypto.randomUUID(), client)).toBe("EB420");
    const all = await Promise.all(Array.from({ length: 20 }, () => redeems(request, client)));
    expect(all.toSorted()).toEqual([...Array(19).fill("EB420"), null]);
    const made = await owner("select scope, credential_id from token_families where client_id = $1", [client]);
    expect(made).toEqual([{ scope: ALL, credential_id: null }]);
    expect(
      await owner("select from refresh_tokens r join token_families f on f.id = r.family_id where f.client_id = $1", [
        client,
      ]),
    ).toHaveLength(1);
    // Its user code's row is not anybody's for as long as it lives: one user code, one request.
    const taken = await hash();
    const begin = async () =>
      await refusal(
        app("select ebb.begin_device(gen_random_uuid(), $1, $2, $3, '', ebb.clock())", [await hash(), taken, client]),
      );
    expect([await begin(), await begin()]).toEqual([null, "EB408"]);
  });

  it("gives no tokens to who knows its user code, and what that tells, alone", async () => {
    const { client } = await instanceIn(tenant);
    const userHash = await hash();
    const request = await deviceOf(client, ALL, 0, userHash);
    expect(await approves(member.secret, request)).toBeNull();
    const [seen] = await app("select * from ebb.device_request($1)", [userHash]);
    expect(seen).toMatchObject({ id: request, client_id: client });
    const redeem = async (shown: unknown) =>
      await refusal(
        app("select * from ebb.redeem_device($1, $2, gen_random_uuid(), gen_random_uuid(), $3, null, 'req')", [
          shown,
          client,
          await hash(),
        ]),
      );
    // No bytea: a uuid's text is none, and with its bytes nothing is found.
    expect(await refusal(app("select ebb.redeem_device($1::uuid, '', null, null, null, null, '')", [request]))).toBe(
      "42883",
    );
    const known = [userHash, `\\x${request.replaceAll("-", "")}`, null];
    for (const shown of known) expect([shown, await redeem(shown)]).toEqual([shown, "EB420"]);
    expect(await stateOf(request)).toMatchObject({ approved: true, used: false });
    expect(await owner("select from token_families where client_id = $1", [client])).toEqual([]);
    // The control: the device, which has its code.
    expect(await redeem(await hashOf(request))).toBeNull();
  });

  it("is never counted from the future, and its polls are noted one after the other", async () => {
    const { client } = await instanceIn(tenant);
    const request = await deviceOf(client, ALL, -3600);
    const [row] = await owner(
      "select issued_at <= now() as past, expires_at < now() + interval '11 minutes' as soon from device_codes where id = $1",
      [request],
    );
    expect(row).toEqual({ past: true, soon: true });
    const note = (seen: string | null) =>
      app("select ebb.note_poll($1, $2, '2031-01-01T00:00:00Z', 10) as noted", [request, seen]);
    const both = await Promise.all([note(null), note(null)]);
    expect(both.map(([found]) => found?.["noted"]).toSorted()).toEqual([false, true]);
    expect(await note("2031-01-01T00:00:00Z")).toEqual([{ noted: true }]);
    expect(await app("select ebb.note_poll(gen_random_uuid(), null, now(), 10) as noted")).toEqual([{ noted: false }]);
  });
});

describe("claiming", () => {
  async function unclaimed(code: string | null = "code") {
    const client = `ebbc_${crypto.randomUUID()}`;
    await app(
      "select ebb.register_unclaimed(gen_random_uuid(), $1, $2, 'gate', 'n', $3, $4, '{}', 'client_secret_post', 'AT', 'Telltale', $5, false, null, null)",
      [client, await hash(), ALL, GRANTS, code === null ? null : await hashOf(code)],
    );
    return client;
  }
  const claims = async (
    secret: string,
    client: string,
    of: TestTenant,
    code: string | null = "code",
    target: TestTenant | null = null,
  ) =>
    await refusal(
      as(
        secret,
        async (query) =>
          query("select ebb.claim_instance($1, $2, $3, null)", [
            client,
            workspace(of),
            code === null ? null : await hashOf(code),
          ]),
        target,
      ),
    );
  const tries = async (client: string, code: string) =>
    (await app("select ebb.try_claim_code($1, $2) as right", [client, await hashOf(code)]))[0]?.["right"];

  it("is into the workspace named, the token's own, or the only one there is", async () => {
    const several = await database.tenant({ parent: platform });
    const theirs = await personIn(several, "member", {}, database.owner);
    const target = async (secret: string, named: string | null) =>
      await as(secret, async (query) => (await query("select ebb.claim_target($1) as id", [named]))[0]?.["id"]);
    expect(await target(theirs.secret, null)).toBe(workspace(several));
    await owner(
      "insert into workspaces (id, tenant_id, name, generation, created_at) values (uuidv7(), $1, 'w', 0, now())",
      [uuid(several)],
    );
    const token = (of: TestTenant | null, permissions = PERMISSIONS as readonly Permission[]) =>
      keyOf(several, theirs, "personal-access-token", permissions, of?.workspaceId).then(({ secret }) => secret);
    const bound = await token(several);
    expect(await target(theirs.secret, null)).toBeNull();
    expect(await target(theirs.secret, workspace(several))).toBe(workspace(several));
    expect(await target(bound, null)).toBe(workspace(several));
    expect(await target(bound, workspace(several))).toBe(workspace(several));
    for (const [secret, named] of [
      [bound, workspace(tenant)],
      [await token(null), null],
      [await token(null), workspace(several)],
      [await token(several, ["device:approve"]), null],
    ] as const) {
      expect(await refusal(target(secret, named))).toBe("EB405");
    }
  });

  it("takes a workspace of the tenant entered, the permission, and the code where the workspace asks for it", async () => {
    const client = await unclaimed();
    const bound = (of: TestTenant, permissions = PERMISSIONS as readonly Permission[]) =>
      keyOf(tenant, member, "personal-access-token", permissions, of.workspaceId);
    const table: [why: string, secret: string, of: TestTenant, code: string | null, expected: string][] = [
      ["without the code", member.secret, tenant, null, "EB422"],
      ["with a wrong one", member.secret, tenant, "other", "EB422"],
      ["another tenant's workspace", member.secret, elsewhere, "code", "EB404"],
      ["an API key", (await keyOf(tenant, null, "api-key")).secret, tenant, "code", "EB405"],
      ["an unbound token", (await keyOf(tenant, member, "personal-access-token")).secret, tenant, "code", "EB405"],
      ["a token bound elsewhere", (await bound(elsewhere)).secret, tenant, "code", "EB405"],
      ["a token without it", (await bound(tenant, ["device:approve"])).secret, tenant, "code", "EB405"],
    ];
    for (const [why, secret, of, code, expected] of table) {
      expect([why, await claims(secret, client, of, code)]).toEqual([why, expected]);
    }
    const operator = await personIn(platform, "operator", {}, database.owner);
    expect(await claims(operator.secret, client, tenant, "code", tenant)).toBe("EB405");
    expect(await refusal(app("select ebb.claim_instance($1, $2, null, null)", [client, workspace(tenant)]))).toBe(
      "EB405",
    );
    expect(await claims(member.secret, "ebbc_none", tenant)).toBe("EB404");
    expect(await owner("select from instances where client_id = $1", [client])).toEqual([]);
    const waiving = await database.tenant({ parent: platform });
    const theirs = await personIn(waiving, "member", {}, database.owner);
    await owner("update workspaces set claim_code_required = false where tenant_id = $1", [uuid(waiving)]);
    expect(await claims(theirs.secret, await unclaimed(null), tenant, null)).toBe("EB404");
    expect(await claims(theirs.secret, await unclaimed(null), waiving, null)).toBeNull();
    // Where a code is asked for, a registration without one is nobody's to claim.
    expect(await claims(member.secret, await unclaimed(null), tenant, null)).toBe("EB422");
    expect(await claims((await bound(tenant)).secret, client, tenant)).toBeNull();
    expect(await claims(member.secret, client, tenant)).toBe("EB404");
    const [row] = await owner("select country, network_operator from unclaimed_registrations where client_id = $1", [
      client,
    ]);
    expect(row).toEqual({ country: null, network_operator: null });
  });

  it("is over after ten wrong codes, and after 24 hours", async () => {
    const client = await unclaimed();
    for (let n = 0; n < 9; n++) expect(await tries(client, "other")).toBe(false);
    expect(await tries(client, "code")).toBe(true);
    expect(await tries(client, "other")).toBe(false);
    for (const code of ["code", "other"]) expect(await refusal(tries(client, code))).toBe("EB435");
    for (const code of ["code", "other", null]) {
      expect([code, await claims(member.secret, client, tenant, code)]).toEqual([code, "EB435"]);
    }
    // Nor where the code is waived: whoever used the tries up has it no more than whose it is.
    const waiving = await database.tenant({ parent: platform });
    const theirs = await personIn(waiving, "member", {}, database.owner);
    await owner("update workspaces set claim_code_required = false where tenant_id = $1", [uuid(waiving)]);
    for (const code of ["code", null]) {
      expect([code, await claims(theirs.secret, client, waiving, code)]).toEqual([code, "EB435"]);
    }
    const [row] = await owner("select claim_attempts from unclaimed_registrations where client_id = $1", [client]);
    expect(row).toEqual({ claim_attempts: 10 });
    // The control: nine wrong ones, of many at once as well, then the right one.
    const lucky = await unclaimed();
    await Promise.all(Array.from({ length: 9 }, () => tries(lucky, "other")));
    expect(await tries(lucky, "code")).toBe(true);
    expect(await claims(member.secret, lucky, tenant)).toBeNull();
    const tried = await unclaimed();
    const all = await Promise.all(Array.from({ length: 20 }, () => refusal(tries(tried, "other"))));
    expect(all.filter((state) => state === "EB435")).toHaveLength(10);
    expect(await tries("ebbc_none", "code")).toBe(false);
    const late = await unclaimed();
    await owner(
      "update unclaimed_registrations set registered_at = registered_at - interval '24 hours' where client_id = $1",
      [late],
    );
    expect(await tries(late, "code")).toBe(false);
    expect(await claims(member.secret, late, tenant)).toBe("EB404");
    expect(await app("select * from ebb.client_of($1)", [late])).toEqual([]);
  });

  it("is of one tenant of two at once", async () => {
    for (let round = 0; round < 3; round++) {
      const client = await unclaimed();
      const both = await Promise.all([
        claims(member.secret, client, tenant),
        claims(stranger.secret, client, elsewhere),
      ]);
      expect(both.toSorted()).toEqual(["EB404", null]);
      expect(await owner("select from instances where client_id = $1", [client])).toHaveLength(1);
      const [claimed] = await app("select ebb.claimed_gate($1) as gate", [client]);
      expect(claimed).toEqual({ gate: (both[0] === null ? tenant : elsewhere).gateId });
    }
  });

  it("changes of a client take its own secret, and tell the gate of its tenant alone", async () => {
    const client = await unclaimed();
    const { client: claimed, id } = await instanceIn(tenant);
    const secret = await hash();
    await owner(
      "insert into credentials (id, tenant_id, kind, name, instance_id, secret_hash, permissions, created_at) values (gen_random_uuid(), $1, 'client-secret', 's', $2, $3, '{}', now())",
      [uuid(tenant), id, secret],
    );
    const change = (of: string, hashed: string | null) =>
      app("select gate_id, claimed from ebb.change_client($1, $2, 'offline', '{}', '{}', null, 'req')", [of, hashed]);
    for (const wrong of [null, await hash()]) {
      expect(await change(claimed, wrong)).toEqual([]);
      expect(await change(client, wrong)).toEqual([]);
    }
    expect(await change(client, secret)).toEqual([]);
    expect(await change(claimed, secret)).toEqual([{ gate_id: tenant.gateId, claimed: true }]);
    const posted = await owner("select message from outbox where message ->> 'clientId' = $1", [claimed]);
    expect(posted).toMatchObject([{ message: { kind: "client", scope: "offline" } }]);
    await owner("update instances set revoked_at = now() where id = $1", [id]);
    expect(await change(claimed, secret)).toEqual([]);
  });
});

describe("an authorization code", () => {
  const issues = async (
    secret: string,
    client: string,
    given: Partial<{ uri: string | null; challenge: string | null; granted: string }> = {},
  ) => {
    const { uri = "https://app.example/", challenge = "c", granted = "profile:read" } = given;
    const id = crypto.randomUUID();
    const code = await hash();
    const refused = await refusal(
      as(secret, (query) =>
        query("select ebb.issue_code($1, $2, $3, $4, $5, 'profile:read assistant', $6, ebb.clock())", [
          id,
          code,
          client,
          uri,
          challenge,
          granted,
        ]),
      ),
    );
    return { id, code, refused };
  };
  /** By the hash of the code. */
  const exchanges = async (code: string, client: string) =>
    await refusal(
      app("select * from ebb.redeem_code($1, $2, gen_random_uuid(), null, null, null, 'req')", [code, client]),
    );

  it("is issued to a person in a session, for a client that may have one, and exchanged once by that", async () => {
    const { client } = await instanceIn(tenant);
    const open = await instanceIn(tenant, "none");
    const token = await keyOf(tenant, member, "personal-access-token");
    expect((await issues(token.secret, client)).refused).toBe("EB405");
    expect((await issues(stranger.secret, client)).refused).toBe("EB404");
    expect((await issues(member.secret, client, { granted: ALL })).refused).toBe("EB405");
    expect((await issues(member.secret, client, { uri: null })).refused).toBe("EB405");
    expect((await issues(member.secret, open.client, { challenge: null })).refused).toBe("EB405");
    expect((await issues(member.secret, client, { challenge: null })).refused).toBeNull();
    const { id, code, refused } = await issues(member.secret, open.client);
    expect(refused).toBeNull();
    expect(await exchanges(code, client)).toBe("EB420");
    // Its id is no code.
    expect(await exchanges(`\\x${id.replaceAll("-", "")}`, open.client)).toBe("EB420");
    const all = await Promise.all(Array.from({ length: 20 }, () => exchanges(code, open.client)));
    expect(all.toSorted()).toEqual([...Array(19).fill("EB420"), null]);
    const late = await issues(member.secret, open.client);
    await owner("update authorization_codes set issued_at = issued_at - interval '11 minutes' where id = $1", [
      late.id,
    ]);
    expect(await exchanges(late.code, open.client)).toBe("EB420");
    await owner("update instances set grant_types = '{client_credentials}' where id = $1", [open.id]);
    expect((await issues(member.secret, open.client)).refused).toBe("EB405");
  });
});

describe("a sign-in", () => {
  it("has tokens until something of it ends, and again where that is undone", { timeout: 60_000 }, async () => {
    const token = await keyOf(tenant, member, "personal-access-token");
    const ends: [
      why: string,
      expected: string,
      end: string,
      undo: string,
      of: "instance" | "family" | "member" | "token" | "tenant",
    ][] = [
      [
        "instance removed",
        "EB420",
        "update instances set removed_at = now() where id = $1",
        "update instances set removed_at = null, expires_at = 'infinity' where id = $1",
        "instance",
      ],
      [
        "instance revoked",
        "EB420",
        "update instances set revoked_at = now() where id = $1",
        "update instances set revoked_at = null where id = $1",
        "instance",
      ],
      [
        "family ended",
        "EB420",
        "update token_families set ended_at = now() where id = $1",
        "update token_families set ended_at = null where id = $1",
        "family",
      ],
      [
        "member removed",
        "EB421",
        "update memberships set removed_at = now() where id = $1",
        "update memberships set removed_at = null, expires_at = 'infinity' where id = $1",
        "member",
      ],
      [
        "token revoked",
        "EB421",
        "update credentials set revoked_at = now() where id = $1",
        "update credentials set revoked_at = null where id = $1",
        "token",
      ],
      [
        "token expired",
        "EB421",
        "update credentials set valid_until = now() where id = $1",
        "update credentials set valid_until = now() + interval '1 hour' where id = $1",
        "token",
      ],
      [
        "tenant suspended",
        "EB403",
        "update tenants set status = 'suspended' where id = $1",
        "update tenants set status = 'active' where id = $1",
        "tenant",
      ],
      [
        "tenant closed",
        "EB413",
        "update tenants set status = 'closed', closed_at = now() where id = $1",
        "update tenants set status = 'active', closed_at = null where id = $1",
        "tenant",
      ],
    ];
    for (const [why, expected, end, undo, of] of ends) {
      const { instance, family, refresh } = await signIn(token.secret);
      const pending = await deviceOf(instance.client);
      expect(await approves(token.secret, pending)).toBeNull();
      const subject = {
        instance: instance.id,
        family,
        member: uuidFromId("membership", member.memberId),
        token: token.id,
        tenant: uuid(tenant),
      }[of];
      expect([why, await subjectOf(family)]).toEqual([why, null]);
      await owner(end, [subject]);
      expect([why, await subjectOf(family)]).toEqual([why, expected]);
      expect([why, await rotates(refresh)]).toEqual([why, expected]);
      // What is redeemed begins a sign-in of its own: an ended one is no matter to it.
      expect([why, await redeems(pending, instance.client)]).toEqual([why, of === "family" ? null : expected]);
      await owner(undo, [subject]);
      expect([why, await subjectOf(family)]).toEqual([why, null]);
      // Refused, nothing was spent.
      if (of !== "family") expect([why, await redeems(pending, instance.client)]).toEqual([why, null]);
      expect([why, await rotates(refresh)]).toEqual([why, null]);
    }
    expect(await subjectOf(crypto.randomUUID())).toBe("EB420");
  });

  it("rotates on the facts that were decided on, and on no others", async () => {
    const { refresh, family } = await signIn();
    const second = crypto.randomUUID();
    expect(await rotates(refresh, null, second)).toBeNull();
    // It was unused when that was decided: not any more.
    expect(await rotates(refresh)).toBe("EB420");
    expect(await rotates(refresh, crypto.randomUUID())).toBe("EB420");
    expect(await rotates(second, refresh)).toBe("EB420");
    // A lost answer: the unredeemed successor is void, another comes.
    const third = crypto.randomUUID();
    expect(await rotates(refresh, second, third)).toBeNull();
    expect(await rotates(second)).toBe("EB420");
    expect(await rotates(refresh, second)).toBe("EB420");
    expect(await rotates(third)).toBeNull();
    // Its successor was redeemed: there is nothing to make void.
    expect(await rotates(refresh, third)).toBe("EB420");
    const [live] = await owner(
      "select count(*)::int as live from refresh_tokens where family_id = $1 and used_at is null and revoked_at is null",
      [family],
    );
    expect(live).toEqual({ live: 1 });
    const fresh = await signIn();
    const all = await Promise.all(Array.from({ length: 20 }, () => rotates(fresh.refresh)));
    expect(all.toSorted()).toEqual([...Array(19).fill("EB420"), null]);
    expect(await rotates(crypto.randomUUID())).toBe("EB420");
  });
});

it("ebb_app reads no row and no hash of a grant, entered or not", async () => {
  const tables = ["device_codes", "authorization_codes", "refresh_tokens", "unclaimed_registrations"];
  const boss = await personIn(tenant, "owner", {}, database.owner);
  await signIn();
  for (const table of tables) {
    for (const statement of [`select from ${table}`, `delete from ${table}`, `insert into ${table} default values`]) {
      expect([statement, await refusal(app(statement))]).toEqual([statement, "42501"]);
      expect([statement, await refusal(as(boss.secret, (query) => query(statement)))]).toEqual([statement, "42501"]);
    }
  }
  const hashes = await owner(
    `select c.table_name, c.column_name from information_schema.columns c
      where c.table_schema = 'public' and c.column_name like '%hash' and has_column_privilege('ebb_app', format('public.%I', c.table_name), c.column_name, 'select')
        and c.table_name = any ($1)`,
    [[...tables, "credentials", "instances"]],
  );
  expect(hashes).toEqual([]);
  // Nor do the functions that it may call hand any out.
  const handed = await owner(
    `select p.proname from pg_proc p where p.pronamespace = 'ebb'::regnamespace and has_function_privilege('ebb_app', p.oid, 'execute')
        and 'bytea'::regtype = any (p.proallargtypes[p.pronargs + 1:])`,
  );
  // Sealed by the Worker's keys, and no hashes: a provider's client secret, a login's code verifier.
  expect(handed.map((row) => row["proname"]).toSorted()).toEqual(["provider_for_sign_in", "take_login_state"]);
});

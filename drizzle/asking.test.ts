import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Id, newId, uuidFromId } from "../src/core/id.ts";
import { instances } from "../src/db/schema.ts";
import { enteredTransaction } from "../src/testing/app-session.ts";
import { personIn, type TestPerson } from "../src/testing/people.ts";
import { hashOf, refusal, type ScratchDatabase, scratchDatabase } from "../src/testing/scratch-database.ts";
import { signInOn } from "../src/testing/sign-ins.ts";
import type { TestTenant } from "../src/testing/world.ts";

/** The functions of what instances and persons' tokens ask, as `ebb_app` may call them past every verb. */

let database: ScratchDatabase;
let tenant: TestTenant;
let beside: TestTenant;
beforeAll(async () => {
  database = await scratchDatabase();
  [tenant, beside] = [await database.tenant({ plan: "team" }), await database.tenant()];
});
afterAll(() => database.drop());

const app = () => database.as("app");
const own = (text: string, params: unknown[] = []) => database.as("owner").query(text, params);
const tenantUuid = (of = tenant) => uuidFromId("tenant", of.id);

async function instanceOf(of: TestTenant): Promise<Id<"instance">> {
  const nowMs = Date.now();
  const id = newId("instance", nowMs);
  const { id: tenantId, workspaceId } = of;
  const registered = { clientId: id, scope: "profile:read offline", grantTypes: [], registeredAt: nowMs };
  await database.owner((db) => db.insert(instances).values({ id, tenantId, workspaceId, ...registered }));
  return id;
}

interface SignIn {
  family: string;
  person: TestPerson;
}
async function signedIn(of = tenant): Promise<SignIn> {
  const person = await personIn(of, "member", {}, (fn) => database.owner(fn));
  const family = await signInOn(of, await instanceOf(of), person.id, {}, (fn) => database.owner(fn));
  return { family: uuidFromId("tokenFamily", family), person };
}
const profile = ({ family, person }: SignIn, of = tenant) =>
  app().query("select * from ebb.profile_of($1, $2, $3)", [family, uuidFromId("person", person.id), tenantUuid(of)]);
const end = async (family: string | null, of = tenant, reason: string | null = null): Promise<unknown> =>
  (
    await app().query("select ebb.end_sign_in($1, $2, $3, 'FR', 'req') as gates", [family, tenantUuid(of), reason])
  )[0]?.["gates"];

describe("workspace_of_instance", () => {
  const ask = (instance: Id<"instance">, of = tenant) =>
    app().query("select * from ebb.workspace_of_instance($1, $2)", [uuidFromId("instance", instance), tenantUuid(of)]);

  it("tells of a live instance to its own tenant, and nothing else of anything", async () => {
    const instance = await instanceOf(tenant);
    const workspace = uuidFromId("workspace", tenant.workspaceId);
    expect(await ask(instance)).toEqual([{ id: workspace, name: "Default", generation: 0 }]);
    expect(await ask(instance, beside)).toEqual([]);
    expect(await ask(newId("instance", Date.now()))).toEqual([]);
    expect(await app().query("select * from ebb.workspace_of_instance(null, null)")).toEqual([]);
    for (const column of ["removed_at", "revoked_at"]) {
      const gone = await instanceOf(tenant);
      await own(`update instances set ${column} = now() where id = $1`, [uuidFromId("instance", gone)]);
      expect(await ask(gone), column).toEqual([]);
    }
  });
});

describe("profile_of", () => {
  it("tells a live sign-in of a member alone: name, address and plan", async () => {
    const signIn = await signedIn();
    const id = uuidFromId("person", signIn.person.id);
    expect(await profile(signIn)).toEqual([{ id, name: "Somebody", email: signIn.person.email, plan: "team" }]);
    const other = await signedIn();
    expect(await profile({ ...signIn, person: other.person })).toEqual([]);
    expect(await profile(signIn, beside)).toEqual([]);
    expect(await app().query("select * from ebb.profile_of(null, null, null)")).toEqual([]);
  });

  it("ends with its end, its 90 days, the membership and the person", async () => {
    const endings = [
      "update token_families set ended_at = now() where id = $1",
      "update token_families set renewed_at = now() - interval '90 days' where id = $1",
      "update memberships m set removed_at = now() from token_families f where f.id = $1 and m.person_id = f.person_id",
      "update people p set removed_at = now() - interval '90 days' from token_families f where f.id = $1 and p.id = f.person_id",
    ];
    for (const ending of endings) {
      const signIn = await signedIn();
      expect(await profile(signIn)).toHaveLength(1);
      await own(ending, [signIn.family]);
      expect(await profile(signIn), ending).toEqual([]);
    }
  });

  it("ends with the personal access token that approved it, and where that is bound to another workspace", async () => {
    const endings: [ending: string, workspace: "its" | "none"][] = [
      [
        "update credentials c set revoked_at = now() from token_families f where f.id = $1 and c.id = f.credential_id",
        "its",
      ],
      [
        "update credentials c set valid_until = now() from token_families f where f.id = $1 and c.id = f.credential_id",
        "its",
      ],
      [
        "update instances i set workspace_id = $2 from token_families f where f.id = $1 and i.id = f.instance_id",
        "its",
      ],
      [
        "update instances i set workspace_id = $2 from token_families f where f.id = $1 and i.id = f.instance_id",
        "none",
      ],
    ];
    for (const [ending, workspace] of endings) {
      const person = await personIn(tenant, "member", {}, (fn) => database.owner(fn));
      const [credentialId, beside] = [newId("credential", Date.now()), crypto.randomUUID()];
      await own(
        `insert into credentials (id, tenant_id, kind, name, secret_hash, permissions, person_id, workspace_id, created_at, valid_until)
         values ($1, $2, 'personal-access-token', 'k', $5, '{profile:read}', $3, $4, now(), now() + interval '1 hour')`,
        [
          uuidFromId("credential", credentialId),
          tenantUuid(),
          uuidFromId("person", person.id),
          workspace === "its" ? uuidFromId("workspace", tenant.workspaceId) : null,
          await hashOf(credentialId),
        ],
      );
      await own("insert into workspaces (id, tenant_id, name, generation, created_at) values ($1, $2, 'w', 0, now())", [
        beside,
        tenantUuid(),
      ]);
      const wanted = { credentialId };
      const family = await signInOn(tenant, await instanceOf(tenant), person.id, wanted, (fn) => database.owner(fn));
      const signIn = { family: uuidFromId("tokenFamily", family), person };
      expect(await profile(signIn)).toHaveLength(1);
      await own(ending, ending.includes("$2") ? [signIn.family, beside] : [signIn.family]);
      expect(await profile(signIn), ending).toHaveLength(workspace === "its" ? 0 : 1);
    }
  });

  it("and its 90 days are to the microsecond", async () => {
    const signIn = await signedIn();
    const [row] = await own(
      `select expires_at::text as at, (expires_at - interval '1 microsecond')::text as before
         from token_families where id = $1`,
      [signIn.family],
    );
    const { at, before } = row as { at: string; before: string };
    try {
      await database.stopClock(before);
      expect(await profile(signIn)).toHaveLength(1);
      await database.stopClock(at);
      expect(await profile(signIn)).toEqual([]);
    } finally {
      await database.stopClock(null);
    }
  });
});

describe("sign_in_stands", () => {
  it("tells of a sign-in in the tenant entered alone, and not of one that has ended", async () => {
    const [mine, theirs] = [await signedIn(), await signedIn(beside)];
    const ASK = "select ebb.sign_in_stands($1) as stands";
    const stands = (secret: string, family: string | null) =>
      enteredTransaction(database, secret, null, async (query) => (await query(ASK, [family]))[0]?.["stands"]);
    expect(await stands(tenant.apiKey, mine.family)).toBe(true);
    expect(await stands(beside.apiKey, theirs.family)).toBe(true);
    expect(await stands(tenant.apiKey, theirs.family)).toBe(false);
    for (const nobodys of [crypto.randomUUID(), null]) expect(await stands(tenant.apiKey, nobodys)).toBe(false);
    expect(await app().query(ASK, [mine.family])).toEqual([{ stands: false }]);
    await end(mine.family);
    expect(await stands(tenant.apiKey, mine.family)).toBe(false);
  });
});

describe("a suspended tenant, or one that was closed", () => {
  it.each([
    ["status = 'suspended'", "EB403"],
    ["closed_at = now()", "EB413"],
  ])("%s refuses both look-ups with %s, also below", async (change, state) => {
    const reseller = await database.tenant({ kind: "reseller" });
    const client = await database.tenant({ kind: "client", parent: reseller });
    const signIn = await signedIn(client);
    const instance = await instanceOf(client);
    const workspace = () =>
      app().query("select * from ebb.workspace_of_instance($1, $2)", [
        uuidFromId("instance", instance),
        tenantUuid(client),
      ]);
    expect(await workspace()).toHaveLength(1);
    await own(`update tenants set ${change} where id = $1`, [tenantUuid(reseller)]);
    expect(await refusal(workspace())).toBe(state);
    expect(await refusal(profile(signIn, client))).toBe(state);
  });
});

describe("end_sign_in", () => {
  const facts = async ({ family }: SignIn) => {
    const typed = (await own("select ebb.typed_id('fam', $1) as id", [family]))[0]?.["id"];
    const [row] = await own(
      `select (select ended_at is not null from token_families where id = $1) as ended,
              (select bool_and(revoked_at is not null) from refresh_tokens where family_id = $1) as void,
              (select count(*)::int from outbox where message -> 'subject' ->> 'id' = $2) as messages`,
      [family, typed],
    );
    return row;
  };

  it("ends one with its refresh tokens, tells its gate once, and is safe to repeat", async () => {
    const [signIn, other] = [await signedIn(), await signedIn()];
    for (let i = 0; i < 3; i++) expect(await end(signIn.family)).toEqual([tenant.gateId]);
    expect(await facts(signIn)).toEqual({ ended: true, void: true, messages: 1 });
    expect(await facts(other)).toEqual({ ended: false, void: false, messages: 0 });
    const events = await own(
      "select event, outcome, actor_kind, place, reason, tenant_id from authentication_events where person_id = $1",
      [uuidFromId("person", signIn.person.id)],
    );
    expect(events).toEqual([
      {
        event: "sign-out",
        outcome: "succeeded",
        actor_kind: "person",
        place: "FR",
        reason: null,
        tenant_id: tenantUuid(),
      },
    ]);
  });

  it("ends nothing in another tenant's name, and nothing that never was", async () => {
    const signIn = await signedIn();
    expect(await end(signIn.family, beside)).toEqual([]);
    expect(await end(crypto.randomUUID())).toEqual([]);
    expect(await end(null)).toEqual([]);
    expect(await facts(signIn)).toEqual({ ended: false, void: false, messages: 0 });
  });

  it("twenty at once end it once", async () => {
    const signIn = await signedIn();
    await Promise.all(Array.from({ length: 20 }, () => end(signIn.family, tenant, "invalid-grant")));
    expect(await facts(signIn)).toEqual({ ended: true, void: true, messages: 1 });
  });

  it("voids a refresh token that was used, and leaves when one was voided before", async () => {
    const signIn = await signedIn();
    await own("update refresh_tokens set used_at = now() where family_id = $1", [signIn.family]);
    await end(signIn.family);
    expect(await facts(signIn)).toMatchObject({ void: true });
    const earlier = await signedIn();
    await own("update refresh_tokens set revoked_at = '2026-01-01' where family_id = $1", [earlier.family]);
    await end(earlier.family);
    const [row] = await own("select revoked_at = '2026-01-01' as same from refresh_tokens where family_id = $1", [
      earlier.family,
    ]);
    expect(row).toEqual({ same: true });
  });
});

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { uuidFromId } from "../src/core/id.ts";
import { enteredTransaction, type Query } from "../src/testing/app-session.ts";
import { personIn, type TestPerson } from "../src/testing/people.ts";
import { hashOf, refusal, type ScratchDatabase, scratchDatabase } from "../src/testing/scratch-database.ts";
import type { TestTenant } from "../src/testing/world.ts";

/** What `ebb_app` could write into `credentials` by itself: the row's trigger decides what becomes of it. */
let database: ScratchDatabase;
let platform: TestTenant;
let reseller: TestTenant;
let client: TestTenant;
let member: TestPerson;
let owner: TestPerson;
let stranger: TestPerson;

const uuid = ({ id }: { id: TestTenant["id"] }) => uuidFromId("tenant", id);
const personUuid = ({ id }: TestPerson) => uuidFromId("person", id);
const insert = async (query: Query, tenant: TestTenant, values: Record<string, unknown>) => {
  const row = {
    id: crypto.randomUUID(),
    tenant_id: uuid(tenant),
    kind: "api-key",
    name: "made by hand",
    secret_hash: await hashOf(crypto.randomUUID()),
    permissions: ["instances:read"],
    created_at: new Date().toISOString(),
    ...values,
  };
  const columns = Object.keys(row);
  const places = columns.map((_, at) => `$${at + 1}`).join(", ");
  const [made] = await query(
    `insert into credentials (${columns.join(", ")}) values (${places}) returning person_id, permissions`,
    Object.values(row),
  );
  return made;
};

beforeAll(async () => {
  database = await scratchDatabase();
  platform = await database.tenant({ kind: "platform" });
  reseller = await database.tenant({ kind: "reseller", parent: platform });
  client = await database.tenant({ kind: "client", parent: reseller });
  const asOwner = database.owner;
  member = await personIn(client, "member", {}, asOwner);
  owner = await personIn(client, "owner", {}, asOwner);
  stranger = await personIn(reseller, "owner", {}, asOwner);
});
afterAll(() => database.drop());

describe("a row that the application's role writes by itself", () => {
  const attempt = (secret: string, target: TestTenant | null, tenant: TestTenant, values: Record<string, unknown>) =>
    enteredTransaction(database, secret, target === null ? null : uuid(target), (query) =>
      refusal(insert(query, tenant, values)),
    );

  it("has no permission that its maker may not use, whoever asks", async () => {
    const all = ["owners:write", "keys:write"];
    expect(await attempt(client.registrationKey, null, client, {})).toBe("EB405");
    expect(await attempt(member.secret, null, client, {})).toBe("EB405");
    expect(await attempt(owner.secret, null, client, { permissions: all })).toBeNull();
    expect(await attempt(client.apiKey, null, client, { permissions: all })).toBeNull();
    expect(await attempt(client.apiKey, null, client, { permissions: ["no:such"] })).toBe("EB405");
  });

  it("is nobody else's: a token of another person tells nothing of them", async () => {
    const token = { kind: "personal-access-token", person_id: personUuid(stranger) };
    expect(await attempt(client.apiKey, null, client, token)).toBe("EB405");
    expect(await attempt(client.apiKey, null, client, { person_id: personUuid(stranger) })).toBe("EB405");
    const [made] = await enteredTransaction(database, owner.secret, null, async (query) => [
      await insert(query, client, { person_id: personUuid(stranger) }),
    ]);
    expect(made).toMatchObject({ person_id: personUuid(owner) });
  });

  it("of an operator lasts a day at most, and has what an operator has", async () => {
    const opened = async (values: Record<string, unknown>) =>
      await enteredTransaction(database, platform.apiKey, null, async (query) => {
        await query("select ebb.enter($1, $2, 'ticket')", [await hashOf(platform.apiKey), uuid(client)]);
        return await refusal(insert(query, client, values));
      });
    const day = new Date(Date.now() + 86_000_000).toISOString();
    const week = new Date(Date.now() + 7 * 86_400_000).toISOString();
    expect(await opened({ valid_until: day })).toBeNull();
    expect(await opened({ valid_until: week })).toBe("EB405");
    expect(await opened({})).toBe("EB405");
    expect(await opened({ valid_until: day, permissions: ["owners:write"] })).toBe("EB405");
    expect(await attempt(platform.apiKey, client, client, { valid_until: day })).toBe("EB405");
    // A reseller needs no reason for its clients, and no end.
    expect(await attempt(reseller.apiKey, client, client, {})).toBeNull();
  });

  it("made from above, and whatever is made with it, ends when its tenant is no longer below", async () => {
    const client = await database.tenant({ kind: "client", parent: reseller });
    const secrets = ["first", "second"].map((name) => `${name} ${crypto.randomUUID()}`);
    const permissions = ["keys:write", "instances:read"];
    for (const [by, target, secret] of [
      [reseller.apiKey, uuid(client), secrets[0]],
      [secrets[0], null, secrets[1]],
    ] as const) {
      await enteredTransaction(database, by as string, target, async (query) => {
        await insert(query, client, { secret_hash: await hashOf(secret as string), permissions });
        await query("commit");
      });
    }
    const entering = async () =>
      await Promise.all(
        [...secrets, client.apiKey].map(async (secret) =>
          refusal(database.as("app").query("select ebb.enter($1)", [await hashOf(secret)])),
        ),
      );
    expect(await entering()).toEqual([null, null, null]);
    const move = "update tenants set parent_id = $1::uuid, path = array[$1, id]::uuid[] where id = $2";
    await database.as("owner").query(move, [uuid(platform), uuid(client)]);
    expect(await entering()).toEqual(["EB411", "EB411", null]);
  });
});

it("functions of accounts ask for the permission, in the database too", async () => {
  const statements = [
    ["select ebb.rename_tenant('x')", []],
    ["select ebb.set_brand($1, 'x', null, null, null)", [crypto.randomUUID()]],
    ["select ebb.close_tenant(true)", []],
    ["select ebb.post($1, '{}')", [uuid(reseller)]],
    [
      "select ebb.create_tenant($1, 'client', 'x', 'free', 'any', 'g', $1, $1, null, null, null, null)",
      [crypto.randomUUID()],
    ],
  ] as const;
  const resellers = await personIn(reseller, "member", {}, database.owner);
  for (const [secret, allowed] of [
    [reseller.registrationKey, false],
    [resellers.secret, false],
    [reseller.apiKey, true],
  ] as const) {
    for (const [text, params] of statements) {
      const code = await enteredTransaction(database, secret, null, (query) => refusal(query(text, [...params])));
      expect([text, code === "EB405"]).toEqual([text, !allowed]);
    }
  }
});

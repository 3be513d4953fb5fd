import { afterAll, beforeAll, expect, it } from "vitest";
import { uuidFromId } from "../src/core/id.ts";
import { appTransaction, enteredTransaction } from "../src/testing/app-session.ts";
import { hashOf, refusal, type ScratchDatabase, scratchDatabase } from "../src/testing/scratch-database.ts";
import type { TestTenant } from "../src/testing/world.ts";

/** The functions of keys, as `ebb_app` may call them past every verb. */

let database: ScratchDatabase;
let own: TestTenant;
let beside: TestTenant;

beforeAll(async () => {
  database = await scratchDatabase();
  [own, beside] = [await database.tenant(), await database.tenant()];
});
afterAll(() => database.drop());

/** A live key of a tenant, with these columns; its uuid and hash. */
async function key(tenant: TestTenant, columns: Record<string, unknown> = {}) {
  const hash = await hashOf(crypto.randomUUID());
  const row = {
    kind: "api-key",
    name: "k",
    permissions: "{}",
    created_at: "2026-01-01",
    secret_hash: hash,
    ...columns,
  };
  const values = { id: crypto.randomUUID(), tenant_id: uuidFromId("tenant", tenant.id), ...row };
  const names = Object.keys(values);
  await database
    .as("owner")
    .query(
      `insert into credentials (${names.join(", ")}) values (${names.map((_, n) => `$${n + 1}`).join(", ")})`,
      Object.values(values),
    );
  return { id: values.id, hash };
}

const rotate = (former: string, successor: string, overlap: unknown = 60) =>
  refusal(
    enteredTransaction(database, own.apiKey, null, (query) =>
      query("select ebb.rotate_key($1, $2, $3, 'req')", [former, successor, overlap]),
    ),
  );
const lookUp = (hash: string | null, place: string | null = null) =>
  database.as("app").query("select * from ebb.look_up_key($1, $2, 'req')", [hash, place]);

it("rotates live keys of the tenant entered alone, into another of its keys, for up to 30 days", async () => {
  const [a, b, theirs] = [await key(own), await key(own), await key(beside)];
  const token = await key(own, { kind: "personal-access-token" });
  const ended = await key(own, { valid_until: "2026-02-01" });
  const revoked = await key(own, { revoked_at: new Date(Date.now() - 1000).toISOString() });
  expect(await rotate(a.id, b.id)).toBeNull();
  for (const [former, successor, overlap, state] of [
    [theirs.id, b.id, 60, "EB404"],
    [a.id, theirs.id, 60, "EB404"],
    [a.id, a.id, 60, "EB404"],
    [a.id, crypto.randomUUID(), 60, "EB404"],
    [token.id, b.id, 60, "EB404"],
    [a.id, token.id, 60, "EB404"],
    [ended.id, b.id, 60, "EB404"],
    [revoked.id, b.id, 60, "EB408"],
    [a.id, b.id, -1, "22023"],
    [a.id, b.id, 30 * 86_400 + 1, "22023"],
    [a.id, b.id, null, "22023"],
  ] as const) {
    expect(await rotate(former, successor, overlap), `${former} ${successor} ${overlap}`).toBe(state);
  }
  // Whoever has entered nothing rotates nothing, and is nobody.
  const nobody = await appTransaction(database, async (query) => [
    await query("select * from ebb.acting_key()"),
    await query("select ebb.acting_person()"),
    await refusal(query("select ebb.rotate_key($1, $2, 60, 'req')", [a.id, b.id])),
  ]);
  expect(nobody).toEqual([[], [{ acting_person: null }], "EB404"]);
});

it("looks up what is live, refuses the rest as entering does, and takes no nonsense for a country", async () => {
  const live = await key(own, { calls_per_hour: 7, allowed_networks: "{192.0.2.0/24}" });
  for (const place of ["de", "DEU", "", "D", "1D", "D\n", "'); --", null]) {
    expect((await lookUp(live.hash, place))[0]).toMatchObject({ places: [], calls_per_hour: 7, role: null });
  }
  expect((await lookUp(live.hash, "T1"))[0]).toMatchObject({ places: ["T1"], allowed_networks: ["192.0.2.0/24"] });
  const past = new Date(Date.now() - 1000).toISOString();
  for (const [columns, state] of [
    [{ revoked_at: past }, "EB411"],
    [{ valid_until: past }, "EB410"],
    [{ revoked_at: past, valid_until: past }, "EB411"],
    [{ revoked_at: "2020-01-01" }, "EB401"],
    [{ kind: "client-secret" }, "EB401"],
  ] as const) {
    expect(await refusal(lookUp((await key(own, columns)).hash)), JSON.stringify(columns)).toBe(state);
  }
  for (const hash of [await hashOf("unknown"), live.hash.slice(0, 40), "\\x", null]) {
    expect(await refusal(lookUp(hash))).toBe("EB401");
  }
  const person = (hash: string | null) => database.as("app").query("select * from ebb.look_up_person($1)", [hash]);
  // A key of nobody's, or of a person, is no person.
  for (const hash of [live.hash, await hashOf("unknown"), null]) expect(await refusal(person(hash))).toBe("EB401");
});

it("refuses the key of a tenant of which anything above is suspended or closed", async () => {
  const reseller = await database.tenant({ kind: "reseller" });
  const client = await database.tenant({ kind: "client", parent: reseller });
  const { hash } = await key(client);
  const set = (assignment: string) =>
    database.as("owner").query(`update tenants set ${assignment} where id = $1`, [uuidFromId("tenant", reseller.id)]);
  await set("status = 'suspended'");
  expect(await refusal(lookUp(hash))).toBe("EB403");
  await set("status = 'closed'");
  expect(await refusal(lookUp(hash))).toBe("EB413");
  await set("status = 'active'");
  expect(await refusal(lookUp(hash))).toBeNull();
});

import { createHmac } from "node:crypto";
import fc from "fast-check";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { uuidFromId } from "../src/core/id.ts";
import type { NewTenant } from "../src/local/bootstrap.ts";
import { appTransaction, enteredTransaction, type Query } from "../src/testing/app-session.ts";
import { hashOf, refusal, type ScratchDatabase, scratchDatabase } from "../src/testing/scratch-database.ts";
import type { TestTenant } from "../src/testing/world.ts";

/** `ebb.enter`: which credential opens which tenant; and the context that it leaves, which opens nothing anywhere else. */

let database: ScratchDatabase;
/** platform > (reseller > client, direct), and a second platform's tree beside it. */
const tree: Record<string, TestTenant> = {};

const uuid = (tenant: TestTenant) => uuidFromId("tenant", tenant.id);
const tenantNamed = (name: string): TestTenant => {
  const tenant = tree[name];
  if (tenant === undefined) throw new RangeError(name);
  return tenant;
};

beforeAll(async () => {
  database = await scratchDatabase();
  const add = async (name: string, kind: NewTenant["kind"], parent: string | null) => {
    tree[name] = await database.tenant({ kind, parent: parent === null ? null : tenantNamed(parent) });
  };
  await add("platform", "platform", null);
  await add("reseller", "reseller", "platform");
  await add("client", "client", "reseller");
  await add("direct", "direct", "platform");
  await add("elsewhere", "platform", null);
  await add("beside", "reseller", "elsewhere");
});
afterAll(() => database.drop());
afterEach(() => database.stopClock(null));

/** The SQLSTATE of the refusal, or null where this secret enters the target. */
const entering = async (secret: string, target: TestTenant | null = null) =>
  await refusal(
    database.as("app").query("select ebb.enter($1, $2)", [await hashOf(secret), target === null ? null : uuid(target)]),
  );

const change = (text: string, params: unknown[]) => database.as("owner").query(text, params);
const set = async (table: string, secret: string, assignment: string) =>
  await change(`update ${table} set ${assignment} where secret_hash = $1`, [await hashOf(secret)]);

describe("a credential", () => {
  it("enters its own tenant, as what it is", async () => {
    const { client } = tree as { client: TestTenant };
    for (const [secret, kind] of [
      [client.apiKey, "api-key"],
      [client.registrationKey, "registration-key"],
    ] as const) {
      const [row] = await database.as("app").query("select * from ebb.enter($1)", [await hashOf(secret)]);
      expect(row).toMatchObject({
        actor_kind: kind,
        actor_tenant: uuid(client),
        tenant_id: uuid(client),
        gate_id: client.gateId,
      });
    }
  });

  it("is refused when it is unknown, by half, empty or missing", async () => {
    const hash = await hashOf(tenantNamed("direct").apiKey);
    expect(await entering("ebb_unknown")).toBe("EB401");
    for (const wrong of [hash.slice(0, 34), "\\x", null]) {
      expect(await refusal(database.as("app").query("select ebb.enter($1)", [wrong]))).toBe("EB401");
    }
  });

  it.each([
    ["revoked", "credentials", "revoked_at = now() - interval '1 day'", "EB411"],
    ["expired", "credentials", "valid_until = now() - interval '1 day'", "EB410"],
    ["revoked and expired", "credentials", "revoked_at = now(), valid_until = now() - interval '1 day'", "EB411"],
    ["forgotten", "credentials", "revoked_at = now() - interval '91 days'", "EB401"],
    ["of an instance", "credentials", "kind = 'client-secret'", "EB401"],
    ["still valid", "credentials", "valid_until = now() + interval '1 day'", null],
    ["revoked", "registration_keys", "revoked_at = now() - interval '1 day'", "EB411"],
    ["expired", "registration_keys", "valid_until = now() - interval '1 day'", "EB410"],
    ["used up", "registration_keys", "used_up_at = now() - interval '1 day'", "EB412"],
    ["forgotten", "registration_keys", "used_up_at = now() - interval '31 days'", "EB401"],
    ["still valid", "registration_keys", "valid_until = now() + interval '1 day'", null],
  ])("that is %s (%s) is answered so", async (_, table, assignment, code) => {
    const tenant = await database.tenant();
    const secret = table === "credentials" ? tenant.apiKey : tenant.registrationKey;
    expect(await entering(secret)).toBeNull();
    await set(table, secret, assignment);
    expect(await entering(secret)).toBe(code);
  });

  it("ends at the very instant that it names", async () => {
    const tenant = await database.tenant();
    await set("credentials", tenant.apiKey, "valid_until = '2031-03-01T00:00:00Z'");
    await database.stopClock("2031-02-28T23:59:59.999999Z");
    expect(await entering(tenant.apiKey)).toBeNull();
    await database.stopClock("2031-03-01T00:00:00Z");
    expect(await entering(tenant.apiKey)).toBe("EB410");
  });

  it.each([
    ["suspended", "EB403"],
    ["closed", "EB413"],
  ])(
    "is refused while its tenant, or one above, is %s; one below or beside does not matter",
    async (status, refused) => {
      const top = await database.tenant({ kind: "platform" });
      const middle = await database.tenant({ kind: "reseller", parent: top });
      const low = await database.tenant({ kind: "client", parent: middle });
      const beside = await database.tenant({ kind: "direct", parent: top });
      const all = { top, middle, low, beside };
      const outcomes = async () =>
        Object.fromEntries(
          await Promise.all(
            Object.entries(all).map(async ([name, { apiKey }]) => [name, await entering(apiKey)] as const),
          ),
        );
      expect(await outcomes()).toEqual({ top: null, middle: null, low: null, beside: null });
      await change("update tenants set status = $1 where id = $2", [status, uuid(middle)]);
      expect(await outcomes()).toEqual({ top: null, middle: refused, low: refused, beside: null });
      // Who is above still manages it.
      expect(await entering(top.apiKey, middle)).toBeNull();
    },
  );
});

describe("a target", () => {
  it("is entered from itself and from above, never from below or beside", async () => {
    for (const [actorName, actor] of Object.entries(tree)) {
      for (const [targetName, target] of Object.entries(tree)) {
        const below = target.path.includes(actor.id);
        expect(await entering(actor.apiKey, target), `${actorName} to ${targetName}`).toBe(below ? null : "EB404");
      }
    }
  });

  it("is the tenant that the transaction then sees, and the actor's no longer", async () => {
    const { reseller, client } = tree as { reseller: TestTenant; client: TestTenant };
    const tenants = await enteredTransaction(database, reseller.apiKey, uuid(client), (query) =>
      query("select ebb.tenant() as tenant, id from public.tenants"),
    );
    expect(tenants).toEqual([{ tenant: uuid(client), id: uuid(client) }]);
  });

  it("that nobody has, or that has been forgotten, is the same as another's", async () => {
    const top = await database.tenant({ kind: "platform" });
    const low = await database.tenant({ kind: "direct", parent: top });
    expect(
      await refusal(database.as("app").query("select ebb.enter($1, gen_random_uuid())", [await hashOf(top.apiKey)])),
    ).toBe("EB404");
    expect(await entering(top.apiKey, low)).toBeNull();
    await change("update tenants set ended_at = now() - interval '90 days' where id = $1", [uuid(low)]);
    expect(await entering(top.apiKey, low)).toBe("EB404");
  });
});

describe("the context that entering leaves", () => {
  const seen = async (query: Query) => {
    const [row] = await query("select ebb.tenant() as tenant, (select count(*)::int from public.tenants) as tenants");
    return row;
  };
  const nothing = { tenant: null, tenants: 0 };
  const contextOf = async (query: Query) =>
    (await query("select current_setting('ebb.context') as context"))[0]?.["context"] as string;
  const setContext = (query: Query, context: string, local = true) =>
    query("select set_config('ebb.context', $1, $2)", [context, local]);

  it("opens its tenant again in its own transaction, and nothing in the next one of the same session", async () => {
    const { direct } = tree as { direct: TestTenant };
    await database.session("app", async (client) => {
      const query: Query = async (text, params = []) => (await client.query(text, params)).rows;
      await query("begin");
      await query("select ebb.enter($1)", [await hashOf(direct.apiKey)]);
      const context = await contextOf(query);
      await setContext(query, "");
      expect(await seen(query)).toEqual(nothing);
      await setContext(query, context);
      expect(await seen(query)).toEqual({ tenant: uuid(direct), tenants: 1 });
      await setContext(query, context, false);
      await query("commit");
      expect(await contextOf(query)).toBe(context);
      expect(await seen(query)).toEqual(nothing);
      await query("begin");
      await setContext(query, context);
      expect(await seen(query)).toEqual(nothing);
    });
  });

  it("opens nothing in another session, while its own is still open", async () => {
    const { direct } = tree as { direct: TestTenant };
    await enteredTransaction(database, direct.apiKey, null, async (query) => {
      const context = await contextOf(query);
      await appTransaction(database, async (other) => {
        await setContext(other, context);
        expect(await seen(other)).toEqual(nothing);
      });
      expect(await seen(query)).toEqual({ tenant: uuid(direct), tenants: 1 });
    });
  });

  it("carries the HMAC-SHA-256 of actor, target, session and transaction under a key of 256 bits that is the database's", async () => {
    const { direct } = tree as { direct: TestTenant };
    const [pads] = await database
      .as("superuser")
      .query("select encode(inner_pad, 'hex') as inner, encode(outer_pad, 'hex') as outer from ebb.context_key");
    const xor = (hex: unknown, pad: number) =>
      Uint8Array.from(Buffer.from(hex as string, "hex"), (byte: number) => byte ^ pad);
    const [key, same] = [xor(pads?.["inner"], 0x36), xor(pads?.["outer"], 0x5c)];
    expect(key).toEqual(same);
    expect([key.length, new Set(key.subarray(0, 32)).size > 16, new Set(key.subarray(32))]).toEqual([
      64,
      true,
      new Set([0]),
    ]);
    const [row] = await enteredTransaction(database, direct.apiKey, null, (query) =>
      query(
        "select current_setting('ebb.context') as context, pg_backend_pid() as pid, extract(epoch from now())::text as began",
      ),
    );
    const parts = String(row?.["context"]).split("|");
    const message = [...parts.slice(0, 5), row?.["pid"], row?.["began"]].join("|");
    expect(parts[5]).toBe(createHmac("sha256", key.subarray(0, 32)).update(message).digest("hex"));
  });

  it("goes with the savepoint in which it was entered", async () => {
    const { direct, client } = tree as { direct: TestTenant; client: TestTenant };
    await enteredTransaction(database, direct.apiKey, null, async (query) => {
      await query("savepoint inner_one");
      await query("select ebb.enter($1)", [await hashOf(client.apiKey)]);
      expect((await seen(query))?.["tenant"]).toBe(uuid(client));
      await query("rollback to inner_one");
      expect((await seen(query))?.["tenant"]).toBe(uuid(direct));
    });
  });

  it("cannot be altered to name another tenant, in any part", async () => {
    const { direct, client, platform } = tree as Record<"direct" | "client" | "platform", TestTenant>;
    await enteredTransaction(database, direct.apiKey, null, async (query) => {
      const context = await contextOf(query);
      const [kind = "", actor = "", from = "", target = "", mac = ""] = context.split("|");
      const altered = [
        [kind, actor, from, uuid(client), mac],
        [kind, actor, uuid(platform), target, mac],
        [kind, crypto.randomUUID(), from, target, mac],
        ["registration-key", actor, from, target, mac],
        [kind, actor, from, target, ""],
        [kind, actor, from, target],
        [kind, actor, from, target, mac, ""],
        [kind, actor, "", target, mac],
        [kind, actor, from, "not-a-uuid", mac],
      ];
      for (const parts of altered) {
        await setContext(query, parts.join("|"));
        expect(await seen(query), parts.join("|")).toEqual(nothing);
      }
      await setContext(query, context);
      expect((await seen(query))?.["tenant"]).toBe(uuid(direct));
    });
  });

  it("is believed with no hexadecimal digit changed, and whatever else is set is nothing and no error", async () => {
    const { direct } = tree as { direct: TestTenant };
    await enteredTransaction(database, direct.apiKey, null, async (query) => {
      const context = await contextOf(query);
      const digits = [...context].flatMap((char, at) => (at > "api-key|".length && /[0-9a-f]/.test(char) ? [at] : []));
      const oneDigitOff = fc.tuple(fc.constantFrom(...digits), fc.integer({ min: 1, max: 15 })).map(([at, by]) => {
        const digit = ((Number.parseInt(context.charAt(at), 16) + by) % 16).toString(16);
        return context.slice(0, at) + digit + context.slice(at + 1);
      });
      const anything = fc.string({ unit: "grapheme" }).filter((text) => !text.includes("\0"));
      const shaped = fc
        .array(fc.oneof(fc.uuid(), fc.constant("api-key"), fc.constant("")), { maxLength: 6 })
        .map((parts) => parts.join("|"));
      await fc.assert(
        fc.asyncProperty(fc.oneof(oneDigitOff, anything, shaped), async (forged) => {
          await setContext(query, forged);
          expect(await seen(query)).toEqual(nothing);
        }),
        { numRuns: 150 },
      );
    });
  });
});

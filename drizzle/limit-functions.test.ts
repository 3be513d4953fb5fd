import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { uuidFromId } from "../src/core/id.ts";
import type { NewTenant } from "../src/local/bootstrap.ts";
import { enteredTransaction } from "../src/testing/app-session.ts";
import { refusal, type ScratchDatabase, scratchDatabase } from "../src/testing/scratch-database.ts";
import type { TestTenant } from "../src/testing/world.ts";

/** The functions for limits, called directly as `ebb_app`: what a mistake in TypeScript could reach. */

let database: ScratchDatabase;
const tree: Record<string, TestTenant> = {};
const of = (name: string) => tree[name] as TestTenant;
const uuid = (name: string) => uuidFromId("tenant", of(name).id);

beforeAll(async () => {
  database = await scratchDatabase();
  const add = async (name: string, kind: NewTenant["kind"], parent: string | null) => {
    tree[name] = await database.tenant({ kind, parent: parent === null ? null : of(parent) });
  };
  await add("platform", "platform", null);
  await add("reseller", "reseller", "platform");
  await add("client", "client", "reseller");
  await add("sibling", "client", "reseller");
  await add("direct", "direct", "platform");
  await add("beside", "reseller", "platform");
});
afterAll(() => database.drop());

/** The SQLSTATE with which this statement is refused, or null, for a credential that has entered a target. */
function calling(by: string, target: string, text: string, params: unknown[] = []): Promise<string | null> {
  return refusal(enteredTransaction(database, of(by).apiKey, uuid(target), (query) => query(text, params)));
}
const rows = (by: string, target: string, text: string, params: unknown[] = []) =>
  enteredTransaction(database, of(by).apiKey, uuid(target), (query) => query(text, params));

describe("override_limit", () => {
  const call = "select ebb.override_limit(gen_random_uuid(), 'alive-tenant', 5)";
  it("is for the platform owner, in whatever tenant it has entered", async () => {
    expect(await calling("platform", "client", call)).toBeNull();
    expect(await calling("platform", "reseller", call)).toBeNull();
    for (const [by, target] of [
      ["client", "client"],
      ["reseller", "reseller"],
      ["reseller", "client"],
      ["direct", "direct"],
    ] as const) {
      expect(await calling(by, target, call), `${by} on ${target}`).toBe("EB405");
    }
  });
  it("takes no limit below nothing or above ten million", async () => {
    for (const atMost of [-1, 10_000_001]) {
      const text = "select ebb.override_limit(gen_random_uuid(), 'alive-tenant', $1)";
      expect(await calling("platform", "client", text, [atMost]), String(atMost)).not.toBeNull();
    }
  });
});

describe("allot_limit", () => {
  const call = "select ebb.allot_limit(gen_random_uuid(), $1, 'alive-tenant', 5)";
  it("is the reseller's, for its own clients", async () => {
    expect(await calling("reseller", "reseller", call, [uuid("client")])).toBeNull();
    expect(await calling("platform", "reseller", call, [uuid("client")])).toBeNull();
    for (const [by, target, client] of [
      ["client", "client", "client"],
      ["client", "client", "sibling"],
      ["beside", "beside", "client"],
      ["reseller", "client", "client"],
      ["reseller", "reseller", "reseller"],
      ["platform", "platform", "direct"],
      ["platform", "platform", "reseller"],
    ] as const) {
      expect(await calling(by, target, call, [uuid(client)]), `${by} on ${target} to ${client}`).toBe("EB404");
    }
  });
  it("leaves rows that the client cannot see, and its reseller can", async () => {
    const text = "select policy, at_most from public.limit_allotments where removed_at is null";
    const allot = "with made as (select ebb.allot_limit(gen_random_uuid(), $1, 'token-tenant', 7)) select from made";
    await enteredTransaction(database, of("reseller").apiKey, uuid("reseller"), async (query) => {
      await query(allot, [uuid("sibling")]);
      expect(await query(text)).toContainEqual({ policy: "token-tenant", at_most: 7 });
      return [];
    });
    expect(await rows("sibling", "sibling", text)).toEqual([]);
  });
});

describe("limit_family", () => {
  it("is for those at or above it, and tells nobody what lies above them", async () => {
    const text = "select tenant_id, ancestors, allotments from ebb.limit_family($1)";
    expect(await rows("reseller", "reseller", text, [uuid("reseller")])).toHaveLength(3);
    expect(await rows("platform", "client", text, [uuid("reseller")])).toHaveLength(3);
    const [own] = await rows("client", "client", text, [uuid("client")]);
    expect(own).toMatchObject({ tenant_id: uuid("client"), ancestors: [], allotments: {} });
    const [seen] = await rows("reseller", "client", text, [uuid("client")]);
    expect(seen).toMatchObject({ ancestors: [of("reseller").gateId] });
    for (const [by, family] of [
      ["client", "reseller"],
      ["client", "sibling"],
      ["beside", "reseller"],
      ["direct", "platform"],
    ] as const) {
      expect(await calling(by, by, text, [uuid(family)]), `${by} of ${family}`).toBe("EB404");
    }
  });
});

describe("post", () => {
  const call = 'select ebb.post($1, \'{"kind":"tenant"}\')';
  it("goes to gates at or below the one who asks, and to each tenant's own", async () => {
    expect(await calling("reseller", "reseller", call, [uuid("client")])).toBeNull();
    expect(await calling("client", "client", call, [uuid("client")])).toBeNull();
    for (const [by, to] of [
      ["client", "reseller"],
      ["client", "sibling"],
      ["beside", "client"],
      ["reseller", "platform"],
    ] as const) {
      expect(await calling(by, by, call, [uuid(to)]), `${by} to ${to}`).toBe("EB404");
    }
  });
});

describe("post_revoked_key", () => {
  it("posts a revoked key of the tenant entered, and no other", async () => {
    const owner = database.as("owner");
    // A family of its own: the other tests count the members of theirs.
    const reseller = await database.tenant({ kind: "reseller" });
    const [own, foreign] = [
      await database.tenant({ kind: "client", parent: reseller }),
      await database.tenant({ kind: "client", parent: reseller }),
    ];
    const keyOf = async (tenant: TestTenant) => {
      const uuid = uuidFromId("tenant", tenant.id);
      return (await owner.query("select id from credentials where tenant_id = $1", [uuid]))[0]?.["id"] as string;
    };
    const posting = async (tenant: TestTenant) => {
      const key = await keyOf(tenant);
      return await refusal(
        enteredTransaction(database, reseller.apiKey, uuidFromId("tenant", own.id), (query) =>
          query("select ebb.post_revoked_key($1)", [key]),
        ),
      );
    };
    expect(await posting(own), "not revoked").toBe("EB404");
    for (const tenant of [own, foreign]) {
      await owner.query("update credentials set revoked_at = now() where id = $1", [await keyOf(tenant)]);
    }
    expect(await posting(foreign)).toBe("EB404");
    expect(await posting(own)).toBeNull();
  });
});

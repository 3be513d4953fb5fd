import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { newId, uuidFromId } from "../src/core/id.ts";
import { appTransaction, enteredTransaction } from "../src/testing/app-session.ts";
import { personIn } from "../src/testing/people.ts";
import { hashOf, refusal, type ScratchDatabase, scratchDatabase } from "../src/testing/scratch-database.ts";
import type { TestTenant } from "../src/testing/world.ts";

/** A redemption and what ends its person's sign-ins, at once, in sessions of their own. */

let database: ScratchDatabase;
let platform: TestTenant;
beforeAll(async () => {
  database = await scratchDatabase();
  platform = await database.tenant({ kind: "platform" });
});
afterAll(() => database.drop());

const ISSUER = "https://login.example.test";
const owner = (text: string, params: unknown[] = []) => database.as("owner").query(text, params);
const app = (text: string, params: unknown[] = []) => database.as("app").query(text, params);

type Grant = "device" | "code";
const REDEEM: Record<Grant, string> = {
  device: "select * from ebb.redeem_device($1, $2, gen_random_uuid(), gen_random_uuid(), $3, null, 'req')",
  code: "select * from ebb.redeem_code($1, $2, gen_random_uuid(), gen_random_uuid(), $3, null, 'req')",
};

/** Somebody of whom a tenant's own provider vouches has approved a sign-in on an instance there. */
async function scene(grant: Grant) {
  const tenant = await database.tenant({ parent: platform });
  const tenantId = uuidFromId("tenant", tenant.id);
  const provider = crypto.randomUUID();
  await owner(
    "insert into identity_providers (id, tenant_id, name, issuer, client_id, client_secret, created_at) values ($1, $2, 'own', $3, 'x', '\\x00', now())",
    [provider, tenantId, ISSUER],
  );
  const boss = await personIn(tenant, "owner", {}, database.owner);
  const vouched = await personIn(tenant, "member", { provider: tenant.id }, database.owner);
  const instance = uuidFromId("instance", newId("instance", Date.now()));
  const client = `ebbc_${crypto.randomUUID()}`;
  await owner(
    `insert into instances (id, tenant_id, workspace_id, client_id, scope, grant_types, redirect_uris, registered_at)
       values ($1, $2, $3, $4, 'profile:read', '{authorization_code}', '{https://app.example/}', now())`,
    [instance, tenantId, uuidFromId("workspace", tenant.workspaceId), client],
  );
  const [id, codeHash] = [crypto.randomUUID(), await hashOf(crypto.randomUUID())];
  if (grant === "device") {
    const userHash = await hashOf(crypto.randomUUID());
    await app("select ebb.begin_device($1, $2, $3, $4, 'profile:read', ebb.clock())", [id, codeHash, userHash, client]);
  }
  await enteredTransaction(database, vouched.secret, null, async (query) => {
    await (grant === "device"
      ? query("select ebb.approve_device($1, 'profile:read')", [id])
      : query(
          "select ebb.issue_code($1, $2, $3, 'https://app.example/', 'c', 'profile:read', 'profile:read', ebb.clock())",
          [id, codeHash, client],
        ));
    await query("commit");
  });
  const params = [codeHash, client, await hashOf(crypto.randomUUID())];
  return {
    instance,
    params,
    endsProvider: () =>
      refusal(
        enteredTransaction(database, boss.secret, null, async (query) => {
          await query("update identity_providers set removed_at = ebb.clock() where id = $1", [provider]);
          await query("select * from ebb.end_provider_sessions($1)", [provider]);
          await query("commit");
        }),
      ),
    families: () => owner("select ended_at is not null as ended from token_families where client_id = $1", [client]),
  };
}

/** How many sessions wait for another's lock. */
async function waiting(): Promise<number> {
  const [row] = await database
    .as("superuser")
    .query(
      "select count(*)::int as waiting from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
    );
  return row?.["waiting"] as number;
}

describe.each([
  ["a device code", "device"],
  ["an authorization code", "code"],
] as const)("the redemption of %s", (_name, grant) => {
  it("that waits holds nothing for which an end of its person's sign-ins waits: neither fails the other", async () => {
    const { instance, params, endsProvider, families } = await scene(grant);
    const [redemption, ending] = await database.session("owner", async (holder) => {
      // Whoever changes the instance has the redemption wait at the first of its grounds.
      await holder.query("begin");
      await holder.query("select from instances where id = $1 for update", [instance]);
      const redemption = refusal(app(REDEEM[grant], params));
      while ((await waiting()) < 1);
      let ended = false;
      const ending = endsProvider().finally(() => {
        ended = true;
      });
      while (!ended && (await waiting()) < 2);
      await holder.query("commit");
      return await Promise.all([redemption, ending]);
    });
    expect({ redemption, ending }).toEqual({ redemption: "EB420", ending: null });
    expect(await families()).toEqual([]);
  });

  it("that came first is waited for, and what came of it ends", async () => {
    const { params, endsProvider, families } = await scene(grant);
    const ending = await appTransaction(database, async (query) => {
      await query(REDEEM[grant], params);
      const ending = endsProvider();
      while ((await waiting()) < 1);
      await query("commit");
      return await ending;
    });
    expect(ending).toBeNull();
    expect(await families()).toEqual([{ ended: true }]);
  });
});

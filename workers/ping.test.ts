import { runDurableObjectAlarm } from "cloudflare:test";
import { env, exports } from "cloudflare:workers";
import { sql } from "drizzle-orm";
import { expect, test } from "vitest";
import { uuidFromId } from "../src/core/id.ts";
import { ownerRows, testTenant } from "../src/testing/world.ts";

const post = (path: string, body: BodyInit | null, headers: Record<string, string>) =>
  exports.default.fetch(new Request(`https://ebb.test${path}`, { method: "POST", body, headers }));

test("an instance registers, gets a token, pings, and its row arrives", async () => {
  const tenant = await testTenant();
  const registered = await post(
    "/oauth2/register",
    JSON.stringify({
      scope: "profile:read",
      grant_types: ["client_credentials"],
      instance_registration_key: tenant.registrationKey,
    }),
    { "content-type": "application/json" },
  );
  const client = await registered.json<Record<string, string>>();
  expect([registered.status, client]).toEqual([201, expect.objectContaining({ scope: "profile:read" })]);
  const tokenResponse = await post(
    "/oauth2/token",
    new URLSearchParams({
      grant_type: "client_credentials",
      client_id: client["client_id"] ?? "",
      client_secret: client["client_secret"] ?? "",
    }).toString(),
    { "content-type": "application/x-www-form-urlencoded" },
  );
  const token = await tokenResponse.json<Record<string, string>>();
  expect([tokenResponse.status, token]).toEqual([
    200,
    expect.objectContaining({ token_type: "Bearer", expires_in: 3600 }),
  ]);
  for (let i = 0; i < 2; i++) {
    const alive = await post("/instance/alive", JSON.stringify({ os: { kind: "linux" } }), {
      "content-type": "application/json",
      authorization: `Bearer ${token["access_token"]}`,
    });
    expect([alive.status, await alive.json()]).toEqual([200, { collect: true }]);
  }
  expect(await runDurableObjectAlarm(env.TENANT_GATE.get(env.TENANT_GATE.idFromName(tenant.gateId)))).toBe(true);
  const rows = await ownerRows(
    sql`select os_kind, expires_at - bucket as kept from pings where tenant_id = ${uuidFromId("tenant", tenant.id)}`,
  );
  expect(rows).toEqual([{ os_kind: "linux", kept: "30 days" }]);
});

import { evictDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { sql } from "drizzle-orm";
import { expect, test } from "vitest";
import type { RevokedMessage } from "../src/core/gate-message.ts";
import type { Id } from "../src/core/id.ts";
import { deliverOutbox } from "../src/gate/outbox.ts";
import { PROTOCOL, type TakeCall } from "../src/gate/protocol.ts";
import { appWithFailingGates } from "../src/testing/failing-gates.ts";
import { withoutPostgres } from "../src/testing/faults.ts";
import { call, gateOf, manyInstances, ping, pingCall, signFor, takeCall } from "../src/testing/instance.ts";
import { ownerRows, type TestTenant, testTenant } from "../src/testing/world.ts";
import { createDeps } from "./runtime.ts";

const bearer = (key: string) => ({ authorization: `Bearer ${key}` });

async function keyOf(tenant: TestTenant): Promise<{ id: string; key: string }> {
  const response = await call("/api/v1/keys", {
    method: "POST",
    body: JSON.stringify({ name: "short-lived" }),
    headers: { ...bearer(tenant.apiKey), "content-type": "application/json" },
  });
  return await response.json();
}

async function problemOf(response: Response): Promise<[number, unknown]> {
  return [response.status, (await response.json<{ error?: string }>()).error];
}

async function deliver(tenant: TestTenant, message: RevokedMessage): Promise<void> {
  const messages = [{ id: 1, message }];
  expect(await gateOf(tenant).deliver({ v: PROTOCOL, gateId: tenant.gateId, messages })).toEqual([1]);
}

test("a revoked key is refused by the next request: by the gate, before Postgres is asked", async () => {
  const tenant = await testTenant();
  const { id, key } = await keyOf(tenant);
  const list = (which: string) => call("/api/v1/keys", { headers: bearer(which) });
  expect((await list(key)).status).toBe(200);
  const revoked = await call(`/api/v1/keys/${id}`, { method: "DELETE", headers: bearer(key) });
  expect([revoked.status, await revoked.json()]).toEqual([200, { object: "key", id, deleted: true, effective: true }]);
  await evictDurableObject(gateOf(tenant));
  await withoutPostgres(async () => {
    expect(await problemOf(await list(key))).toEqual([401, "key-revoked"]);
    // The control: another key gets as far as Postgres.
    expect(await problemOf(await list(tenant.apiKey))).toEqual([503, "unavailable"]);
  });
  expect((await list(tenant.apiKey)).status).toBe(200);
});

test("a revocation of which the gate has not heard: 202, refused by the database meanwhile, then by the gate", async () => {
  const tenant = await testTenant();
  const { id, key } = await keyOf(tenant);
  const { fetch } = await appWithFailingGates("unknown", Number.POSITIVE_INFINITY, "deliver");
  const revoked = await fetch(`/api/v1/keys/${id}`, { method: "DELETE", headers: bearer(tenant.apiKey) });
  expect([revoked.status, await revoked.json()]).toEqual([202, expect.objectContaining({ effective: false })]);
  const list = () => call("/api/v1/keys", { headers: bearer(key) });
  expect(await problemOf(await list())).toEqual([401, "key-revoked"]);
  expect(await withoutPostgres(async () => await problemOf(await list()))).toEqual([503, "unavailable"]);
  expect(await deliverOutbox(await createDeps(env), tenant.gateId)).toBe(true);
  expect(await withoutPostgres(async () => await problemOf(await list()))).toEqual([401, "key-revoked"]);
});

test("the hash that a revocation carries is forgotten with its row, and never was in an answer", async () => {
  const tenant = await testTenant();
  const { id } = await keyOf(tenant);
  await call(`/api/v1/keys/${id}`, { method: "DELETE", headers: bearer(tenant.apiKey) });
  const rows = await ownerRows<{ message: RevokedMessage; expires: boolean }>(sql`
    select message, expires_at = ebb.expiry(delivered_at, interval '7 days') as expires from outbox
     where gate_id = ${tenant.gateId} and message ->> 'kind' = 'revoked'`);
  expect(rows).toEqual([
    {
      message: {
        kind: "revoked",
        subject: { kind: "key", id: expect.stringMatching(/^[0-9a-f]{64}$/) },
        reason: "key-revoked",
        issuedBeforeMs: null,
        untilMs: expect.any(Number),
      },
      expires: true,
    },
  ]);
  expect(rows[0]?.message.untilMs).toBeGreaterThan(Date.now() + 89 * 86_400_000);
});

test("one token of an instance is refused, its next one is not; a floor that comes late takes nothing back", async () => {
  const tenant = await testTenant();
  const [instance] = (await manyInstances(tenant, 1)) as [Id<"instance">];
  const untilMs = Date.now() + 3_600_000;
  const revoke = (subject: RevokedMessage["subject"], issuedBeforeMs: number | null) =>
    deliver(tenant, { kind: "revoked", subject, reason: "token-revoked", issuedBeforeMs, untilMs });
  await revoke({ kind: "token", id: "stolen" }, null);
  const pinged = async (tokenId: string, issuedAtMs = Date.now()) =>
    (await gateOf(tenant).ping(pingCall(tenant, instance, { tokenId, issuedAtMs }))).outcome;
  expect(await pinged("stolen")).toBe("refused");
  expect(await pinged("next")).toBe("recorded");
  const now = Date.now();
  await revoke({ kind: "instance", id: instance }, now);
  await revoke({ kind: "instance", id: instance }, now - 60_000);
  expect(await pinged("old", now - 1)).toBe("refused");
  expect(await pinged("old", now)).toBe("refused");
  expect(await pinged("new", now + 1)).toBe("repeated");
});

test("floors are forgotten when nothing they are about could be accepted any more", async () => {
  const tenant = await testTenant();
  const [instance] = (await manyInstances(tenant, 1)) as [Id<"instance">];
  await deliver(tenant, {
    kind: "revoked",
    subject: { kind: "instance", id: instance },
    reason: "instance-deleted",
    issuedBeforeMs: null,
    untilMs: Date.now() - 1,
  });
  expect((await ping(await signFor(tenant, instance))).status).toBe(200);
});

test("a person or key that was revoked is refused wherever they call, through an eviction, until nothing can be left", async () => {
  const tenant = await testTenant();
  const untilMs = Date.now() + 3_600_000;
  const take = async (subjects: TakeCall["subjects"], issuedAtMs?: number) =>
    await gateOf(tenant).take(
      takeCall(tenant, { subjects: { key: "any", ...subjects }, ...(issuedAtMs !== undefined && { issuedAtMs }) }),
    );
  const now = Date.now();
  const subject = { kind: "person", id: "per_1" } as const;
  await deliver(tenant, { kind: "revoked", subject, reason: "token-revoked", issuedBeforeMs: now, untilMs });
  await evictDurableObject(gateOf(tenant));
  expect(await take({ person: "per_1" }, now)).toEqual({ outcome: "refused", reason: "token-revoked" });
  // Without a word on when it was issued, it is refused.
  expect(await take({ person: "per_1" })).toEqual({ outcome: "refused", reason: "token-revoked" });
  expect((await take({ person: "per_1" }, now + 1)).outcome).toBe("admitted");
  expect((await take({ person: "per_2" }, now)).outcome).toBe("admitted");
  expect((await take({ instance: "per_1" }, now)).outcome).toBe("admitted");
});

import { env } from "cloudflare:workers";
import { sql } from "drizzle-orm";
import { expect, test } from "vitest";
import { hashSecret } from "../src/access/secret.ts";
import { toHex } from "../src/core/bytes.ts";
import { uuidFromId } from "../src/core/id.ts";
import { withoutPostgres } from "../src/testing/faults.ts";
import { call } from "../src/testing/instance.ts";
import { personIn, sessionHeaders, type TestPerson } from "../src/testing/people.ts";
import { ownerRows, type TestTenant, testTenant } from "../src/testing/world.ts";
import { createDeps } from "./runtime.ts";

/** Operators and the tenants below; and what a tenant reads of it, and of refusals. */

type Headers = Record<string, string>;
const keyHeaders = ({ apiKey }: { apiKey: string }): Headers => ({ authorization: `Bearer ${apiKey}` });

async function ask(headers: Headers, path: string, init: RequestInit = {}) {
  const response = await call(`/api/v1/${path}`, { ...init, headers: { ...headers, ...(init.headers as Headers) } });
  // biome-ignore lint/suspicious/noExplicitAny: whatever the API says
  return { status: response.status, body: await response.json<any>() };
}
const said = ({ status, body }: { status: number; body: { error?: string } }) => [status, body.error];
const uuid = (tenant: TestTenant) => uuidFromId("tenant", tenant.id);

test("an operator gives a reason for a tenant's data, and the tenant reads it", { timeout: 30_000 }, async () => {
  const platform = await testTenant({ kind: "platform" });
  const customer = await testTenant({ parent: platform });
  await personIn(customer, "owner");
  const operator = await personIn(platform, "operator");
  const callers = [await sessionHeaders(operator), keyHeaders(platform)];
  const target = `?tenant_id=${customer.id}`;
  for (const caller of callers) {
    for (const data of ["members", "invitations", "instances", "keys", "audit", "events"]) {
      expect([data, said(await ask(caller, data + target))]).toEqual([data, [403, "reason-required"]]);
      expect(said(await ask({ ...caller, "ebb-reason": "  " }, data + target))).toEqual([403, "reason-required"]);
    }
    // To administer is not to open: no reason, and nothing to read of it.
    expect((await ask(caller, `tenants${target}`)).body.data).toHaveLength(1);
    expect((await ask(caller, `tenants/${customer.id}/limits`)).status).toBe(200);
  }
  expect((await ask(keyHeaders(customer), "audit")).body.data).toEqual([]);
  for (const [at, caller] of callers.entries()) {
    const opened = await ask({ ...caller, "ebb-reason": `ticket ${at}` }, `members${target}`);
    expect([opened.status, opened.body.data.length]).toEqual([200, 1]);
  }
  const trail = await ask(keyHeaders(customer), "audit?action=tenant.opened");
  expect(trail.body.data).toEqual([
    expect.objectContaining({ action: "tenant.opened", actor_kind: "api-key", detail: { reason: "ticket 1" } }),
    expect.objectContaining({
      action: "tenant.opened",
      actor_kind: "person",
      actor_id: operator.id,
      subject: customer.id,
      detail: { reason: "ticket 0" },
      request_id: expect.stringMatching(/^req_/),
    }),
  ]);
  // A reason opens only what is below, and is no more than its form.
  const beside = await testTenant();
  for (const caller of callers) {
    const reason = { ...caller, "ebb-reason": "curious" };
    expect(said(await ask(reason, `members?tenant_id=${beside.id}`))).toEqual([404, "not-found"]);
    for (const wrong of ["x".repeat(201), "caf\u00e9"]) {
      expect((await ask({ ...caller, "ebb-reason": wrong }, `members${target}`)).status).toBe(400);
    }
  }
  expect(await ownerRows(sql`select from audit_entries where tenant_id = ${uuid(beside)}`)).toEqual([]);
});

test("a reseller needs no reason for its clients, and leaves no opening there", async () => {
  const reseller = await testTenant({ kind: "reseller" });
  const client = await testTenant({ kind: "client", parent: reseller });
  const person = await personIn(reseller, "admin");
  for (const caller of [await sessionHeaders(person), keyHeaders(reseller)]) {
    for (const data of ["members", "keys", "instances"]) {
      expect((await ask(caller, `${data}?tenant_id=${client.id}`)).status).toBe(200);
    }
  }
  const { body } = await ask(keyHeaders(client), "audit");
  expect(body.data).toEqual([]);
  // And never the other way.
  expect((await ask(keyHeaders(client), `members?tenant_id=${reseller.id}`)).status).toBe(404);
});

test("the trail is the tenant's alone, in pages, newest first, by action", async () => {
  const [tenant, beside] = [await testTenant(), await testTenant()];
  const post = (of: TestTenant, path: string, body: unknown) =>
    ask({ ...keyHeaders(of), "content-type": "application/json" }, path, {
      method: "POST",
      body: JSON.stringify(body),
    });
  for (let i = 0; i < 3; i++) await post(tenant, "keys", { name: `k${i}`, permissions: ["instances:read"] });
  await post(tenant, "invitations", { email: "a@b.test", role: "member" });
  await post(beside, "keys", { name: "theirs" });
  const seen: { action: string; recorded_at: number; detail: unknown }[] = [];
  for (let cursor: string | null = ""; cursor !== null; ) {
    const { body } = await ask(keyHeaders(tenant), `audit?limit=3${cursor === "" ? "" : `&cursor=${cursor}`}`);
    seen.push(...body.data);
    cursor = body.next_cursor;
  }
  expect(seen.map(({ action }) => action)).toEqual(["invitation.created", "key.created", "key.created", "key.created"]);
  expect(seen[0]?.detail).toEqual({ role: "member", use_seat: true, withdrawn: null });
  expect(JSON.stringify(seen)).not.toContain("a@b.test");
  const { body } = await ask(keyHeaders(tenant), "audit?action=key.created&limit=2");
  expect([body.data.length, body.next_cursor]).toEqual([2, expect.stringMatching(/^aud_/)]);
  for (const query of ["action=KEY", "action=%25", "cursor=inv_x", `cursor=${tenant.id}`]) {
    expect([query, (await ask(keyHeaders(tenant), `audit?${query}`)).status]).toEqual([query, 400]);
  }
});

test("refusals of genuine credentials are events of the tenant, of forged ones nothing", {
  timeout: 30_000,
}, async () => {
  const tenant = await testTenant();
  const member = await personIn(tenant, "member");
  const session = await sessionHeaders(member);
  const events = async () =>
    (await ask(keyHeaders(tenant), "events")).body.data.map((event: Record<string, unknown>) => [
      event["reason"],
      event["actor_kind"],
      event["person_id"],
      event["place"],
    ]);
  for (let i = 0; i < 3; i++) {
    const from = { cf: { country: "AT" }, headers: { "cf-ipcountry": "DE" } } as RequestInit;
    expect((await ask(session, "audit", from)).status).toBe(403);
  }
  const change = { method: "DELETE", headers: { origin: "https://evil.test" } };
  expect(said(await ask(session, `members/${member.memberId}`, change))).toEqual([403, "cross-site"]);
  const made = await call("/api/v1/keys", {
    method: "POST",
    body: JSON.stringify({ name: "x", permissions: ["instances:read"] }),
    headers: { ...keyHeaders(tenant), "content-type": "application/json" },
  });
  const { key } = await made.json<{ key: string }>();
  await ownerRows(sql`update credentials set revoked_at = now() where secret_hash = decode(${await hex(key)}, 'hex')`);
  expect(said(await ask(keyHeaders({ apiKey: key }), "instances"))).toEqual([401, "key-revoked"]);
  expect((await ask(keyHeaders({ apiKey: `${key.slice(0, -2)}AA` }), "instances")).status).toBe(401);
  expect((await ask({}, "instances")).status).toBe(401);
  expect((await ask(keyHeaders(tenant), `members/${member.memberId.replace("mem_", "inv_")}`)).status).toBe(400);
  expect((await events()).toSorted()).toEqual(
    [
      ["forbidden", "person", member.id, "AT"],
      ["cross-site", "person", member.id, null],
      ["key-revoked", "api-key", null, null],
    ].toSorted(),
  );
  // Nobody else's history, and none of it for a member.
  expect((await ask(keyHeaders(await testTenant()), "events")).body.data).toEqual([]);
  expect((await ask(session, "events")).status).toBe(403);
});

test("a refusal that cannot be noted is the same answer", async () => {
  const tenant = await testTenant();
  const member: TestPerson = await personIn(tenant, "member");
  const headers = { ...(await sessionHeaders(member)), origin: "https://evil.test" };
  const { app } = await createDeps(env);
  const answer = await withoutPostgres(async () => {
    await expect(app.noteRefusal(await hashSecret(member.secret), "cross-site", null, "")).rejects.toThrow();
    return await ask(headers, `members/${member.memberId}`, { method: "DELETE" });
  });
  expect(said(answer)).toEqual([403, "cross-site"]);
});

async function hex(secret: string): Promise<string> {
  return toHex(await hashSecret(secret));
}

import { env } from "cloudflare:workers";
import { sql } from "drizzle-orm";
import { expect, test } from "vitest";
import { canonicalJson, type Json } from "../src/core/canonical-json.ts";
import { newId, uuidFromId } from "../src/core/id.ts";
import { deliverOutbox } from "../src/gate/outbox.ts";
import { purge } from "../src/jobs/purge.ts";
import { call } from "../src/testing/instance.ts";
import { ownerRows, type TestTenant, testTenant } from "../src/testing/world.ts";
import { createDeps } from "./runtime.ts";

/** The account routes of retention, through workerd, the gate and Postgres. */

interface Body {
  error?: string;
  errors?: { path: string; message: string }[];
  data?: Record<string, unknown>[];
  next_cursor?: string | null;
  [member: string]: unknown;
}
interface Answer {
  status: number;
  body: Body;
}

async function send(by: TestTenant | string, method: string, path: string, body?: unknown): Promise<Answer> {
  const response = await call(`/api/v1/${path}`, {
    method,
    headers: {
      authorization: `Bearer ${typeof by === "string" ? by : by.apiKey}`,
      "content-type": "application/json",
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  return { status: response.status, body: await response.json() };
}
const said = ({ status, body }: Answer) => [status, body.error, body.errors?.map(({ path }) => path)];
const inDays = (days: number) => Math.floor(Date.now() / 1000) + days * 86_400;

async function tree() {
  const platform = await testTenant({ kind: "platform" });
  const reseller = await testTenant({ kind: "reseller", parent: platform, plan: "team" });
  const client = await testTenant({ kind: "client", parent: reseller, plan: "enterprise" });
  const stranger = await testTenant({ kind: "direct" });
  const deps = await createDeps(env);
  for (const { gateId } of [platform, reseller, client, stranger]) expect(await deliverOutbox(deps, gateId)).toBe(true);
  return { platform, reseller, client, stranger };
}

async function keyWith(tenant: TestTenant, ...permissions: string[]): Promise<string> {
  const { body } = await send(tenant, "POST", "keys", { name: "narrow", permissions });
  return body["key"] as string;
}

test("receipts are read by every key that may, newest first, page by page, with the text that was recorded", async () => {
  const { client } = await tree();
  const report = await purge(await createDeps(env));
  const seen: Record<string, unknown>[] = [];
  for (let cursor: string | null | undefined; cursor !== null; ) {
    const after = cursor === undefined ? "" : `&cursor=${cursor}`;
    const { body } = await send(client, "GET", `retention/receipts?run=${report.run}&limit=7${after}`);
    seen.push(...(body.data ?? []));
    cursor = body.next_cursor ?? null;
  }
  expect(seen.map(({ table }) => table).sort()).toEqual(report.tables.map(({ table }) => table).sort());
  const ids = seen.map(({ id }) => id as string);
  expect(ids).toEqual(ids.toSorted().reverse());
  for (const { id, run, table, receipt, canonical } of seen) {
    expect(canonicalJson(receipt as Json)).toBe(canonical);
    expect(receipt).toMatchObject({ id, run, table, receipt: "purge", version: 1 });
  }
  const one = await send(client, "GET", `retention/receipts?run=${report.run}&table=pings`);
  expect(one.body.data?.map(({ table }) => table)).toEqual(["pings"]);
  const touched = await send(client, "GET", `retention/receipts?run=${report.run}&touched=true&limit=200`);
  const did = report.tables.filter((it) => it.deleted + it.anonymised + it.blocked + it.partitions.length > 0);
  expect(touched.body.data?.map(({ table }) => table).sort()).toEqual(did.map(({ table }) => table).sort());
  expect(await send(client, "GET", "retention/receipts?table=no_such_table")).toMatchObject({ body: { data: [] } });
});

test("a cursor, a filter or a limit that is none is refused by its name", async () => {
  const { client } = await tree();
  for (const [query, field] of [
    ["cursor=garbage", "cursor"],
    ["cursor=prc_", "cursor"],
    [`cursor=${newId("audit", 0)}`, "cursor"],
    ["cursor=prc_8ZZZZZZZZZZZZZZZZZZZZZZZZZ", "cursor"],
    ["run=1", "run"],
    ["table=public.pings", "table"],
    ["table=%27%3B--", "table"],
    ["touched=yes", "touched"],
    ["limit=0", "limit"],
    ["limit=201", "limit"],
  ] as const) {
    expect([query, said(await send(client, "GET", `retention/receipts?${query}`))]).toEqual([
      query,
      [400, "invalid-field", [field]],
    ]);
  }
  expect(said(await send(client, "GET", "retention/status?tenant_id=x"))).toEqual([
    400,
    "invalid-field",
    ["tenant_id"],
  ]);
});

test("the status is the tenant's own; of those below for those above; of everybody for the platform owner", async () => {
  const { platform, reseller, client, stranger } = await tree();
  const soon = sql`now() - interval '7 days' + interval '3 hours'`;
  for (const [tenant, count] of [
    [client, 3],
    [stranger, 2],
  ] as const) {
    await ownerRows(
      sql`insert into dead_letters (id, tenant_id, gate_id, reason, body, recorded_at) select gen_random_uuid(), ${uuidFromId("tenant", tenant.id)}::uuid, ${tenant.gateId}, 'test', '{}', ${soon} from generate_series(1, ${count})`,
    );
  }
  const deadLetters = async (by: TestTenant, query = "") => {
    const { status, body } = await send(by, "GET", `retention/status${query}`);
    if (status !== 200) return said({ status, body });
    const tables = body["tables"] as Record<string, unknown>[];
    return tables.find(({ table }) => table === "dead_letters");
  };
  const own = await deadLetters(client);
  expect(own).toMatchObject({
    retention_class: "dead-letters",
    window: "7 days",
    afterwards: "delete",
    own_months: null,
    empty: false,
    expiring: { rows: 3, more: false },
    overdue: { rows: 0, more: false },
    held: null,
  });
  expect((own as { kept_until: number }).kept_until - Date.now() / 1000).toBeGreaterThan(2.9 * 3_600);
  expect(await deadLetters(reseller)).toMatchObject({ expiring: { rows: 0 } });
  expect(await deadLetters(reseller, `?tenant_id=${client.id}`)).toMatchObject({ expiring: { rows: 3 }, held: null });
  expect(await deadLetters(platform, `?tenant_id=${client.id}`)).toMatchObject({ expiring: { rows: 3 }, held: 0 });
  const all = (await deadLetters(platform)) as { expiring: { rows: number } };
  expect(all.expiring.rows).toBeGreaterThanOrEqual(5);
  for (const by of [reseller, client]) {
    expect(await deadLetters(by, `?tenant_id=${stranger.id}`)).toEqual([404, "not-found", undefined]);
  }
  expect(await deadLetters(client, `?tenant_id=${reseller.id}`)).toEqual([404, "not-found", undefined]);
  const { body } = await send(client, "GET", "retention/status");
  expect(body).toMatchObject({ object: "retention_status", tenant_id: client.id, everybody: false });
  expect(JSON.stringify(body)).not.toMatch(/legal_holds/);
  expect((await send(platform, "GET", "retention/status")).body).toMatchObject({ everybody: true });
});

test("the status tells of the last run, and of the longest that anything was ever late", async () => {
  const { client } = await tree();
  const deps = await createDeps(env);
  await ownerRows(
    sql`insert into dead_letters (id, tenant_id, gate_id, reason, body, recorded_at) select gen_random_uuid(), ${uuidFromId("tenant", client.id)}::uuid, ${client.gateId}, 'test', '{}', now() - interval '7 days' - interval '40 years'`,
  );
  const due = (await send(client, "GET", "retention/status")).body;
  expect(due["overdue"]).toEqual({ rows: 1, more: false });
  expect(due["overdue_s"]).toBeGreaterThan(39 * 365 * 86_400);
  const report = await purge(deps);
  const { body } = await send(client, "GET", "retention/status");
  expect(body).toMatchObject({
    overdue: { rows: 0, more: false },
    overdue_s: 0,
    last_run: { run: report.run, tables: report.tables.length, finished: true, unfinished: [] },
  });
  const worst = body["worst"] as { overdue_s: number; table: string; receipt_id: string };
  expect(worst).toMatchObject({ table: "dead_letters" });
  expect(worst.overdue_s).toBeGreaterThan(39 * 365 * 86_400);
  const { body: told } = await send(client, "GET", `retention/receipts?run=${report.run}&table=dead_letters`);
  expect(told.data?.[0]).toMatchObject({ id: worst.receipt_id });
});

test("a hold is placed, listed, keeps what has expired, and releasing it lets that go", async () => {
  const { platform, client } = await tree();
  const deps = await createDeps(env);
  const person = newId("person", Date.now());
  const reviewAt = inDays(30);
  const placed = await send(platform, "POST", "retention/holds", {
    tenant_id: client.id,
    reason: "Case 2026-114",
    review_at: reviewAt,
  });
  expect(placed).toMatchObject({
    status: 201,
    body: { object: "legal_hold", tenant_id: client.id, subject_id: null, retention_class: null, review_at: reviewAt },
  });
  const other = await send(platform, "POST", "retention/holds", {
    subject_id: person,
    retention_class: "security-events",
    reason: "Case 2026-115",
    review_at: reviewAt,
  });
  expect(other.status).toBe(201);
  const id = placed.body["id"] as string;
  const first = await send(platform, "GET", "retention/holds?limit=1");
  expect(first.body.data).toMatchObject([{ id: other.body["id"], subject_id: person, tenant_id: null }]);
  const second = await send(platform, "GET", `retention/holds?limit=1&cursor=${first.body.next_cursor}`);
  expect(second.body.data).toMatchObject([
    { id, tenant_id: client.id, reason: "Case 2026-114", released_at: null, outcome: null },
  ]);
  const rowsLeft = async () =>
    (await ownerRows(sql`select from dead_letters where tenant_id = ${uuidFromId("tenant", client.id)}::uuid`)).length;
  await ownerRows(
    sql`insert into dead_letters (id, tenant_id, gate_id, reason, body, recorded_at) select gen_random_uuid(), ${uuidFromId("tenant", client.id)}::uuid, ${client.gateId}, 'test', '{}', now() - interval '8 days'`,
  );
  await purge(deps);
  expect(await rowsLeft()).toBe(1);
  const status = await send(platform, "GET", `retention/status?tenant_id=${client.id}`);
  const tables = status.body["tables"] as Record<string, unknown>[];
  expect(tables.find(({ table }) => table === "dead_letters")).toMatchObject({ held: 1, overdue: { rows: 0 } });
  const release = (what: unknown, body: unknown = { outcome: "Closed" }) =>
    send(platform, "POST", `retention/holds/${what}/release`, body);
  expect(await release(id)).toMatchObject({ status: 200, body: { object: "legal_hold", id, outcome: "Closed" } });
  await purge(deps);
  expect(await rowsLeft()).toBe(0);
  expect(said(await release(id))).toEqual([404, "not-found", undefined]);
  const both = await Promise.all([release(other.body["id"]), release(other.body["id"])]);
  expect(both.map(({ status: code }) => code).sort()).toEqual([200, 404]);
  expect(said(await release(newId("legalHold", Date.now())))).toEqual([404, "not-found", undefined]);
  const audited = await ownerRows(
    sql`select action, subject, detail from audit_entries where tenant_id = ${uuidFromId("tenant", platform.id)}::uuid order by id`,
  );
  expect(audited.map(({ action, subject }) => [action, subject])).toEqual([
    ["hold.placed", id],
    ["hold.placed", other.body["id"]],
    ["hold.released", id],
    ["hold.released", other.body["id"]],
  ]);
  // The reason may name people: it stands in the hold, for as long as that is kept, and not in the audit.
  expect(JSON.stringify(audited)).not.toContain("Case");
});

test("a hold that could not be meant is refused by the field's name", async () => {
  const { platform } = await tree();
  const stranger = await testTenant({ kind: "direct" });
  const reason = `meant for ${platform.id}`;
  const good = { retention_class: "security-events", reason, review_at: inDays(30) };
  const place = async (change: object) => said(await send(platform, "POST", "retention/holds", { ...good, ...change }));
  for (const [change, field] of [
    [{ retention_class: null }, "tenant_id"],
    [{ retention_class: undefined }, "tenant_id"],
    [{ retention_class: "no-such-class" }, "retention_class"],
    [{ retention_class: "login-codes" }, "retention_class"],
    [{ retention_class: "gate-event-ids" }, "retention_class"],
    [{ retention_class: ["security-events"] }, "retention_class"],
    [{ reason: undefined }, "reason"],
    [{ reason: "" }, "reason"],
    [{ reason: "   " }, "reason"],
    [{ reason: "x".repeat(501) }, "reason"],
    [{ reason: "a\u0000b" }, "reason"],
    [{ reason: 7 }, "reason"],
    [{ review_at: Math.floor(Date.now() / 1000) - 1 }, "review_at"],
    [{ review_at: inDays(3 * 365) }, "review_at"],
    [{ review_at: 1e20 }, "review_at"],
    [{ review_at: "tomorrow" }, "review_at"],
    [{ tenant_id: "tnt_1" }, "tenant_id"],
    [{ tenant_id: newId("person", 0) }, "tenant_id"],
    [{ subject_id: newId("tenant", 0) }, "subject_id"],
    [{ subject_id: 5 }, "subject_id"],
  ] as const) {
    expect([change, await place(change)]).toEqual([change, [400, "invalid-field", [field]]]);
  }
  // One that never was, and one of another platform's: the same.
  expect(await place({ tenant_id: newId("tenant", Date.now()) })).toEqual([404, "not-found", undefined]);
  expect(await place({ tenant_id: stranger.id })).toEqual([404, "not-found", undefined]);
  for (const outcome of [undefined, "", " ", "x".repeat(501), 1]) {
    const path = `retention/holds/${newId("legalHold", 0)}/release`;
    expect([outcome, said(await send(platform, "POST", path, { outcome }))]).toEqual([
      outcome,
      [400, "invalid-field", ["outcome"]],
    ]);
  }
  expect((await send(platform, "GET", "retention/holds")).body.data).not.toContainEqual(
    expect.objectContaining({ reason }),
  );
});

test("nobody but the platform owner holds, releases, lists or sets, whatever their key may do", async () => {
  const { platform, reseller, client, stranger } = await tree();
  const hold = { tenant_id: client.id, reason: "r", review_at: inDays(30) };
  const placed = await send(platform, "POST", "retention/holds", hold);
  const release = `retention/holds/${placed.body["id"]}/release`;
  const window = `tenants/${client.id}/retention/tool-execution-logs`;
  const forbidden = [403, "forbidden", undefined];
  for (const by of [reseller, client, stranger]) {
    expect(said(await send(by, "POST", "retention/holds", hold))).toEqual(forbidden);
    expect(said(await send(by, "POST", "retention/holds", { ...hold, tenant_id: newId("tenant", 0) }))).toEqual(
      forbidden,
    );
    expect(said(await send(by, "GET", "retention/holds"))).toEqual(forbidden);
    expect(said(await send(by, "POST", release, { outcome: "o" }))).toEqual(forbidden);
    expect(said(await send(by, "PUT", window, { months: 6 }))).toEqual(
      by === stranger ? [404, "not-found", undefined] : forbidden,
    );
  }
  // Nor a key of the platform owner's that was not given the permission.
  const narrow = await keyWith(platform, "retention:read", "tenants:read");
  expect(said(await send(narrow, "POST", "retention/holds", hold))).toEqual(forbidden);
  expect(said(await send(narrow, "GET", "retention/holds"))).toEqual(forbidden);
  expect(said(await send(narrow, "POST", release, { outcome: "o" }))).toEqual(forbidden);
  expect(said(await send(narrow, "PUT", window, { months: 6 }))).toEqual(forbidden);
  expect((await send(narrow, "GET", "retention/status")).status).toBe(200);
  const blind = await keyWith(client, "tenants:read");
  for (const path of ["retention/status", "retention/receipts", `tenants/${client.id}/retention`]) {
    expect(said(await send(blind, "GET", path))).toEqual(forbidden);
    expect((await send(client, "GET", path)).status).toBe(200);
  }
  // The positive control: nothing of it was done.
  expect((await send(platform, "POST", release, { outcome: "o" })).status).toBe(200);
  expect((await send(platform, "GET", `tenants/${client.id}/retention`)).body.data).toMatchObject([{ current: null }]);
});

test("a tenant's window is set at once when it is shorter and in 30 days when longer, and its tenant sees it", async () => {
  const { platform, reseller, client } = await tree();
  const path = `tenants/${client.id}/retention`;
  const set = (months: unknown, retentionClass = "tool-execution-logs", of = client) =>
    send(platform, "PUT", `tenants/${of.id}/retention/${retentionClass}`, { months });
  const bounds = { retention_class: "tool-execution-logs", months: 12, least_months: 1, greatest_months: 24 };
  expect((await send(client, "GET", path)).body.data).toEqual([
    expect.objectContaining({ ...bounds, current: null, pending: null }),
  ]);
  const shorter = await set(6);
  expect(shorter).toMatchObject({ status: 200, body: { object: "retention_window", tenant_id: client.id, months: 6 } });
  expect(Math.abs((shorter.body["effective_at"] as number) - Date.now() / 1000)).toBeLessThan(60);
  const longer = await set(18);
  expect(Math.abs((longer.body["effective_at"] as number) - inDays(30))).toBeLessThan(60);
  for (const by of [client, reseller, platform]) {
    expect((await send(by, "GET", path)).body.data).toMatchObject([
      { ...bounds, current: { months: 6 }, pending: { months: 18, effective_at: longer.body["effective_at"] } },
    ]);
  }
  const status = await send(client, "GET", "retention/status");
  const tables = status.body["tables"] as Record<string, unknown>[];
  expect(tables.find(({ table }) => table === "tool_executions")).toMatchObject({ own_months: 6, window: "12 months" });
  expect(tables.find(({ table }) => table === "pings")).toMatchObject({ own_months: null });
  // What was to come is replaced.
  await set(7);
  expect((await send(client, "GET", path)).body.data).toMatchObject([
    { current: { months: 6 }, pending: { months: 7 } },
  ]);
  await set(3);
  expect((await send(client, "GET", path)).body.data).toMatchObject([{ current: { months: 3 }, pending: null }]);
  for (const months of [0, -1, 25, 2 ** 40, 1.5, "6", null, undefined]) {
    expect([months, said(await set(months))]).toEqual([months, [400, "invalid-field", ["months"]]]);
  }
  const { body } = await set(25);
  expect(body.errors).toEqual([{ path: "months", message: "must be from 1 to 24" }]);
  expect(said(await set(6, "alive-pings"))).toEqual([409, "window-not-variable", undefined]);
  expect(said(await set(6, "outside-copies"))).toEqual([409, "window-not-variable", undefined]);
  expect(said(await set(6, "no-such-class"))).toEqual([404, "not-found", undefined]);
  expect(said(await set(6, "tool-execution-logs", reseller))).toEqual([409, "plan-not-sufficient", undefined]);
  expect(
    said(await send(platform, "PUT", `tenants/${newId("tenant", 0)}/retention/tool-execution-logs`, { months: 6 })),
  ).toEqual([404, "not-found", undefined]);
  expect((await send(client, "GET", path)).body.data).toMatchObject([{ current: { months: 3 }, pending: null }]);
  const audited = await ownerRows(
    sql`select action, detail from audit_entries where tenant_id = ${uuidFromId("tenant", client.id)}::uuid order by id`,
  );
  expect(audited.map(({ detail }) => (JSON.parse(detail as string) as { months: number }).months)).toEqual([
    6, 18, 7, 3,
  ]);
});

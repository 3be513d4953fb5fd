import { sql } from "drizzle-orm";
import { expect, test } from "vitest";
import { type Id, newId, uuidFromId } from "../src/core/id.ts";
import { askAs as ask, said } from "../src/testing/account-call.ts";
import { manyInstances, register } from "../src/testing/instance.ts";
import { personIn } from "../src/testing/people.ts";
import { ownerRows, type TestTenant, testTenant } from "../src/testing/world.ts";

/** Workspaces: the contract's one path, and ours. */

const TIME = expect.any(Number);
const make = async (tenant: TestTenant, name: string, more: object = {}) => {
  const { status, body } = await ask(tenant, "POST", "workspaces", { name, ...more });
  if (status !== 201) throw new Error(`workspace: ${status}`);
  return body as { id: Id<"workspace">; generation: number };
};
const place = (instance: Id<"instance">, workspace: Id<"workspace">) =>
  ownerRows(sql`update instances set workspace_id = ${uuidFromId("workspace", workspace)}
                 where id = ${uuidFromId("instance", instance)}`);

test("they are made, shown, listed with what is in them, changed and removed", async () => {
  const tenant = await testTenant();
  const member = await personIn(tenant, "member");
  const once = { "idempotency-key": "a-workspace" };
  const made = await ask(tenant, "POST", "workspaces", { name: "Build machines" }, once);
  const shown = {
    object: "workspace",
    id: expect.stringMatching(/^wsp_/),
    name: "Build machines",
    claim_code_required: true,
    generation: 0,
    instances: 0,
    created_at: TIME,
    updated_at: TIME,
  };
  expect([made.status, made.body]).toEqual([201, shown]);
  const repeat = await ask(tenant, "POST", "workspaces", { name: "Build machines" }, once);
  expect([repeat.body, repeat.headers.get("idempotency-replayed")]).toEqual([made.body, "true"]);
  const { id } = made.body;
  expect((await ask(member, "GET", `workspace/${id}`)).body).toEqual({
    object: "workspace",
    id,
    name: "Build machines",
  });
  const [first, second, third] = (await manyInstances(tenant, 3)) as [Id<"instance">, Id<"instance">, Id<"instance">];
  for (const instance of [first, second]) await place(instance, id);
  await ownerRows(sql`update instances set removed_at = now() where id = ${uuidFromId("instance", second)}`);
  const page = (await ask(member, "GET", "workspaces?limit=1")).body;
  expect(page).toMatchObject({ object: "list", data: [{ id: tenant.workspaceId, name: "Default", instances: 1 }] });
  const rest = (await ask(member, "GET", `workspaces?cursor=${page.next_cursor}`)).body;
  expect([rest.data, rest.next_cursor]).toEqual([[{ ...shown, instances: 1 }], null]);
  expect(third).toMatch(/^ins_/);

  const path = `workspaces/${id}`;
  const etag = (await ask(member, "GET", path)).headers.get("etag") ?? "";
  expect(made.headers.get("etag")).toBe(etag);
  expect(said(await ask(member, "PATCH", path, { name: "x" }))).toEqual([403, "forbidden"]);
  const changed = await ask(tenant, "PATCH", path, { name: "Lab", claim_code_required: false }, { "if-match": etag });
  expect(changed.body).toMatchObject({ name: "Lab", claim_code_required: false, instances: 1 });
  expect(said(await ask(tenant, "PATCH", path, { name: "y" }, { "if-match": etag }))).toEqual([
    412,
    "precondition-failed",
  ]);
  const now = changed.headers.get("etag") ?? "";
  expect((await ask(tenant, "GET", path)).headers.get("etag")).toBe(now);
  expect((await ask(tenant, "PATCH", path, {}, { "if-match": now })).body.name).toBe("Lab");
  expect((await ask(tenant, "PATCH", path, { claim_code_required: true })).body).toMatchObject({ name: "Lab" });
  for (const name of ["", "  ", "a\u0000b", "x".repeat(101), 1]) {
    expect(said(await ask(tenant, "PATCH", path, { name }))).toEqual([400, "invalid-field"]);
    expect(said(await ask(tenant, "POST", "workspaces", { name }))).toEqual([400, "invalid-field"]);
  }
  expect(said(await ask(tenant, "DELETE", path))).toEqual([409, "workspace-not-empty"]);
  await place(first, tenant.workspaceId);
  expect(said(await ask(member, "DELETE", path))).toEqual([403, "forbidden"]);
  expect((await ask(tenant, "DELETE", path)).body).toEqual({ object: "workspace", id, deleted: true });
  const gone = [
    ask(tenant, "GET", path),
    ask(tenant, "GET", `workspace/${id}`),
    ask(tenant, "PATCH", path, { name: "x" }),
    ask(tenant, "DELETE", path),
  ];
  for (const answer of await Promise.all(gone)) expect(said(answer)).toEqual([404, "not-found"]);
  expect((await ask(tenant, "GET", "audit")).body.data.map(({ action }: { action: string }) => action)).toEqual([
    "workspace.removed",
    "workspace.changed",
    "workspace.changed",
    "workspace.changed",
    "workspace.created",
  ]);
});

test("another tenant's workspace is the same 404 as none, whatever is asked of it", async () => {
  const [own, beside] = [await testTenant(), await testTenant()];
  for (const [method, path, body] of [
    ["GET", "workspace/", undefined],
    ["GET", "workspaces/", undefined],
    ["PATCH", "workspaces/", { name: "mine" }],
    ["DELETE", "workspaces/", undefined],
  ] as const) {
    const texts = await Promise.all(
      [beside.workspaceId, newId("workspace", Date.now())].map(async (id) => {
        const answer = await ask(own, method, path + id, body);
        return [answer.status, answer.text.replace(/req_\w+/, "").replaceAll(id, "")];
      }),
    );
    expect([method, path, texts[0]]).toEqual([method, path, texts[1]]);
    expect(texts[0]?.[0]).toBe(404);
  }
  expect((await ask(beside, "GET", `workspace/${beside.workspaceId}`)).body.name).toBe("Default");
});

test("the last one stays, also when the last two are removed at once", async () => {
  const tenant = await testTenant();
  expect(said(await ask(tenant, "DELETE", `workspaces/${tenant.workspaceId}`))).toEqual([409, "workspace-not-empty"]);
  const { id } = await make(tenant, "second");
  const answers = await Promise.all(
    [tenant.workspaceId, id].map((workspace) => ask(tenant, "DELETE", `workspaces/${workspace}`)),
  );
  expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 409]);
  expect((await ask(tenant, "GET", "workspaces")).body.data).toHaveLength(1);
});

test("into a removed workspace nothing registers: its keys end with it, and a race has one winner", async () => {
  const tenant = await testTenant();
  const { id } = await make(tenant, "second");
  const { body } = await ask(tenant, "POST", "registration-keys", { name: "k", reusable: true, workspace_id: id });
  const inIt = { registrationKey: body.key as string };
  const [removed, registered] = await Promise.all([
    ask(tenant, "DELETE", `workspaces/${id}`),
    register(inIt).then(
      () => true,
      () => false,
    ),
  ]);
  expect([
    [200, false],
    [409, true],
  ]).toContainEqual([removed.status, registered]);
  const [left] = await ownerRows<{ n: number }>(sql`
    select count(*)::int as n from instances i join workspaces w on w.id = i.workspace_id
     where w.id = ${uuidFromId("workspace", id)} and w.removed_at is not null and i.removed_at is null`);
  expect(left).toEqual({ n: 0 });
  if (removed.status === 200) await expect(register(inIt)).rejects.toThrow();
  // Of another workspace they go on.
  await expect(register(tenant)).resolves.toMatchObject({ client_id: expect.any(String) });
});

test("a new workspace has the generation of the others", async () => {
  const tenant = await testTenant();
  const [first, member] = [await personIn(tenant, "owner"), await personIn(tenant, "member")];
  for (const role of ["admin", "member"]) await ask(first, "PATCH", `members/${member.memberId}`, { role });
  const made = await make(tenant, "later");
  expect(made.generation).toBe(2);
  await ask(first, "PATCH", `members/${member.memberId}`, { role: "admin" });
  const { data } = (await ask(tenant, "GET", "workspaces")).body;
  expect(data.map(({ generation }: { generation: number }) => generation)).toEqual([3, 3]);
});

import { sql } from "drizzle-orm";
import { afterEach, expect, test, vi } from "vitest";
import { fromBase64Url } from "../src/core/bytes.ts";
import { SECOND_MS } from "../src/core/clock.ts";
import { uuidFromId } from "../src/core/id.ts";
import { DEVICE_CODE_GRANT } from "../src/oauth/client-metadata.ts";
import { call, postForm } from "../src/testing/instance.ts";
import {
  answerOnPage,
  answerWith,
  beginLogin,
  loginOn,
  type OAuthClient,
  type Pending,
  patOf,
  poll,
  proof,
  registerClient,
  registerFrom,
  saidOf,
  typeCode,
} from "../src/testing/oauth-world.ts";
import { personIn, sessionHeaders } from "../src/testing/people.ts";
import { ownerRows, testTenant } from "../src/testing/world.ts";

afterEach(() => void vi.useRealTimers());

/** A tenant, an instance of it, a member and their token that may approve. */
async function scene(more: Record<string, unknown> = {}) {
  const tenant = await testTenant();
  const client = await registerClient(tenant, more);
  const person = await personIn(tenant, "member");
  return { tenant, client, person, pat: await patOf(person) };
}
const publicClient = { token_endpoint_auth_method: "none" };
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
const information = (token: string, userCode: string) =>
  call(`/oauth2/device/information?${new URLSearchParams({ user_code: userCode })}`, { headers: bearer(token) });
const errorOf = async (response: Response) => [
  response.status,
  (await response.json<{ error?: string }>()).error ?? null,
];
/** As if it had been issued this much earlier. */
const age = ({ user_code }: Pending, client: OAuthClient, seconds: number) =>
  ownerRows(
    sql`update device_codes set issued_at = issued_at - make_interval(secs => ${seconds}) where client_id = ${client.client_id}
        returning ${user_code}::text`,
  );

test("the device authorization answer has every field, is JSON and is not stored", async () => {
  const { client } = await scene();
  const response = await postForm("/oauth2/device/authorize", { ...proof(client), scope: "profile:read" });
  const body = await response.json<Pending>();
  expect([response.status, response.headers.get("cache-control"), response.headers.get("content-type")]).toEqual([
    200,
    "no-store",
    expect.stringMatching(/^application\/json/),
  ]);
  expect(body).toEqual({
    device_code: expect.stringMatching(/^ebbd_[A-Za-z0-9_-]{74}$/),
    user_code: expect.stringMatching(/^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$/),
    verification_uri: "https://ebb.test/device",
    verification_uri_complete: `https://ebb.test/device?user_code=${body.user_code}`,
    expires_in: 600,
    interval: 5,
  });
  const rows = await ownerRows<{ row: string }>(
    sql`select row_to_json(d)::text as row from device_codes d where client_id = ${client.client_id}`,
  );
  expect(rows).toHaveLength(1);
  for (const code of [body.device_code, body.user_code]) expect(rows[0]?.row).not.toContain(code);
});

test("beginning a login takes the client's own secret, or for a public client its id alone", async () => {
  const { client, tenant } = await scene();
  const other = await registerClient(tenant);
  const open = await registerClient(tenant, publicClient);
  const begin = async (form: Record<string, string>) => errorOf(await postForm("/oauth2/device/authorize", form));
  expect(await begin(proof(client))).toEqual([200, null]);
  expect(await begin(proof(open))).toEqual([200, null]);
  const refused: Record<string, string>[] = [
    { client_id: client.client_id },
    { client_id: client.client_id, client_secret: other.client_secret as string },
    { client_id: client.client_id, client_secret: "wrong" },
    { client_id: open.client_id, client_secret: "anything" },
    { client_id: `${client.client_id.slice(0, -1)}!`, client_secret: client.client_secret as string },
    { scope: "profile:read" },
  ];
  for (const form of refused) expect([form, await begin(form)]).toEqual([form, [401, "invalid_client"]]);
  const ungranted = await registerClient(tenant, { grant_types: ["client_credentials"] });
  expect(await begin(proof(ungranted))).toEqual([400, "unauthorized_client"]);
});

test("empty parameters are omitted ones, unknown ones are ignored, repeated ones are refused", async () => {
  const { client } = await scene();
  const begin = async (text: string) => {
    const headers = { "content-type": "application/x-www-form-urlencoded" };
    const body = `${new URLSearchParams(proof(client))}&${text}`;
    return await call("/oauth2/device/authorize", { method: "POST", headers, body });
  };
  expect(await errorOf(await begin("scope=&unheard_of=1&__proto__=x"))).toEqual([200, null]);
  for (const text of ["scope=profile%3Aread&scope=profile%3Aread", `client_id=${client.client_id}`, "x=1&x=2"]) {
    expect([text, await errorOf(await begin(text))]).toEqual([text, [400, "invalid_request"]]);
  }
  // What a scope may hold, and what it may not do: nothing beyond the words of ours ever comes back.
  for (const scope of ["profile:read\nassistant", 'profile:read"', "profile:read;assistant", "keys:write", "%"]) {
    expect([scope, await errorOf(await begin(`scope=${encodeURIComponent(scope)}`))]).toEqual([
      scope,
      [400, "invalid_scope"],
    ]);
  }
  expect(await errorOf(await begin(`scope=${"x".repeat(10_000)}`))).toEqual([400, "invalid_request"]);
  expect((await begin(`scope=${"x".repeat(100_000)}`)).status).toBe(413);
  const pending = await begin("scope=profile%3Aread%2Cassistant+keys%3Awrite%00").then((r) => r.json<Pending>());
  const [row] = await ownerRows(
    sql`select scope from device_codes where client_id = ${client.client_id} order by issued_at desc limit 1`,
  );
  expect([pending.interval, row]).toEqual([5, { scope: "profile:read assistant" }]);
});

test("polling says authorization_pending, slow_down, access_denied and expired_token, each with status 400", async () => {
  const { client, pat } = await scene();
  const start = Date.now();
  vi.useFakeTimers({ toFake: ["Date"], now: start });
  const after = (seconds: number) => void vi.setSystemTime(start + seconds * SECOND_MS);
  const pending = await beginLogin(client);
  const asked = async () => saidOf(await poll(client, pending));
  expect(await asked()).toEqual([400, "authorization_pending"]);
  after(5);
  expect(await asked()).toEqual([400, "authorization_pending"]);
  after(6);
  expect(await asked()).toEqual([400, "slow_down"]);
  // Five seconds more from now on: what was in time before is too soon, and each time five more.
  after(12);
  expect(await asked()).toEqual([400, "slow_down"]);
  after(27);
  expect(await asked()).toEqual([400, "authorization_pending"]);
  expect((await answerWith(pat, "deny", pending)).status).toBe(200);
  expect(await asked()).toEqual([400, "access_denied"]);

  // Expires in the middle of polling, approved or not; and is still told so when it is purged.
  const late = await beginLogin(client);
  const approved = await beginLogin(client);
  expect(await saidOf(await poll(client, late))).toEqual([400, "authorization_pending"]);
  expect((await answerWith(pat, "approve", approved)).status).toBe(200);
  after(27 + 601);
  expect(await saidOf(await poll(client, late))).toEqual([400, "expired_token"]);
  expect(await saidOf(await poll(client, approved))).toEqual([400, "expired_token"]);
  await ownerRows(sql`delete from device_codes where client_id = ${client.client_id}`);
  expect(await saidOf(await poll(client, late))).toEqual([400, "expired_token"]);
});

test("a device code has 256 random bits, and a forged one is refused", async () => {
  const { client } = await scene();
  const codes = await Promise.all(Array.from({ length: 8 }, () => beginLogin(client)));
  const randoms = codes.map(({ device_code }) => fromBase64Url(device_code.slice(5))?.subarray(13, 45) as Uint8Array);
  // 32 bytes each: none the same at any place of all eight, but by a chance of 256^-7 a place.
  for (let at = 0; at < 32; at++) expect(new Set(randoms.map((bytes) => bytes[at])).size).toBeGreaterThan(1);
  const { device_code } = codes[0] as Pending;
  const last = device_code.at(-2) === "A" ? "B" : "A";
  for (const forged of [
    `${device_code.slice(0, -2)}${last}${device_code.at(-1)}`,
    device_code.toLowerCase(),
    device_code.replace("ebbd_", "ebbt_"),
    `${device_code}A`,
    "x",
  ]) {
    expect([forged, await saidOf(await poll(client, { device_code: forged }))]).toEqual([
      forged,
      [400, "invalid_grant"],
    ]);
  }
  const nothing = { ...proof(client), grant_type: DEVICE_CODE_GRANT };
  expect(await saidOf(await postForm("/oauth2/token", nothing))).toEqual([400, "invalid_request"]);
  expect(await saidOf(await poll(client, { device_code: "x".repeat(5_000) }))).toEqual([400, "invalid_request"]);
});

test("a device code is of no use to another client, and stays good for its own", async () => {
  const { client, tenant, pat } = await scene();
  const foreign = await registerClient(await testTenant());
  const others = [await registerClient(tenant), foreign, await registerFrom()];
  const pending = await beginLogin(client);
  for (const other of others) expect(await saidOf(await poll(other, pending))).toEqual([400, "invalid_grant"]);
  // Nobody slows another down.
  expect(await saidOf(await poll(client, pending))).toEqual([400, "authorization_pending"]);
  await answerWith(pat, "approve", pending);
  for (const other of others) expect(await saidOf(await poll(other, pending))).toEqual([400, "invalid_grant"]);
  const mixed = { client_id: client.client_id, client_secret: foreign.client_secret as string };
  expect(await saidOf(await poll(mixed, pending))).toEqual([401, "invalid_client"]);
  expect(await saidOf(await poll(client, pending))).toEqual([200, "tokens"]);
  expect(await saidOf(await poll(client, pending))).toEqual([400, "invalid_grant"]);
});

test("a public client cannot redeem the device code of another client", async () => {
  const { tenant, client, pat } = await scene();
  const open = await registerClient(tenant, publicClient);
  const another = await registerClient(tenant, publicClient);
  for (const owner of [client, open]) {
    const pending = await beginLogin(owner);
    await answerWith(pat, "approve", pending);
    expect(await saidOf(await poll(another, pending))).toEqual([400, "invalid_grant"]);
    // Nor a confidential client's, named without its secret.
    if (owner === client) {
      expect(await saidOf(await poll({ client_id: client.client_id }, pending))).toEqual([401, "invalid_client"]);
    }
    expect(await saidOf(await poll(owner, pending))).toEqual([200, "tokens"]);
  }
});

test("of many that redeem one device code at once exactly one gets tokens", async () => {
  const { client, pat } = await scene();
  const pending = await beginLogin(client);
  await answerWith(pat, "approve", pending);
  const answers = await Promise.all(Array.from({ length: 20 }, () => poll(client, pending).then(saidOf)));
  expect(answers.toSorted(([a], [b]) => a - b)).toEqual([[200, "tokens"], ...Array(19).fill([400, "invalid_grant"])]);
  const families = await ownerRows(sql`select from token_families where client_id = ${client.client_id}`);
  expect(families).toHaveLength(1);
});

test("only a signed-in person, or a token that holds device:approve, sees, approves and denies a login", async () => {
  const { tenant, client, person, pat } = await scene();
  const pending = await beginLogin(client);
  const query = new URLSearchParams({ user_code: pending.user_code });
  const routes = [
    ["GET", "information"],
    ["POST", "approve"],
    ["POST", "deny"],
  ] as const;
  const asks = (headers: Record<string, string>) =>
    Promise.all(
      routes.map(async ([method, path]) => (await call(`/oauth2/device/${path}?${query}`, { method, headers })).status),
    );
  const blunt = await patOf(person, ["profile:read", "instances:read"]);
  const { access_token } = await loginOn(client, pat);
  const own = await postForm("/oauth2/token", { ...proof(client), grant_type: "client_credentials" });
  const { access_token: instanceToken } = await own.json<{ access_token: string }>();
  const refused: [who: string, Record<string, string>, number[]][] = [
    ["nobody", {}, [401, 401, 401]],
    ["a token without it", bearer(blunt), [403, 403, 403]],
    ["an API key that may do everything", bearer(tenant.apiKey), [403, 403, 403]],
    ["a person's token on an instance", bearer(access_token), [401, 401, 401]],
    ["an instance's token", bearer(instanceToken), [401, 401, 401]],
    ["a registration key", bearer(tenant.registrationKey), [401, 401, 401]],
    // A session, from a page of somebody else: what only reads is answered, which no other page can see.
    ["a session without CSRF token", await sessionHeaders(person, "GET"), [200, 403, 403]],
  ];
  for (const [who, headers, expected] of refused) expect([who, await asks(headers)]).toEqual([who, expected]);
  // Not answered by any of it, and then by whoever may.
  expect(await saidOf(await poll(client, pending))).toEqual([400, "authorization_pending"]);
  const seen = await information(pat, pending.user_code.toLowerCase().replace("-", " "));
  expect(await seen.json()).toEqual({
    scope: "profile:read assistant",
    scopes: [
      { name: "profile:read", requirement: "required" },
      { name: "assistant", requirement: "optional" },
    ],
    client: {
      id: client.client_id,
      registered_at: expect.closeTo(Date.now() / 1000, -2),
      instance: { id: expect.stringMatching(/^ins_/), name: expect.any(String), registered_at: expect.any(Number) },
    },
    expires_at: expect.closeTo(Date.now() / 1000 + 600, -2),
  });
  expect((await answerWith(pat, "approve", pending)).status).toBe(200);
  const second = await beginLogin(client);
  const bySession = `/oauth2/device/approve?${new URLSearchParams({ user_code: second.user_code })}`;
  const session = await sessionHeaders(person, "POST");
  expect((await call(bySession, { method: "POST", headers: session })).status).toBe(200);
});

test("what is granted is at most what was asked for, registered, chosen and held, in whatever form it is chosen", async () => {
  const { client, person, pat, tenant } = await scene();
  const narrow = await patOf(person, ["device:approve", "profile:read", "offline:use"]);
  const headless = await patOf(person, ["device:approve", "assistant:use"]);
  const granted = async (token: string, asked: string, chosen?: string) => {
    const pending = await beginLogin(client, asked);
    const response = await answerWith(token, "approve", pending, chosen === undefined ? {} : { scope: chosen });
    const body = await response.json<{ scope?: string; error?: string }>();
    return body.scope ?? [response.status, body.error];
  };
  const all = "profile:read assistant offline billing:write";
  // A member may not spend the tenant's vouchers.
  expect(await granted(pat, all)).toBe("profile:read assistant offline");
  expect(await granted(pat, all, "profile:read,assistant")).toBe("profile:read assistant");
  expect(await granted(pat, "profile:read", "profile:read,assistant,offline,keys:write")).toBe("profile:read");
  expect(await granted(pat, all, "offline profile:read")).toBe("profile:read offline");
  expect(await granted(narrow, all)).toBe("profile:read offline");
  expect(await granted(pat, all, "assistant")).toEqual([400, "invalid_scope"]);
  expect(await granted(headless, all)).toEqual([400, "invalid_scope"]);
  for (const wild of ["profile:read\nassistant", "*", "profile:read'--", "\u0000"]) {
    expect([wild, await granted(pat, all, wild)]).toEqual([wild, [400, "invalid_scope"]]);
  }
  expect(await granted(pat, all, "x".repeat(10_000))).toEqual([400, "invalid_request"]);
  const boss = await patOf(await personIn(tenant, "admin"));
  expect(await granted(boss, all)).toBe(all);
});

test("a login is decided once: an approval after a denial, and a second approval, are refused", async () => {
  const { client, pat } = await scene();
  const [denied, approved] = [await beginLogin(client), await beginLogin(client)];
  expect((await answerWith(pat, "deny", denied)).status).toBe(200);
  expect((await answerWith(pat, "approve", approved)).status).toBe(200);
  for (const pending of [denied, approved]) {
    for (const answer of ["approve", "deny"] as const) {
      expect(await errorOf(await answerWith(pat, answer, pending))).toEqual([409, "invalid_request"]);
    }
  }
  expect(await saidOf(await poll(client, denied))).toEqual([400, "access_denied"]);
  expect(await saidOf(await poll(client, approved))).toEqual([200, "tokens"]);
  expect(await errorOf(await answerWith(pat, "approve", approved))).toEqual([409, "invalid_request"]);
  // Of an approval and a denial at once one stands, and the device hears that one.
  const contested = await beginLogin(client);
  const [yes, no] = await Promise.all([answerWith(pat, "approve", contested), answerWith(pat, "deny", contested)]);
  expect([yes.status, no.status].toSorted()).toEqual([200, 409]);
  expect((await saidOf(await poll(client, contested)))[1]).toBe(yes.status === 200 ? "tokens" : "access_denied");
});

test("guessing user codes is limited and recorded, and tells nobody which codes there are", async () => {
  const { client, person, pat } = await scene();
  const foreign = await scene();
  const theirs = await beginLogin(foreign.client);
  const answered = await beginLogin(foreign.client);
  await answerWith(foreign.pat, "approve", answered);
  const expired = await beginLogin(client);
  await age(expired, client, 601);
  const codes = ["BBBB-CCCC", expired.user_code, theirs.user_code, answered.user_code];

  const withoutIds = (text: string, code: string) => text.replaceAll(/req_[0-9A-Z]+/g, "req").replaceAll(code, "CODE");
  const shown = async (response: Response, code: string) => {
    const counted = /^(ratelimit|x-request-id|content-length)/;
    const headers = [...response.headers].filter(([name]) => !counted.test(name));
    return JSON.stringify([response.status, headers, withoutIds(await response.text(), code)]);
  };
  const ways: [string, (code: string) => Promise<Response>][] = [
    ["information", (code) => information(pat, code)],
    ["approve", (code) => answerWith(pat, "approve", { user_code: code })],
    ["approve with a claim", (code) => answerWith(pat, "approve", { user_code: code }, { claim_code: "BBBBB-CCCCC" })],
    ["deny", (code) => answerWith(pat, "deny", { user_code: code })],
    ["the page", (code) => typeCode(person, code)],
    ["approving on the page", (code) => answerOnPage(person, { user_code: code })],
    ["not comparing on the page", (code) => answerOnPage(person, { user_code: code }, "approve", { code_matches: "" })],
    ["denying on the page", (code) => answerOnPage(person, { user_code: code }, "deny")],
  ];
  const log = vi.spyOn(console, "info");
  for (const [way, ask] of ways) {
    const answers = await Promise.all(codes.map(async (code) => shown(await ask(code), code)));
    const [first] = answers;
    expect(first).toMatch(/^\[404/);
    for (const answer of answers) expect([way, answer]).toEqual([way, first]);
  }
  const recorded = log.mock.calls.filter(([line]) => String(line).includes("user-code-unknown"));
  log.mockRestore();
  expect(recorded).toHaveLength(ways.length * codes.length);
  expect((await information(pat, "no code at all")).status).toBe(404);
  for (const code of codes) expect(JSON.stringify(recorded)).not.toContain(code);
  // Who may not approve is told that, and nothing of the code; nor is it counted as a try of the person's.
  const mine = await beginLogin(client);
  for (const weak of [await patOf(person, ["instances:read"]), foreign.tenant.apiKey]) {
    for (const code of [...codes, mine.user_code]) {
      expect((await information(weak, code)).status).toBe(403);
      for (const answer of ["approve", "deny"] as const) {
        expect((await answerWith(weak, answer, { user_code: code })).status).toBe(403);
      }
    }
  }
  // It stands as it stood: nobody elsewhere denied it.
  expect(await saidOf(await poll(foreign.client, theirs))).toEqual([400, "authorization_pending"]);

  // Sixty an hour, right or wrong, by token and page together.
  let status = 404;
  for (let tries = 0; tries < 60 && status === 404; tries++) status = (await information(pat, "BBBB-CCCC")).status;
  expect(status).toBe(429);
  const right = await beginLogin(client);
  const limited = await information(pat, right.user_code);
  expect([limited.status, Number(limited.headers.get("retry-after"))]).toEqual([429, expect.any(Number)]);
  expect((await typeCode(person, right.user_code)).status).toBe(429);
  expect((await answerOnPage(person, right)).status).toBe(429);
  expect((await answerWith(pat, "approve", right)).status).toBe(429);
  // Others go on.
  expect((await information(foreign.pat, theirs.user_code)).status).toBe(200);
});

test("a device that polls hears that its instance was deleted, its person removed, or the token that approved ended", async () => {
  const { tenant, client, person, pat } = await scene();
  const approved = async () => {
    const pending = await beginLogin(client);
    expect((await answerWith(pat, "approve", pending)).status).toBe(200);
    return pending;
  };
  const member = sql`update memberships set removed_at = clock_timestamp() where id = ${uuidFromId("membership", person.memberId)}`;
  const [left, ended, deleted] = [await approved(), await approved(), await approved()];
  const begun = await beginLogin(client);
  await ownerRows(member);
  expect(await saidOf(await poll(client, left))).toEqual([400, "access_denied"]);
  // Refused is not used: nothing of it remains, and nothing was begun.
  expect(await ownerRows(sql`select from token_families where client_id = ${client.client_id}`)).toEqual([]);
  await ownerRows(
    sql`update memberships set removed_at = null, expires_at = 'infinity' where id = ${uuidFromId("membership", person.memberId)}`,
  );
  expect(await saidOf(await poll(client, left))).toEqual([200, "tokens"]);
  await ownerRows(
    sql`update credentials set revoked_at = clock_timestamp() where kind = 'personal-access-token' and person_id = ${uuidFromId("person", person.id)}`,
  );
  expect(await saidOf(await poll(client, ended))).toEqual([400, "access_denied"]);
  const [row] = await ownerRows<{ id: string }>(
    sql`select ebb.typed_id('ins', id) as id from instances where client_id = ${client.client_id}`,
  );
  const removed = await call(`/api/v1/instances/${row?.id}`, { method: "DELETE", headers: bearer(tenant.apiKey) });
  expect(removed.status).toBeLessThan(300);
  for (const pending of [deleted, begun])
    expect(await saidOf(await poll(client, pending))).toEqual([401, "invalid_client"]);
  const another = await patOf(await personIn(tenant, "owner"));
  expect((await information(another, begun.user_code)).status).toBe(404);
  expect(await errorOf(await answerWith(another, "approve", begun))).toEqual([404, "invalid_request"]);
});

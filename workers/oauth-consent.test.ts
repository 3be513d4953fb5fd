import { sql } from "drizzle-orm";
import { expect, test } from "vitest";
import { csrfToken } from "../src/access/session-cookie.ts";
import { uuidFromId } from "../src/core/id.ts";
import { SCOPE_TABLE } from "../src/oauth/scope.ts";
import { call, ORIGIN } from "../src/testing/instance.ts";
import {
  answerOnPage,
  authorize,
  beginLogin,
  cookieOf,
  hiddenFields,
  poll,
  postPage,
  REDIRECT_URI,
  registerClient,
  registerFrom,
  saidOf,
  typeCode,
} from "../src/testing/oauth-world.ts";
import { alsoIn, personIn, sessionHeaders, sessionOf } from "../src/testing/people.ts";
import { ownerRows, testTenant } from "../src/testing/world.ts";

const NAME = `<b>Ada's</b> "laptop"`;
async function scene(more: Record<string, unknown> = {}) {
  const tenant = await testTenant({ name: "Acme" });
  const client = await registerClient(tenant, { client_name: NAME, ...more });
  const person = await personIn(tenant, "member", { name: "Grace" });
  return { tenant, client, person };
}
const escaped = (text: string) =>
  text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;")
    .replaceAll("'", "&#39;");
/** The page as who reads it sees it. */
const textOf = (page: string) => page.replace(/<style>.*?<\/style>/s, "").replaceAll(/<[^>]*>/g, "");
const said = async (response: Response) => [response.status, /<h1>(.*?)<\/h1>/.exec(await response.text())?.[1]];

test("a link that carries the code shows it, and asks whether the device shows the same", async () => {
  const { client, person } = await scene();
  const pending = await beginLogin(client);
  const link = pending.verification_uri_complete.slice(ORIGIN.length);
  // Whoever is nobody yet comes back to it, and to nothing else that a link could name.
  const sent = await call(link, { redirect: "manual" });
  expect([sent.status, sent.headers.get("location")]).toEqual([
    303,
    `/login?return_to=${encodeURIComponent(`/device?user_code=${pending.user_code}`)}`,
  ]);
  for (const code of [
    "//evil.test",
    "https://evil.test",
    '"><script>alert(1)</script>',
    "BBBB-CCC",
    "%0d%0aset-cookie:x=y",
  ]) {
    const wild = await call(`/device?user_code=${encodeURIComponent(code)}`, { redirect: "manual" });
    expect([code, wild.status, wild.headers.get("location")]).toEqual([code, 303, "/login?return_to=%2Fdevice"]);
  }
  const headers = await sessionHeaders(person);
  const page = await call(link, { headers });
  const html = await page.text();
  expect([page.status, html.includes(`value="${pending.user_code}"`)]).toEqual([200, true]);
  // Opening the link has approved nothing, and says nothing yet of who asks.
  expect(html).not.toContain("laptop");
  const wild = await (await call("/device?user_code=%3Cscript%3E", { headers })).text();
  expect(wild).not.toContain("<script>");

  const asked = await (await typeCode(person, pending.user_code.replace("-", " ").toLowerCase())).text();
  expect(textOf(asked)).toContain(pending.user_code);
  expect(asked).toMatch(/<input type="checkbox" name="code_matches" value="yes" required>/);
  expect(await saidOf(await poll(client, pending))).toEqual([400, "authorization_pending"]);
  // Also whoever gets around the box has to say it.
  const unsaid = await postPage("/device/answer", person, { user_code: pending.user_code, answer: "approve" });
  const again = await unsaid.text();
  expect([unsaid.status, textOf(again).includes("Compare the code")]).toEqual([400, true]);
  expect(await said(await answerOnPage(person, pending))).toEqual([200, "Approved"]);
  expect(await saidOf(await poll(client, pending))).toEqual([200, "tokens"]);
  // It was decided: the page says so to whoever may see it.
  expect((await typeCode(person, pending.user_code)).status).toBe(409);
  expect((await answerOnPage(person, pending, "deny")).status).toBe(409);
});

test("the consent page says who asks, registered when and from where, and what each scope lets it do", async () => {
  const { tenant, client, person } = await scene();
  const all = "profile:read assistant offline billing:write";
  const claimed = await (await typeCode(person, (await beginLogin(client, all)).user_code)).text();
  expect(claimed).toContain(`<h1>${escaped(NAME)} asks you to sign in</h1>`);
  expect(claimed).not.toContain("<b>Ada");
  const today = new Date().toISOString().slice(0, 10);
  for (const text of ["Grace", person.email, "Default", today]) expect(textOf(claimed)).toContain(text);
  for (const { what } of Object.values(SCOPE_TABLE)) expect(claimed).toContain(escaped(what));
  const boxes = [...claimed.matchAll(/<input type="checkbox" name="(scope_[^"]+)" value="yes" ?([^>]*)>/g)];
  expect(boxes.map(([, name, state]) => [name, state])).toEqual([
    ["scope_profile_read", "checked disabled"],
    ["scope_assistant", "checked"],
    ["scope_offline", "checked"],
    // A member may not spend the tenant's vouchers.
    ["scope_billing_write", "disabled"],
  ]);
  expect(textOf(claimed)).not.toContain("Claim it");

  const cf = { country: "AT", asOrganization: "<i>Example Networks</i>\u202e\nAG" };
  const fresh = await registerFrom(cf, { client_name: "Fresh" });
  const pending = await beginLogin(fresh, "profile:read");
  const unclaimed = await (await typeCode(person, pending.user_code)).text();
  expect(unclaimed).not.toMatch(/<i>|\u202e/);
  for (const text of ["Nobody has claimed this instance yet", "Austria", "Example Networks", today, "Acme, Default"]) {
    expect(textOf(unclaimed)).toContain(text);
  }
  expect(unclaimed).toMatch(/name="claim_code"/);
  for (const [tor, text] of [
    [{ country: "T1" }, "the Tor network"],
    [{}, "a country that we do not know"],
    [{ country: "de'" }, "a country that we do not know"],
  ] as const) {
    const { user_code } = await beginLogin(await registerFrom(tor));
    expect(textOf(await (await typeCode(person, user_code)).text())).toContain(text);
  }
  // Only what was ticked is granted, whatever else is sent.
  const narrow = await beginLogin(client, "profile:read assistant");
  const form = { scope_offline: "yes", scope_billing_write: "yes" };
  expect((await answerOnPage(person, narrow, "approve", form)).status).toBe(200);
  const granted = await (await poll(client, narrow)).json<{ scope: string }>();
  expect(granted.scope).toBe("profile:read");
  await ownerRows(
    sql`update workspaces set claim_code_required = false where tenant_id = ${uuidFromId("tenant", tenant.id)}`,
  );
  expect(await (await typeCode(person, pending.user_code)).text()).not.toMatch(/name="claim_code"/);
});

test("approving and denying take the CSRF token of the person's own session", async () => {
  const { client, person, tenant } = await scene();
  const pending = await beginLogin(client);
  const stranger = await personIn(tenant, "owner");
  const second = await sessionOf(person.id);
  const { cookie } = await sessionHeaders(person);
  const own = await csrfToken(person.secret);
  const post = (path: string, form: Record<string, string>, headers: Record<string, string>) =>
    call(path, { method: "POST", redirect: "manual", headers, body: new URLSearchParams(form) });
  const forms: [path: string, form: Record<string, string>][] = [
    ["/device", { user_code: pending.user_code }],
    ["/device/answer", { user_code: pending.user_code, answer: "approve", code_matches: "yes" }],
    ["/device/answer", { user_code: pending.user_code, answer: "deny" }],
    ["/consent", { request: "x", answer: "approve" }],
    ["/consent", { request: "x", answer: "deny" }],
  ];
  const wrong: [why: string, form: Record<string, string>, headers: Record<string, string>, status: number][] = [
    ["no token", {}, { cookie: cookie as string, origin: ORIGIN }, 400],
    ["an empty one", { csrf_token: "" }, { cookie: cookie as string, origin: ORIGIN }, 400],
    ["a wrong one", { csrf_token: `${own.slice(0, -1)}!` }, { cookie: cookie as string, origin: ORIGIN }, 403],
    [
      "a stranger's",
      { csrf_token: await csrfToken(stranger.secret) },
      { cookie: cookie as string, origin: ORIGIN },
      403,
    ],
    ["of another session", { csrf_token: await csrfToken(second) }, { cookie: cookie as string, origin: ORIGIN }, 403],
    ["another origin", { csrf_token: own }, { cookie: cookie as string, origin: "https://evil.test" }, 403],
    ["a null origin", { csrf_token: own }, { cookie: cookie as string, origin: "null" }, 403],
    ["no origin", { csrf_token: own }, { cookie: cookie as string }, 403],
    ["the token in a header", {}, { cookie: cookie as string, origin: ORIGIN, "x-csrf-token": own }, 400],
    ["no session", { csrf_token: own }, { origin: ORIGIN }, 401],
    ["a session of nobody", { csrf_token: own }, { cookie: "__Host-ebb=x", origin: ORIGIN }, 401],
  ];
  for (const [path, form] of forms) {
    for (const [why, more, headers, status] of wrong) {
      const response = await post(path, { ...form, ...more }, headers);
      expect([path, form["answer"], why, response.status]).toEqual([path, form["answer"], why, status]);
    }
  }
  // Nor by GET, nor twice the same parameter, nor beyond any size.
  const answer = new URLSearchParams({ csrf_token: own, user_code: pending.user_code, answer: "approve" });
  const headers = { cookie: cookie as string, origin: ORIGIN };
  expect((await call(`/device/answer?${answer}`, { headers })).status).toBe(405);
  const typed = { ...headers, "content-type": "application/x-www-form-urlencoded" };
  const twice = `${answer}&answer=deny&code_matches=yes`;
  expect((await call("/device/answer", { method: "POST", headers: typed, body: twice })).status).toBe(400);
  const long = `${answer}&name=${"x".repeat(200_000)}`;
  expect((await call("/device/answer", { method: "POST", headers: typed, body: long })).status).toBe(413);
  // It waits as before, for the right one.
  expect(await saidOf(await poll(client, pending))).toEqual([400, "authorization_pending"]);
  expect(await said(await answerOnPage(person, pending))).toEqual([200, "Approved"]);
});

test("the consent page cannot be framed, and tells no other site its address", async () => {
  const { client, person } = await scene();
  const pending = await beginLogin(client);
  const headers = await sessionHeaders(person);
  const query = {
    response_type: "code",
    client_id: client.client_id,
    redirect_uri: REDIRECT_URI,
    scope: "profile:read",
  };
  const carried = cookieOf(await authorize(query), "__Host-ebb-request");
  const pages: Record<string, Response> = {
    device: await call("/device", { headers }),
    asked: await typeCode(person, pending.user_code),
    unknown: await typeCode(person, "BBBB-CCCC"),
    consent: await call("/consent", { headers: { cookie: `${headers["cookie"]}; ${carried}` } }),
    approved: await answerOnPage(person, pending),
    nothing: await call("/consent", { headers }),
  };
  for (const [name, page] of Object.entries(pages)) {
    const policy = page.headers.get("content-security-policy") ?? "";
    expect([name, policy]).toEqual([
      name,
      expect.stringMatching(
        /^default-src 'none'; style-src 'sha256-[^']+'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'$/,
      ),
    ]);
    expect(page.headers.get("referrer-policy")).toBe("same-origin");
    expect(page.headers.get("cache-control")).toBe("no-store");
    expect(page.headers.get("x-content-type-options")).toBe("nosniff");
    expect(await page.text()).not.toMatch(/<script|\son[a-z]+=|javascript:/i);
  }
});

test("who may not see the instance sees nothing of it on the page, and answers nothing", async () => {
  const { tenant, client } = await scene();
  const pending = await beginLogin(client);
  const elsewhere = await personIn(await testTenant(), "owner");
  const removed = await personIn(tenant, "owner");
  await ownerRows(
    sql`update memberships set removed_at = clock_timestamp() where id = ${uuidFromId("membership", removed.memberId)}`,
  );
  for (const person of [elsewhere, removed]) {
    const pages = [
      await typeCode(person, pending.user_code),
      await answerOnPage(person, pending),
      await answerOnPage(person, pending, "deny"),
    ];
    for (const page of pages) {
      expect(page.status).toBe(404);
      expect(await page.text()).not.toMatch(/laptop|Acme|Default/);
    }
  }
  // An operator of the platform opens the tenant, but is nobody who signs in there.
  const platform = await testTenant({ kind: "platform" });
  const customer = await testTenant({ parent: platform });
  const theirs = await beginLogin(await registerClient(customer));
  const operator = await personIn(platform, "operator");
  expect((await typeCode(operator, theirs.user_code)).status).toBe(403);
  expect((await answerOnPage(operator, theirs)).status).toBe(403);
  expect((await answerOnPage(operator, theirs, "deny")).status).toBe(403);
  // Suspended: its own people are told so, and whoever is nobody there is not.
  await ownerRows(sql`update tenants set status = 'suspended' where id = ${uuidFromId("tenant", customer.id)}`);
  const member = await personIn(customer, "member");
  const page = await answerOnPage(member, theirs);
  expect([page.status, textOf(await page.text()).includes("suspended")]).toEqual([403, true]);
  expect((await typeCode(elsewhere, theirs.user_code)).status).toBe(404);
  expect(await saidOf(await poll(client, pending))).toEqual([400, "authorization_pending"]);
});

test("a form answers the request that its reader saw, in the tenant of the instance", async () => {
  const { tenant, client, person } = await scene();
  const other = await scene();
  await alsoIn(person.id, other.tenant, "member");
  const [first, second] = [await beginLogin(client), await beginLogin(other.client)];
  expect(hiddenFields(await (await typeCode(person, first.user_code)).text())).toMatchObject({
    user_code: first.user_code,
  });
  // The person is of two tenants: each instance is signed in to its own.
  for (const [of, pending, at] of [
    [client, first, tenant],
    [other.client, second, other.tenant],
  ] as const) {
    const form = { workspace_id: other.tenant.workspaceId, name: "renamed" };
    expect(await said(await answerOnPage(person, pending, "approve", form))).toEqual([200, "Approved"]);
    expect((await poll(of, pending)).status).toBe(200);
    const rows = await ownerRows(
      sql`select tenant_id, workspace_id, name from instances where client_id = ${of.client_id}`,
    );
    expect(rows).toEqual([
      { tenant_id: uuidFromId("tenant", at.id), workspace_id: uuidFromId("workspace", at.workspaceId), name: NAME },
    ]);
  }
  // Of two tabs the later has the cookie: nobody approves what they have not seen.
  const query = {
    response_type: "code",
    client_id: client.client_id,
    redirect_uri: REDIRECT_URI,
    scope: "profile:read",
  };
  const earlier = cookieOf(await authorize({ ...query, state: "1" }), "__Host-ebb-request");
  const later = cookieOf(await authorize({ ...query, state: "2" }), "__Host-ebb-request");
  const { cookie } = await sessionHeaders(person);
  const page = await call("/consent", { headers: { cookie: `${cookie}; ${earlier}` } });
  const { request = "" } = hiddenFields(await page.text());
  const stale = await postPage("/consent", person, { request, answer: "approve" }, [later]);
  expect([stale.status, stale.headers.get("location")]).toEqual([409, null]);
  // What the browser carries may hold anything.
  for (const made of ["x", "e30", btoa('{"client_id":7}').replaceAll("=", ""), "A".repeat(3_900)]) {
    const refused = await call("/consent", { headers: { cookie: `${cookie}; __Host-ebb-request=${made}` } });
    expect([made.slice(0, 20), refused.status]).toEqual([made.slice(0, 20), 404]);
  }
});

import { sql } from "drizzle-orm";
import { decodeJwt } from "jose";
import { expect, test } from "vitest";
import { DAY_MS, SECOND_MS } from "../src/core/clock.ts";
import { uuidFromId } from "../src/core/id.ts";
import { withoutPostgres } from "../src/testing/faults.ts";
import { postForm, postJson } from "../src/testing/instance.ts";
import {
  answered,
  changes,
  codeFor,
  exchange,
  introspected,
  type OAuthScene,
  oauthScene,
  revokePats,
  revokes,
  sees,
  workerAt,
} from "../src/testing/oauth-scene.ts";
import {
  loginOn,
  type OAuthClient,
  patOf,
  proof,
  refreshWith,
  registerClient,
  type Tokens,
} from "../src/testing/oauth-world.ts";
import { personIn } from "../src/testing/people.ts";
import { ownerRows } from "../src/testing/world.ts";

const GONE = [400, "invalid_grant"];
const PUBLIC = { token_endpoint_auth_method: "none" };

interface Signed extends OAuthScene {
  tokens: Tokens;
  refreshToken: string;
}

/** Somebody who has signed in, by a token that holds all of a person's permissions. */
async function signed(more: Record<string, unknown> = {}): Promise<Signed> {
  const made = await oauthScene(more);
  const tokens = await loginOn(made.client, made.pat, { scope: "profile:read assistant" });
  return { ...made, tokens, refreshToken: tokens.refresh_token as string };
}

const next = async (client: OAuthClient, refreshToken: string, more: Record<string, string> = {}): Promise<Tokens> => {
  const response = await refreshWith(client, refreshToken, more);
  expect(response.status).toBe(200);
  return await response.json<Tokens>();
};
const isEnded = async (client: OAuthClient, tokens: Tokens) => {
  expect(await sees(tokens.access_token)).toEqual([401, "sign-in-ended"]);
  expect(await sees(tokens.access_token, "/instance/user/profile")).toEqual([401, "sign-in-ended"]);
  expect(await answered(await refreshWith(client, tokens.refresh_token as string))).toEqual(GONE);
};

test("every refresh gives another refresh token, and the old one is used", async () => {
  for (const more of [{}, PUBLIC]) {
    const { client, person, refreshToken, tokens } = await signed(more);
    const seen = [refreshToken];
    for (let i = 0; i < 4; i++) {
      const { access_token, refresh_token, scope } = await next(client, seen.at(-1) as string);
      expect(scope).toBe("profile:read assistant");
      expect(decodeJwt(access_token)).toMatchObject({ sub: person.id, sid: decodeJwt(tokens.access_token)["sid"] });
      expect(await sees(access_token)).toEqual([200, null]);
      seen.push(refresh_token as string);
    }
    expect(new Set(seen).size).toBe(5);
    const rows = await ownerRows(sql`select r.used_at is not null as used, r.revoked_at is not null as void
      from refresh_tokens r join token_families f on f.id = r.family_id
      where f.client_id = ${client.client_id} order by r.issued_at, r.used_at is null`);
    expect(rows).toEqual([...Array(4).fill({ used: true, void: false }), { used: false, void: false }]);
  }
});

test("a refresh token shown again ends its family: no token of it is good any more", async () => {
  // Used longer ago than an answer takes to be lost; or within that, though its successor was used already.
  const late = await signed();
  const second = await next(late.client, late.refreshToken);
  const after = await workerAt(61 * SECOND_MS);
  const form = { ...proof(late.client), grant_type: "refresh_token", refresh_token: late.refreshToken };
  expect(await answered(await after("/oauth2/token", form))).toEqual(GONE);
  await isEnded(late.client, second);
  expect(await sees(late.tokens.access_token)).toEqual([401, "sign-in-ended"]);

  const soon = await signed();
  const one = await next(soon.client, soon.refreshToken);
  const two = await next(soon.client, one.refresh_token as string);
  expect(await sees(two.access_token)).toEqual([200, null]);
  expect(await answered(await refreshWith(soon.client, soon.refreshToken))).toEqual(GONE);
  for (const tokens of [one, two]) await isEnded(soon.client, tokens);
  const events = await ownerRows(sql`select event, reason from authentication_events
    where person_id = ${uuidFromId("person", soon.person.id)} and event = 'sign-out'`);
  expect(events).toEqual([{ event: "sign-out", reason: "invalid-grant" }]);
});

test("an answer that was lost can be asked for again within 60 s; the one that was lost is void, and ends the family", async () => {
  const { client, refreshToken } = await signed();
  const lost = await next(client, refreshToken);
  const within = await workerAt(59 * SECOND_MS);
  const form = { ...proof(client), grant_type: "refresh_token", refresh_token: refreshToken };
  const again = await (await within("/oauth2/token", form)).json<Tokens>();
  // Lost once more: the moment of its first use counts.
  const third = await next(client, refreshToken);
  expect(await introspected(client, lost.refresh_token as string)).toEqual([200, { active: false }]);
  expect(await introspected(client, again.refresh_token as string)).toEqual([200, { active: false }]);
  const fourth = await next(client, third.refresh_token as string);
  expect(await sees(fourth.access_token)).toEqual([200, null]);
  // Whoever has the answer that its client never had is not its client.
  expect(await answered(await refreshWith(client, lost.refresh_token as string))).toEqual(GONE);
  await isEnded(client, fourth);
});

test("of parallel refreshes with one token one new token stays good", async () => {
  const { tenant, client, refreshToken } = await signed();
  const responses = await Promise.all(Array.from({ length: 20 }, () => refreshWith(client, refreshToken)));
  const got: Tokens[] = [];
  for (const response of responses) {
    // None is told that its sign-in is over.
    expect([200, 503]).toContain(response.status);
    if (response.status === 200) got.push(await response.json<Tokens>());
    else expect(Number(response.headers.get("retry-after"))).toBeGreaterThan(0);
  }
  expect(got.length).toBeGreaterThan(10);
  const live = await ownerRows<{ id: string }>(sql`select r.id from refresh_tokens r
    join token_families f on f.id = r.family_id
    where f.client_id = ${client.client_id} and r.used_at is null and r.revoked_at is null and f.ended_at is null`);
  expect(live).toHaveLength(1);
  for (const { access_token } of got.slice(0, 3)) expect(await sees(access_token)).toEqual([200, null]);
  const active: string[] = [];
  const probe = await registerClient(tenant);
  for (const { refresh_token = "" } of got) {
    const [, body] = await introspected(probe, refresh_token);
    if ((body as { active: boolean }).active) active.push(refresh_token);
  }
  expect(active).toHaveLength(1);
  expect(await sees((await next(client, active[0] as string)).access_token)).toEqual([200, null]);
});

test("a forged or changed refresh token is refused, and ends nothing", async () => {
  const { client, refreshToken, tokens } = await signed();
  const flip = (at: number) => {
    const letter = refreshToken.at(at) === "A" ? "B" : "A";
    return refreshToken.slice(0, at) + letter + refreshToken.slice(at + 1);
  };
  const forged = [
    ...[5, 8, 20, 40, 60, refreshToken.length - 6].map(flip),
    refreshToken.slice(0, -1),
    `${refreshToken}A`,
    refreshToken.replace("ebbt_", "ebba_"),
    refreshToken.replace("ebbt_", "ebbp_"),
    refreshToken.toUpperCase(),
    tokens.access_token.slice(0, 200),
    "x",
  ];
  for (const token of forged) expect(await answered(await refreshWith(client, token)), token).toEqual(GONE);
  expect((await next(client, refreshToken)).refresh_token).toBeDefined();
});

test("a refresh token is of no use to another client, or without the secret of its own", async () => {
  const { tenant, client, refreshToken, tokens } = await signed();
  const foreign = await oauthScene();
  for (const other of [await registerClient(tenant), await registerClient(tenant, PUBLIC), foreign.client]) {
    expect(await answered(await refreshWith(other, refreshToken))).toEqual(GONE);
  }
  const { client_id } = client;
  expect(await answered(await refreshWith({ client_id }, refreshToken))).toEqual([401, "invalid_client"]);
  const wrong = { client_id, client_secret: "x".repeat(43) };
  expect(await answered(await refreshWith(wrong, refreshToken))).toEqual([401, "invalid_client"]);
  const second = await next(client, refreshToken);
  // Nor does it end anything for its owner when it was used before.
  expect(await answered(await refreshWith(foreign.client, refreshToken))).toEqual(GONE);
  expect(await sees(tokens.access_token)).toEqual([200, null]);
  await next(client, second.refresh_token as string);
});

test("a refresh with less scope narrows the access token alone", async () => {
  const { client, refreshToken } = await signed();
  const narrow = await next(client, refreshToken, { scope: "profile:read" });
  expect([narrow.scope, decodeJwt(narrow.access_token)["scope"]]).toEqual(["profile:read", "profile:read"]);
  const whole = await next(client, narrow.refresh_token as string);
  expect(whole.scope).toBe("profile:read assistant");
  const spaced = await next(client, whole.refresh_token as string, { scope: "assistant,profile:read" });
  expect(spaced.scope).toBe("profile:read assistant");
});

test("a refresh never gives more scope than was approved, or than its approver may give now", async () => {
  const { tenant, client, person } = await signed();
  const admin = await patOf(await personIn(tenant, "admin"));
  const tokens = await loginOn(client, admin, { scope: "profile:read assistant offline" });
  let refreshToken = tokens.refresh_token as string;
  // More than was approved is refused, and spends nothing.
  for (const scope of [
    "billing:write",
    "profile:read billing:write",
    "admin",
    "profile:read assistant offline x",
    ",",
  ]) {
    expect(await answered(await refreshWith(client, refreshToken, { scope })), scope).toEqual([400, "invalid_scope"]);
  }
  // A token that was made with less: what it approves has less, and stays so.
  const little = await patOf(person, ["device:approve", "profile:read"]);
  const less = await loginOn(client, little, { scope: "profile:read assistant" });
  expect(less.scope).toBe("profile:read");
  expect((await next(client, less.refresh_token as string)).scope).toBe("profile:read");
  // What the client has registered meanwhile is less.
  expect((await changes(client, { scope: "profile:read offline" })).status).toBe(200);
  const narrowed = await next(client, refreshToken);
  expect([narrowed.scope, decodeJwt(narrowed.access_token)["scope"]]).toEqual([
    "profile:read offline",
    "profile:read offline",
  ]);
  refreshToken = narrowed.refresh_token as string;
  expect((await changes(client, { scope: "profile:read assistant offline billing:write" })).status).toBe(200);
  expect((await next(client, refreshToken)).scope).toBe("profile:read assistant offline");
});

test("who may give less than they gave is asked again at every refresh", async () => {
  const { tenant, client } = await signed();
  const owner = await personIn(tenant, "owner");
  await personIn(tenant, "owner");
  const tokens = await loginOn(client, await patOf(owner), { scope: "profile:read assistant billing:write" });
  expect(tokens.scope).toBe("profile:read assistant billing:write");
  const id = uuidFromId("person", owner.id);
  await ownerRows(sql`update memberships set role = 'member' where person_id = ${id}`);
  const after = await next(client, tokens.refresh_token as string);
  expect(after.scope).toBe("profile:read assistant");
  expect(decodeJwt(after.access_token)["scope"]).toBe("profile:read assistant");
  await ownerRows(sql`update memberships set role = 'owner' where person_id = ${id}`);
  expect((await next(client, after.refresh_token as string)).scope).toBe("profile:read assistant billing:write");
});

test("a refresh token is good for 90 days", async () => {
  const age = async (client: OAuthClient, age: string) => {
    await ownerRows(
      sql.raw(`update token_families set renewed_at = now() - interval '${age}'
      where client_id = '${client.client_id}'`),
    );
    await ownerRows(
      sql.raw(`update refresh_tokens set issued_at = now() - interval '${age}'
      where family_id in (select id from token_families where client_id = '${client.client_id}')`),
    );
  };
  const { client, refreshToken } = await signed();
  await age(client, "90 days");
  expect(await answered(await refreshWith(client, refreshToken))).toEqual(GONE);
  expect(await introspected(client, refreshToken)).toEqual([200, { active: false }]);
  await age(client, "89 days 23 hours 59 minutes");
  const renewed = await next(client, refreshToken);
  const [, body] = await introspected(client, renewed.refresh_token as string);
  const { iat, exp } = body as { iat: number; exp: number };
  expect((exp - iat) * 1000).toBe(90 * DAY_MS);
  // By the Worker's own clock as well.
  const later = await workerAt(90 * DAY_MS + SECOND_MS);
  const form = { ...proof(client), grant_type: "refresh_token", refresh_token: renewed.refresh_token as string };
  expect(await answered(await later("/oauth2/token", form))).toEqual(GONE);
});

test("a family ends with the sign-out, the instance, the membership or the token that approved it", async () => {
  const person = (s: Signed) => uuidFromId("person", s.person.id);
  const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
  const endings: Record<string, (s: Signed) => Promise<unknown>> = {
    "sign-out": (s) => postJson("/instance/user/session/revoke", "", bearer(s.tokens.access_token)),
    "instance removed": (s) =>
      ownerRows(sql`update instances set removed_at = now() where client_id = ${s.client.client_id}`),
    "instance revoked": (s) =>
      ownerRows(sql`update instances set revoked_at = now() where client_id = ${s.client.client_id}`),
    membership: (s) => ownerRows(sql`update memberships set removed_at = now() where person_id = ${person(s)}`),
    "token revoked": (s) => revokePats(s.person),
    "token expired": (s) =>
      ownerRows(sql`update credentials set valid_until = now() - interval '1 second'
        where person_id = ${person(s)} and kind = 'personal-access-token'`),
  };
  for (const [name, ends] of Object.entries(endings)) {
    const made = await signed();
    const renewed = { ...made, ...(await next(made.client, made.refreshToken)) };
    await ends(made);
    const answer = await answered(await refreshWith(made.client, renewed.refresh_token as string));
    expect(answer, name).toEqual(GONE);
  }
});

test("a suspended tenant's refreshes wait for it, and lose nothing", async () => {
  const { tenant, client, refreshToken } = await signed();
  const suspend = (status: string) =>
    ownerRows(sql`update tenants set status = ${status} where id = ${uuidFromId("tenant", tenant.id)}`);
  await suspend("suspended");
  expect(await answered(await refreshWith(client, refreshToken))).toEqual([403, "access_denied"]);
  await suspend("active");
  await next(client, refreshToken);
});

test("without Postgres a refresh is a 503 with Retry-After and loses nothing; an instance still gets its own token", async () => {
  const { client, person, refreshToken } = await signed();
  const code = await codeFor(client, person);
  await withoutPostgres(async () => {
    for (const response of [await refreshWith(client, refreshToken), await exchange(client, code)]) {
      expect(response.status).toBe(503);
      expect(Number(response.headers.get("retry-after"))).toBeGreaterThan(0);
    }
    expect((await revokes(client, refreshToken)).status).toBe(503);
    const own = await postForm("/oauth2/token", { ...proof(client), grant_type: "client_credentials" });
    expect(own.status).toBe(200);
  });
  const second = await next(client, refreshToken);
  await next(client, second.refresh_token as string);
  expect((await exchange(client, code)).status).toBe(200);
});

test("a client that has not registered for refreshing gets no refresh token, and may not use one", async () => {
  const { client, refreshToken } = await signed();
  const grants = ["client_credentials", "urn:ietf:params:oauth:grant-type:device_code"];
  const without = await oauthScene({ grant_types: grants });
  const tokens = await loginOn(without.client, without.pat);
  expect(tokens).not.toHaveProperty("refresh_token");
  expect(await answered(await refreshWith(without.client, refreshToken))).toEqual([400, "unauthorized_client"]);
  await next(client, refreshToken);
});

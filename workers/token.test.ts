import { evictDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { decodeJwt, decodeProtectedHeader, SignJWT } from "jose";
import { expect, inject, test } from "vitest";
import { signAccessToken, verifyAccessToken } from "../src/access/access-token.ts";
import { loadTokenKeys, newSigningKey, rotateSigningKeys, type SigningKeys } from "../src/access/token-keys.ts";
import { createApp } from "../src/app.ts";
import { HOUR_MS, MINUTE_MS } from "../src/core/clock.ts";
import { newId } from "../src/core/id.ts";
import { Problem } from "../src/core/problem.ts";
import { withoutPostgres } from "../src/testing/faults.ts";
import {
  call,
  gateOf,
  manyInstances,
  ORIGIN,
  ping,
  postForm,
  register,
  signFor,
  tokenOf,
} from "../src/testing/instance.ts";
import { testTenant } from "../src/testing/world.ts";
import { createDeps } from "./runtime.ts";

const keys = () => loadTokenKeys(inject("workerBindings")["TOKEN_SIGNING_KEYS"] as string);

test("a token is a JWT of one hour that the published keys verify, and names the gate", async () => {
  const tenant = await testTenant();
  const token = await tokenOf(await register(tenant));
  const claims = decodeJwt(token);
  expect(decodeProtectedHeader(token)).toMatchObject({ alg: "EdDSA", typ: "at+jwt" });
  expect((claims.exp ?? 0) - (claims.iat ?? 0)).toBe(3_600);
  expect(claims).toMatchObject({ iss: ORIGIN, aud: ORIGIN, gate: tenant.gateId, tenant: tenant.id });
  const jwks = await (await call("/.well-known/jwks.json")).json<{ keys: Record<string, unknown>[] }>();
  expect(jwks.keys.map((key) => key["kid"])).toContain(decodeProtectedHeader(token).kid);
  expect(jwks.keys.every((key) => key["d"] === undefined)).toBe(true);
});

const MANGLED: Record<string, (token: string) => string | Promise<string>> = {
  "no token at all": () => "x",
  "one bit of the signature": (token) => token.slice(0, -6) + (token.at(-6) === "A" ? "B" : "A") + token.slice(-5),
  "another payload": (token) => {
    const [header, , signature] = token.split(".");
    return [
      header,
      btoa(JSON.stringify({ ...decodeJwt(token), sub: newId("instance", 0) })).replaceAll("=", ""),
      signature,
    ].join(".");
  },
  "alg none": (token) => `${btoa('{"alg":"none","typ":"at+jwt"}').replaceAll("=", "")}.${token.split(".")[1]}.`,
  "signed with somebody else's key": async (token) => {
    const stranger = await loadTokenKeys(
      JSON.stringify({ current: await newSigningKey(), next: await newSigningKey() }),
    );
    return await new SignJWT(decodeJwt(token))
      .setProtectedHeader({ ...decodeProtectedHeader(token), alg: "EdDSA" })
      .sign(stranger.sign);
  },
  "HMAC with the public key": async (token) => {
    const jwk = (await keys()).jwks.keys[0];
    return await new SignJWT(decodeJwt(token))
      .setProtectedHeader({ ...decodeProtectedHeader(token), alg: "HS256" })
      .sign(new TextEncoder().encode(String(jwk?.x)));
  },
  "another type of JWT": async (token) => {
    const { sign, kid } = await keys();
    return await new SignJWT(decodeJwt(token)).setProtectedHeader({ alg: "EdDSA", typ: "JWT", kid }).sign(sign);
  },
  "another issuer": async (token) => {
    const { sign, kid } = await keys();
    const claims = { ...decodeJwt(token), iss: "https://other.test" };
    return await new SignJWT(claims).setProtectedHeader({ alg: "EdDSA", typ: "at+jwt", kid }).sign(sign);
  },
};

test("every forged or unknown token gets the same plain 401", async () => {
  const tenant = await testTenant();
  const [instance] = await manyInstances(tenant, 1);
  const genuine = await signFor(tenant, instance as `ins_${string}`);
  expect((await ping(genuine)).status).toBe(200);
  const answers = new Set<string>();
  for (const mangle of Object.values(MANGLED)) {
    const response = await ping(await mangle(genuine));
    const { request_id: _, ...body } = await response.json<Record<string, unknown>>();
    answers.add(JSON.stringify([response.status, response.headers.get("www-authenticate"), body]));
  }
  expect([...answers]).toEqual([expect.stringContaining('401,"Bearer realm=\\"ebb\\""')]);
});

/** Minutes between the token's issue and its use, and what is said of it. */
const AGES: [minutes: number, problem: string | null][] = [
  [-6, "token-not-yet-valid"],
  [-4, null],
  [0, null],
  [59, null],
  [64, null],
  [66, "token-expired"],
  [100_000, "token-expired"],
];

test.each(AGES)("a token used %i minutes after its issue: %s", async (minutes, problem) => {
  const now = 1_795_000_000_000;
  const subject = {
    instanceId: newId("instance", now),
    tenantId: newId("tenant", now),
    gateId: "any_aaaaaaaaaaaaaaaa",
    clientId: "c",
    scope: "",
  };
  const token = await signAccessToken(subject, ORIGIN, await keys(), now);
  const verified = verifyAccessToken(token, ORIGIN, await keys(), now + minutes * MINUTE_MS).then(
    () => null,
    (error: unknown) => (error instanceof Problem ? error.problem : error),
  );
  expect(await verified).toBe(problem);
});

test("an expired token is told so, with the server's date", async () => {
  const tenant = await testTenant();
  const [instance] = await manyInstances(tenant, 1);
  const response = await ping(await signFor(tenant, instance as `ins_${string}`, Date.now() - 2 * HOUR_MS));
  expect(response.status).toBe(401);
  expect(response.headers.get("www-authenticate")).toContain('error="invalid_token"');
  expect(Math.abs(Date.parse(response.headers.get("date") ?? "") - Date.now())).toBeLessThan(MINUTE_MS);
  expect(await response.json()).toMatchObject({
    type: "urn:ebb:problem:token-expired",
    error: "token-expired",
    code: 4013,
  });
});

test("rotation never breaks a valid token", async () => {
  const now = Date.now();
  const first: SigningKeys = { current: await newSigningKey(), next: await newSigningKey(), previous: null };
  const before = await loadTokenKeys(JSON.stringify(first));
  const rotated = await rotateSigningKeys(first);
  const after = await loadTokenKeys(JSON.stringify(rotated));
  const subject = {
    instanceId: newId("instance", now),
    tenantId: newId("tenant", now),
    gateId: "any_aaaaaaaaaaaaaaaa",
    clientId: "c",
    scope: "",
  };
  const old = await signAccessToken(subject, ORIGIN, before, now);
  const young = await signAccessToken(subject, ORIGIN, after, now);
  // Old tokens at new workers, and new tokens at workers that have not heard of the rotation yet.
  await expect(verifyAccessToken(old, ORIGIN, after, now)).resolves.toMatchObject({ instanceId: subject.instanceId });
  await expect(verifyAccessToken(young, ORIGIN, before, now)).resolves.toMatchObject({
    instanceId: subject.instanceId,
  });
  expect(decodeProtectedHeader(young).kid).toBe(first.next.kid);
});

test("without Postgres, and three hours on, instances renew their tokens and ping", async () => {
  const tenant = await testTenant();
  const client = await register(tenant);
  await tokenOf(client);
  await withoutPostgres(async () => {
    const real = await createDeps(env);
    const later = createApp({ ...real, clock: { now: () => Date.now() + 3 * HOUR_MS } });
    const send = (path: string, init: RequestInit) =>
      later.fetch(new Request(ORIGIN + path, { method: "POST", ...init }));
    const renewed = await send("/oauth2/token", {
      body: new URLSearchParams({
        grant_type: "client_credentials",
        client_id: client.client_id,
        client_secret: client.client_secret,
      }),
    });
    expect(renewed.status).toBe(200);
    const { access_token: token } = await renewed.json<{ access_token: string }>();
    const alive = await send("/instance/alive", { headers: { authorization: `Bearer ${token}` } });
    expect([alive.status, await alive.json()]).toEqual([200, { collect: true }]);
  });
});

test("a wrong secret, an unknown client and a forged client id look alike; guesses are limited through an eviction", async () => {
  const tenant = await testTenant();
  const client = await register(tenant);
  const attempt = (client_id: string, client_secret: string) =>
    postForm("/oauth2/token", { grant_type: "client_credentials", client_id, client_secret });
  const wrong = await attempt(client.client_id, "wrong");
  const forged = await attempt(
    `${client.client_id.slice(0, -1)}${client.client_id.endsWith("A") ? "B" : "A"}`,
    client.client_secret,
  );
  expect([wrong.status, await wrong.text()]).toEqual([forged.status, await forged.text()]);
  expect(wrong.status).toBe(401);
  let admitted = 1;
  for (let i = 0; i < 40; i++) {
    if (i === 20) await evictDurableObject(gateOf(tenant));
    const response = await attempt(client.client_id, `guess ${i}`);
    if (response.status === 429) expect(Number(response.headers.get("retry-after"))).toBeGreaterThan(3_000);
    else admitted += 1;
  }
  expect(admitted).toBe(30);
  // Whoever knows a client's id cannot lock it out: the right secret is none of the guesses.
  await tokenOf(client);
});

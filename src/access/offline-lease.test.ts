import { createLocalJWKSet, jwtVerify, SignJWT } from "jose";
import { beforeAll, expect, test } from "vitest";
import { fromBase64Url } from "../core/bytes.ts";
import { DAY_MS } from "../core/clock.ts";
import { newId } from "../core/id.ts";
import { signUserToken, verifyAccessToken } from "./access-token.ts";
import { type OfflineLease, signOfflineLease, verifyOfflineLease } from "./offline-lease.ts";
import { loadTokenKeys, newSigningKey, rotateSigningKeys, type SigningKeys, type TokenKeys } from "./token-keys.ts";

const ISSUER = "https://ebb.test";
const NOW = Date.UTC(2026, 10, 21, 8);
const CLIENT = "ebbc_client";

const LEASE: OfflineLease = {
  clientId: CLIENT,
  personId: newId("person", NOW),
  instanceId: newId("instance", NOW),
  tenantId: newId("tenant", NOW),
  workspaceId: newId("workspace", NOW),
  plan: "team",
  entitlements: ["assistant"],
};
const SPAN = { nowMs: NOW, expiresAtMs: NOW + 7 * DAY_MS };

let stored: SigningKeys;
let keys: TokenKeys;
let others: TokenKeys;
const make = async () => ({ current: await newSigningKey(), next: await newSigningKey(), previous: null });
beforeAll(async () => {
  stored = await make();
  keys = await loadTokenKeys(JSON.stringify(stored));
  others = await loadTokenKeys(JSON.stringify(await make()));
});

const sign = (issuer = ISSUER, by = keys) => signOfflineLease(LEASE, issuer, by, SPAN);
const judge = (lease: string, more: Partial<Parameters<typeof verifyOfflineLease>[1]> = {}) =>
  verifyOfflineLease(lease, { issuer: ISSUER, clientId: CLIENT, keys: keys.verify, nowMs: NOW, ...more });

/** A JWT of the server's own key that is not what it should be in one thing. */
const forged = (claims: object, { typ = "offline-lease+jwt", audience = CLIENT } = {}) =>
  new SignJWT({
    instance: LEASE.instanceId,
    tenant: LEASE.tenantId,
    workspace: LEASE.workspaceId,
    plan: "team",
    entitlements: [],
    ...claims,
  })
    .setProtectedHeader({ alg: "EdDSA", typ, kid: keys.kid })
    .setIssuer(ISSUER)
    .setAudience(audience)
    .setSubject(LEASE.personId)
    .setIssuedAt(NOW / 1000)
    .setNotBefore(NOW / 1000)
    .setExpirationTime(NOW / 1000 + 60)
    .sign(keys.sign);

test("a lease says what it is of, and the published keys verify it: with jose and with WebCrypto alone", async () => {
  const lease = await sign();
  expect(await judge(lease)).toEqual({ valid: true, lease: LEASE, expiresAtMs: SPAN.expiresAtMs });
  const { payload, protectedHeader } = await jwtVerify(lease, createLocalJWKSet(keys.jwks), {
    currentDate: new Date(NOW),
  });
  expect(protectedHeader).toEqual({ alg: "EdDSA", typ: "offline-lease+jwt", kid: keys.kid });
  expect(payload).toEqual({
    iss: ISSUER,
    aud: CLIENT,
    sub: LEASE.personId,
    instance: LEASE.instanceId,
    tenant: LEASE.tenantId,
    workspace: LEASE.workspaceId,
    plan: "team",
    entitlements: ["assistant"],
    iat: NOW / 1000,
    nbf: NOW / 1000,
    exp: SPAN.expiresAtMs / 1000,
  });
  // As a program without any library does it (RFC 8037 section 3.1).
  const [header = "", body = "", signature = ""] = lease.split(".");
  const jwk = keys.jwks.keys.find(({ kid }) => kid === keys.kid) as JsonWebKey;
  const key = await crypto.subtle.importKey(
    "jwk",
    { kty: "OKP", crv: "Ed25519", x: jwk.x as string },
    "Ed25519",
    false,
    ["verify"],
  );
  const verify = (text: string) =>
    crypto.subtle.verify(
      "Ed25519",
      key,
      fromBase64Url(signature) as Uint8Array<ArrayBuffer>,
      new TextEncoder().encode(text),
    );
  expect([await verify(`${header}.${body}`), await verify(`${header}.${body}A`)]).toEqual([true, false]);
});

test("a lease is good to the second of its end and five minutes more, and not before it was given", async () => {
  const lease = await sign();
  const skew = 5 * 60_000;
  for (const [nowMs, reason] of [
    [NOW - skew, null],
    [NOW - skew - 1000, "not-yet-valid"],
    [SPAN.expiresAtMs + skew - 1000, null],
    [SPAN.expiresAtMs + skew, "expired"],
    [SPAN.expiresAtMs + 365 * DAY_MS, "expired"],
  ] as const) {
    const verdict = await judge(lease, { nowMs });
    expect([nowMs, verdict.valid ? null : verdict.reason]).toEqual([nowMs, reason]);
  }
});

test("another issuer's, another client's, another key's, one of another type and one that was changed are not genuine", async () => {
  const lease = await sign();
  const [header, body, signature] = lease.split(".") as [string, string, string];
  const altered = btoa(JSON.stringify({ ...JSON.parse(atob(body)), plan: "enterprise" })).replaceAll("=", "");
  const none = btoa(JSON.stringify({ alg: "none", typ: "offline-lease+jwt" })).replaceAll("=", "");
  const wrong: [name: string, lease: string, more?: Parameters<typeof judge>[1]][] = [
    ["another issuer", await sign("https://evil.test")],
    ["another audience", lease, { clientId: "ebbc_other" }],
    ["another's key", await sign(ISSUER, others)],
    ["no keys", lease, { keys: new Map() }],
    ["altered", `${header}.${altered}.${signature}`],
    ["no signature", `${none}.${body}.`],
    ["type of an access token", await forged({}, { typ: "at+jwt" })],
    ["no type", await forged({}, { typ: "JWT" })],
    ["no plan", await forged({ plan: undefined })],
    ["entitlements that are no list", await forged({ entitlements: "assistant" })],
    ["an instance that is none", await forged({ instance: LEASE.personId })],
    ["empty", ""],
    ["nonsense", "a.b.c"],
    ["an access token of the same person", await userToken()],
  ];
  for (const [name, text, more] of wrong) {
    expect([name, await judge(text, more)]).toEqual([name, { valid: false, reason: "not-genuine" }]);
  }
  // Late besides: of what is not genuine nothing is told.
  expect(await judge(await sign("https://evil.test"), { nowMs: NOW + 30 * DAY_MS })).toMatchObject({ valid: false });
  // The control: the forger's hand is the only thing wrong with them.
  expect((await judge(await forged({}))).valid).toBe(true);
});

function userToken(): Promise<string> {
  const { personId, instanceId, tenantId, workspaceId } = LEASE;
  const subject = {
    ...{ personId, instanceId, tenantId, workspaceId, clientId: CLIENT, scope: "offline" },
    ...{ gateId: "any", familyId: newId("tokenFamily", NOW), generation: 1, signedInAtMs: NOW, notAfterMs: null },
  };
  return signUserToken(subject, ISSUER, keys, NOW).then(({ token }) => token);
}

test("a lease is never an access token, whatever its audience", async () => {
  const leases = [await sign(), await forged({}, { audience: ISSUER })];
  for (const lease of leases) {
    await expect(verifyAccessToken(lease, ISSUER, keys, NOW)).rejects.toMatchObject({ problem: "unauthenticated" });
  }
});

test("a lease outlives one rotation of the keys", async () => {
  const lease = await sign();
  const rotated = await rotateSigningKeys(stored);
  expect((await judge(lease, { keys: (await loadTokenKeys(JSON.stringify(rotated))).verify })).valid).toBe(true);
  // Of the one after it only an instance that kept the published keys knows.
  const twice = await rotateSigningKeys(rotated);
  expect((await judge(lease, { keys: (await loadTokenKeys(JSON.stringify(twice))).verify })).valid).toBe(false);
});

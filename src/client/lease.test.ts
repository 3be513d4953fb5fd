import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { expect, test } from "vitest";
import { clientWorld, signIn } from "../testing/client-world.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const ISSUER = "http://127.0.0.1";

interface Wish {
  typ?: string;
  iss?: string;
  aud?: string;
  kid?: string;
  alter?: (jwt: string) => string;
  claims?: Record<string, unknown>;
}

/** A signed-in world whose service signs leases for seven days. */
async function leaseWorld(wish: Wish = {}) {
  const world = clientWorld();
  const { publicKey, privateKey } = await generateKeyPair("EdDSA", { crv: "Ed25519" });
  world.server.jwks = { keys: [{ ...(await exportJWK(publicKey)), kid: "one", alg: "EdDSA", use: "sig" }] };
  world.server.lease = async (clientId) => {
    const nowS = Math.floor(world.time.now() / 1000);
    const jwt = await new SignJWT({
      instance: "ins_1",
      tenant: "tnt_1",
      plan: "team",
      entitlements: ["assistant"],
      ...wish.claims,
    })
      .setProtectedHeader({ alg: "EdDSA", typ: wish.typ ?? "offline-lease+jwt", kid: wish.kid ?? "one" })
      .setIssuer(wish.iss ?? ISSUER)
      .setAudience(wish.aud ?? clientId)
      .setSubject("per_1")
      .setIssuedAt(nowS)
      .setExpirationTime(nowS + 7 * 86_400)
      .sign(privateKey);
    return wish.alter?.(jwt) ?? jwt;
  };
  const client = world.make();
  await signIn(world, client);
  return { ...world, client };
}

test("a lease is fetched, kept, and verified without a network, also after a restart", async () => {
  const { client, server, time, make } = await leaseWorld();
  const lease = await client.lease();
  expect(lease).toEqual({
    ok: true,
    value: {
      personId: "per_1",
      instanceId: "ins_1",
      tenantId: "tnt_1",
      workspaceId: null,
      plan: "team",
      entitlements: ["assistant"],
      issuedAtMs: Math.floor(time.now() / 1000) * 1000,
      expiresAtMs: Math.floor(time.now() / 1000) * 1000 + 7 * DAY_MS,
    },
  });
  server.fault = () => "down";
  const before = server.received.length;
  time.jump(6 * DAY_MS);
  expect(await client.verifyLease()).toEqual(lease);
  expect(await make().verifyLease()).toEqual(lease);
  expect(server.received).toHaveLength(before);
});

test("it ends with its expiry and the five minutes by which clocks differ", async () => {
  const { client, time } = await leaseWorld();
  await client.lease();
  const endsInMs = 7 * DAY_MS - (time.now() % 1000) + 5 * 60_000;
  time.jump(endsInMs - 1);
  expect(await client.verifyLease()).toMatchObject({ ok: true });
  time.jump(1);
  expect(await client.verifyLease()).toMatchObject({ error: { code: "lease-expired" } });
});

test("a clock that is set back does not make it longer, also across restarts", async () => {
  const { client, time, make } = await leaseWorld();
  await client.lease();
  time.jump(6 * DAY_MS);
  expect(await client.verifyLease()).toMatchObject({ ok: true });
  time.jump(-4 * 60_000);
  expect(await client.verifyLease()).toMatchObject({ ok: true });
  time.jump(-2 * 60_000);
  expect(await client.verifyLease()).toMatchObject({ error: { code: "clock-set-back" } });
  expect(await make().verifyLease()).toMatchObject({ error: { code: "clock-set-back" } });
  // The service knows what time it is.
  time.jump(-5 * DAY_MS);
  expect(await client.lease()).toMatchObject({ ok: true });
  expect(await client.verifyLease()).toMatchObject({ ok: true });
  // Before its own beginning it was never valid.
  const other = await leaseWorld({ claims: { nbf: 4_000_000_000 } });
  expect(await other.client.lease()).toMatchObject({ error: { code: "clock-set-back" } });
});

const flip = (part: number) => (jwt: string) => {
  const parts = jwt.split(".");
  const text = parts[part] ?? "";
  parts[part] = (text.startsWith("A") ? "B" : "A") + text.slice(1);
  return parts.join(".");
};
const unsigned = (jwt: string) =>
  `${btoa('{"alg":"none","typ":"offline-lease+jwt"}').replaceAll("=", "")}.${jwt.split(".")[1]}.`;
const FORGED: [string, Wish][] = [
  ["another issuer", { iss: "https://elsewhere.example" }],
  ["another instance", { aud: "client-of-another" }],
  ["an access token", { typ: "at+jwt" }],
  ["an unknown key", { kid: "two" }],
  ["a changed header", { alter: flip(0) }],
  ["changed claims", { alter: flip(1) }],
  ["a changed signature", { alter: flip(2) }],
  ["no signature", { alter: (jwt) => jwt.split(".").slice(0, 2).join(".") }],
  ["alg none", { alter: unsigned }],
  ["a fourth part", { alter: (jwt) => `${jwt}.x` }],
  ["nonsense", { alter: () => "🙂" }],
];

test.each(FORGED)("%s is no lease, and does not take the place of a good one", async (_, wish) => {
  const good: Wish = {};
  const { client } = await leaseWorld(good);
  expect(await client.lease()).toMatchObject({ ok: true });
  Object.assign(good, wish);
  expect(await client.lease()).toMatchObject({ ok: false, error: { code: "lease-invalid" } });
  expect(await client.verifyLease()).toMatchObject({ ok: true });
});

test("a store that somebody has edited holds no lease", async () => {
  const { client, store, make } = await leaseWorld();
  await client.lease();
  const kept = JSON.parse(store.text ?? "") as { lease: { token: string } };
  const [head, , signature] = kept.lease.token.split(".");
  kept.lease.token = [head, btoa('{"exp":9999999999}').replaceAll("=", ""), signature].join(".");
  store.text = JSON.stringify(kept);
  expect(await make().verifyLease()).toMatchObject({ error: { code: "lease-invalid" } });
});

test("keys are kept for when only they cannot be had, and the lease ends with the sign-in", async () => {
  const { client, server } = await leaseWorld();
  expect(await client.verifyLease()).toMatchObject({ error: { code: "no-lease" } });
  server.fault = ({ path }) => (path.endsWith("jwks.json") ? { status: 503 } : null);
  expect(await client.lease()).toMatchObject({ error: { code: "unavailable" } });
  server.fault = () => null;
  expect(await client.lease()).toMatchObject({ ok: true });
  server.fault = ({ path }) => (path.endsWith("jwks.json") ? { status: 503 } : null);
  expect(await client.lease()).toMatchObject({ ok: true });
  await client.signOut();
  expect(await client.verifyLease()).toMatchObject({ error: { code: "no-lease" } });
  expect(await client.lease()).toMatchObject({ error: { code: "signed-out" } });
});

import { expect, test } from "vitest";
import { clientWorld, signIn } from "../testing/client-world.ts";
import type { SignInCode } from "./index.ts";

const polls = (server: { received: { body: string }[] }) =>
  server.received.filter(({ body }) => body.includes("device_code=")).length;

test("shows what a person needs, polls at the interval, and not once sooner", async () => {
  const { server, time, make } = clientWorld();
  const codes: SignInCode[] = [];
  const askedAtMs = time.now();
  const result = make().signIn({ onCode: (code) => void codes.push(code) });
  await time.advance(4_999);
  expect(codes).toEqual([
    {
      userCode: "WDJB-MJHT",
      verificationUri: "http://127.0.0.1/device",
      verificationUriComplete: "http://127.0.0.1/device?user_code=WDJB-MJHT",
      claimCode: "BCDFG-HJKLM",
      expiresAtMs: askedAtMs + 600_000,
    },
  ]);
  expect(polls(server)).toBe(0);
  await time.advance(1);
  expect(polls(server)).toBe(1);
  await time.advance(15_000);
  expect(polls(server)).toBe(4);
  server.approve();
  await time.advance(5_000);
  expect(await result).toEqual({ ok: true, value: { scope: "profile:read offline" } });
  await time.advance(3_600_000);
  expect(polls(server)).toBe(5);
});

test("slow_down makes every later wait five seconds longer", async () => {
  const { server, time, make } = clientWorld();
  const result = make().signIn({ onCode: () => undefined });
  let refusals = 2;
  server.fault = ({ body }) =>
    body.includes("device_code=") && refusals-- > 0 ? { status: 400, body: { error: "slow_down" } } : null;
  await time.advance(5_000 + 10_000 + 15_000 + 15_000);
  expect(polls(server)).toBe(4);
  server.approve();
  await time.advance(14_999);
  expect(polls(server)).toBe(4);
  await time.advance(1);
  expect(await result).toMatchObject({ ok: true });
});

test("a rate limit, a failing service and a lost connection are waited out", async () => {
  const { server, time, make } = clientWorld();
  const result = make().signIn({ onCode: () => undefined });
  const faults = [
    { status: 429, headers: { "retry-after": "20" }, body: { error: "slow_down" } },
    { status: 503 },
    "down",
  ] as const;
  let next = 0;
  server.fault = ({ body }) => (body.includes("device_code=") ? (faults[next++] ?? null) : null);
  // 5 s; 20 s as asked; doubled from there twice, at most a minute.
  await time.advance(5_000 + 20_000);
  expect(next).toBe(2);
  await time.advance(39_999);
  expect(next).toBe(2);
  await time.advance(1);
  expect(next).toBe(3);
  server.approve();
  await time.advance(60_000);
  expect(await result).toMatchObject({ ok: true });
});

test.each([
  ["denied", (world: ReturnType<typeof clientWorld>) => world.server.approve("denied")],
  ["expired", (world: ReturnType<typeof clientWorld>) => world.server.devices.clear()],
] as const)("%s: it ends at the next poll", async (code, happen) => {
  const world = clientWorld();
  const client = world.make();
  const result = client.signIn({ onCode: () => happen(world) });
  await world.time.advance(5_000);
  expect(await result).toMatchObject({ ok: false, error: { code } });
  expect(await client.status()).toMatchObject({ value: { signedIn: false } });
  await world.time.advance(3_600_000);
  expect(polls(world.server)).toBe(1);
  expect(await signIn(world, client)).toMatchObject({ ok: true });
});

test("a code that nobody approves expires by our own clock too, with the last poll before it", async () => {
  const { server, time, make } = clientWorld();
  const result = make().signIn({ onCode: () => undefined });
  await time.advance(600_000);
  expect(await result).toMatchObject({ ok: false, error: { code: "expired" } });
  expect(polls(server)).toBe(119);
});

test("it can be stopped at any moment, and nothing is left over", async () => {
  for (const afterMs of [0, 1_000, 5_000, 9_000]) {
    const { server, time, make } = clientWorld();
    const stop = new AbortController();
    const result = make().signIn({ onCode: () => undefined, signal: stop.signal });
    await time.advance(afterMs);
    stop.abort();
    expect(await result).toMatchObject({ ok: false, error: { code: "aborted" } });
    const before = server.received.length;
    await time.advance(3_600_000);
    expect(server.received).toHaveLength(before);
    expect(time.pending(true)).toEqual([]);
  }
  const { make, time, server } = clientWorld();
  const stop = new AbortController();
  server.fault = ({ path }) => (path === "/oauth2/device/authorize" ? "hang" : null);
  const result = make().signIn({ onCode: () => undefined, signal: stop.signal });
  await time.advance(1_000);
  stop.abort();
  expect(await result).toMatchObject({ error: { code: "aborted" } });
  expect(await make().signIn({ onCode: () => undefined, signal: stop.signal })).toMatchObject({
    error: { code: "aborted" },
  });
});

test("two at once: the second is told", async () => {
  const { make, time, server } = clientWorld();
  const client = make();
  const first = client.signIn({ onCode: () => server.approve() });
  expect(await client.signIn({ onCode: () => undefined })).toMatchObject({ error: { code: "busy" } });
  await time.advance(5_000);
  expect(await first).toMatchObject({ ok: true });
});

test("whoever signs in next takes the place of the last, whose sign-in ends there", async () => {
  const world = clientWorld();
  const client = world.make();
  await signIn(world, client);
  await signIn(world, client);
  expect(world.server.families.map(({ ended }) => ended)).toEqual([true, false]);
  expect(await client.session()).toMatchObject({ ok: true });
});

test("waiting for a person keeps the program running; nothing else does", async () => {
  const world = clientWorld();
  const client = world.make({ registrationKey: "key" });
  await client.start();
  expect(world.time.pending(true)).toEqual([]);
  expect(world.time.pending(false)).toHaveLength(1);
  void client.signIn({ onCode: () => undefined });
  await world.time.advance(1_000);
  expect(world.time.pending(true)).toEqual([4_000]);
});

test("an instance that starts unclaimed pings as soon as somebody has claimed it", async () => {
  const world = clientWorld();
  const client = world.make();
  await client.start();
  await signIn(world, client);
  await world.time.advance(0);
  expect(world.server.pings).toHaveLength(1);
});

test.each([30 * 86_400_000, -30 * 86_400_000])("a clock that is set by %i ms meanwhile ends nothing", async (ms) => {
  const { server, time, make } = clientWorld();
  const result = make().signIn({ onCode: () => undefined });
  await time.advance(7_000);
  time.shift(ms);
  await time.advance(60_000);
  server.approve();
  await time.advance(5_000);
  expect(await result).toMatchObject({ ok: true });
  // And it does not go on for ever.
  const other = clientWorld();
  const unapproved = other.make().signIn({ onCode: () => undefined });
  await other.time.advance(7_000);
  other.time.shift(ms);
  await other.time.advance(600_000);
  expect(await unapproved).toMatchObject({ error: { code: "expired" } });
  expect(polls(other.server)).toBe(119);
});

test("forget ends a sign-in that is under way: an approval afterwards brings nothing back", async () => {
  for (const afterMs of [0, 1_000, 5_000, 9_000]) {
    const { server, time, store, events, make } = clientWorld();
    const client = make();
    const result = client.signIn({ onCode: () => undefined });
    await time.advance(afterMs);
    expect(await client.forget()).toMatchObject({ ok: true });
    server.approve();
    const before = server.received.length;
    await time.advance(3_600_000);
    expect(await result).toMatchObject({ ok: false, error: { code: "aborted" } });
    expect(server.received).toHaveLength(before);
    expect(events.filter(({ type }) => type === "signed-in")).toEqual([]);
    expect(JSON.parse(store.text ?? "")).toMatchObject({ client: null, user: null, registering: null });
    // The next one is another.
    const again = client.signIn({ onCode: () => server.approve() });
    await time.advance(10_000);
    expect(await again).toMatchObject({ ok: true });
  }
});

test.each(["/oauth2/register", "/oauth2/device/authorize", "/oauth2/token"])(
  "forget while %s is under way, here or in another process: nothing of it is kept",
  async (path) => {
    for (const here of [true, false]) {
      const { server, time, store, make } = clientWorld();
      let forgotten: Promise<unknown> | null = null;
      const fetch: typeof server.fetch = async (url, init) => {
        const answer = await server.fetch(url, init);
        if (url.endsWith(path)) forgotten ??= (here ? client : make()).forget();
        await forgotten;
        return answer;
      };
      const client = make({ fetch });
      const result = client.signIn({ onCode: () => server.approve() });
      await time.advance(10_000);
      expect(await result).toMatchObject({ ok: false });
      expect(JSON.parse(store.text ?? "")).toMatchObject({ client: null, user: null });
    }
  },
);

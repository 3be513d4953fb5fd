import { expect, test } from "vitest";
import { clientWorld, MemoryStore, signIn } from "../testing/client-world.ts";
import type { Fault } from "../testing/contract-server.ts";

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
const KEY = { registrationKey: "key" };

/** The Idempotency-Keys of the registrations that have arrived. */
const keys = (server: { received: { path: string; headers: Record<string, string> }[] }) =>
  server.received.filter(({ path }) => path === "/oauth2/register").map(({ headers }) => headers["idempotency-key"]);

test.each(["lost", "hang-after", { status: 503 }, { status: 408 }, { status: 429 }, { status: 200, body: "<html>" }])(
  "a registration whose answer is %j is asked for again with the same key, also after a restart: one instance",
  async (fault) => {
    const { server, time, store, make } = clientWorld();
    server.fault = ({ path }) => (path === "/oauth2/register" ? (fault as Fault) : null);
    const started = make(KEY).start();
    await time.advance(10_000);
    expect(await started).toMatchObject({ ok: false });
    const [key] = keys(server);
    expect(key).toMatch(/^[A-Za-z0-9_-]{16,64}$/);
    expect(JSON.parse(store.text ?? "")).toMatchObject({ registering: key, client: null });
    // As many again by the timer of a program that is then gone.
    await time.advance(2 * HOUR_MS);
    time.clear();
    server.fault = () => null;
    expect(await make(KEY).start()).toMatchObject({ ok: true, value: { pinged: true } });
    expect(keys(server).length).toBeGreaterThan(2);
    expect(new Set(keys(server))).toEqual(new Set([key]));
    expect(server.clients.size).toBe(1);
    expect(JSON.parse(store.text ?? "")).toMatchObject({ registering: null, client: { id: "client-1" } });
  },
);

test("a refusal ends the key: 409 too, which says that what was registered with it has ended", async () => {
  const { server, time, make } = clientWorld();
  for (const status of [400, 403, 409, 422]) {
    server.fault = () => ({ status, body: { error: "access_denied" } });
    expect(await make(KEY).start()).toMatchObject({ error: { code: "registration-refused", status } });
    time.clear();
  }
  server.fault = () => null;
  expect(await make(KEY).start()).toMatchObject({ ok: true });
  expect(new Set(keys(server)).size).toBe(5);
});

test("another registration has another key: after the last one has expired, and after forget", async () => {
  const world = clientWorld();
  const client = world.make();
  await client.start();
  world.time.jump(2 * DAY_MS);
  expect(await signIn(world, client)).toMatchObject({ ok: true });
  await client.forget();
  world.server.fault = () => "lost";
  await client.start();
  await client.forget();
  world.server.fault = () => null;
  world.time.jump(HOUR_MS);
  await client.start();
  expect(new Set(keys(world.server)).size).toBe(4);
  expect(world.server.clients.size).toBe(4);
});

test("a store that cannot be written: nothing is sent, however often it starts; once it can, one instance", async () => {
  const { server, time, make, events } = clientWorld();
  const store = new MemoryStore();
  const { set } = store;
  store.set = () => Promise.reject(new Error("read-only"));
  for (let restart = 0; restart < 5; restart++) {
    time.clear();
    const client = make({ ...KEY, store });
    expect(await client.start()).toMatchObject({ error: { code: "store-failed" } });
    expect(await client.signIn({ onCode: () => undefined })).toMatchObject({ error: { code: "store-failed" } });
    await time.advance(DAY_MS);
  }
  expect(server.received).toEqual([]);
  expect(events).toContainEqual({ type: "store-failed", during: "write" });
  store.set = set;
  await time.advance(HOUR_MS);
  expect([server.clients.size, server.pings.length]).toEqual([1, 1]);
});

test("a store that fails once the registration was sent: the next start is answered the same one", async () => {
  const { server, time, make } = clientWorld();
  const store = new MemoryStore();
  const { set } = store;
  server.fault = ({ path }) => {
    if (path === "/oauth2/register") store.set = () => Promise.reject(new Error("disk full"));
    return null;
  };
  for (let restart = 0; restart < 3; restart++) {
    time.clear();
    store.set = set;
    expect(await make({ ...KEY, store }).start()).toMatchObject({ ok: true });
  }
  expect(server.clients.size).toBe(1);
});

test.each([
  ["with a registration key", KEY],
  ["without one", {}],
])(
  "two processes that start together on one store, %s: one instance, and the secret that is good",
  async (_, options) => {
    const { server, time, make, store } = clientWorld();
    const [asked, go] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const isRegistration = (url: string) => url.endsWith("/oauth2/register");
    // The service hears of the first, then of the second, and is done with both before either is answered.
    const first = make({
      ...options,
      fetch: async (url, init) => {
        const answer = await server.fetch(url, init);
        if (!isRegistration(url)) return answer;
        asked.resolve();
        await go.promise;
        return answer;
      },
    });
    const arrived = Promise.withResolvers<void>();
    const second = make({
      ...options,
      fetch: async (url, init) => {
        const answer = await server.fetch(url, init);
        if (!isRegistration(url)) return answer;
        go.resolve();
        await arrived.promise;
        return answer;
      },
    });
    const one = first.start();
    await asked.promise;
    const two = second.start();
    await one;
    arrived.resolve();
    await two;
    const [good] = [...server.clients.values()];
    expect(server.clients.size).toBe(1);
    expect(JSON.parse(store.text ?? "")).toMatchObject({ client: { id: "client-1", secret: good?.secret } });
    await time.advance(5 * DAY_MS);
    if ("registrationKey" in options) expect(server.pings.length).toBeGreaterThanOrEqual(4);
  },
);

test("a registration that another process has given up is tried again, and silences nobody", async () => {
  const { server, time, make, store } = clientWorld();
  const fetch: typeof server.fetch = async (url, init) => {
    const answer = await server.fetch(url, init);
    if (url.endsWith("/oauth2/register") && server.received.length === 1) {
      await store.set(JSON.stringify({ ...JSON.parse((await store.get()) ?? ""), registering: null }));
    }
    return answer;
  };
  const client = make({ ...KEY, fetch });
  expect(await client.start()).toMatchObject({ error: { code: "not-registered" } });
  expect(await client.status()).toMatchObject({ value: { nextPingAtMs: expect.any(Number) } });
  await time.advance(2 * DAY_MS);
  expect(server.pings.length).toBeGreaterThanOrEqual(1);
});

test("other words than a version before has used, or an instance that has ended: once more with a key of its own", async () => {
  const { server, time, make } = clientWorld();
  server.fault = () => "lost";
  await make({ ...KEY, name: "before" }).start();
  time.clear();
  server.fault = () => null;
  expect(await make({ ...KEY, name: "after" }).start()).toMatchObject({ ok: true, value: { pinged: true } });
  expect(new Set(keys(server)).size).toBe(2);
});

test("the preview shows the key's header: the key itself where secrets are shown, and what is then sent", async () => {
  const { server, make } = clientWorld();
  const client = make(KEY);
  const masked = await client.preview();
  const shown = await client.preview("start", { secrets: true });
  expect(masked.ok && masked.value[0]?.headers["idempotency-key"]).toBe("***");
  const key = shown.ok && shown.value[0]?.headers["idempotency-key"];
  expect(server.received).toEqual([]);
  await client.start();
  expect(keys(server)).toEqual([key]);
});

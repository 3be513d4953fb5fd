import { expect, test } from "vitest";
import { clientWorld, MemoryStore, signIn } from "../testing/client-world.ts";
import { rest } from "../testing/virtual-time.ts";

const DAY_MS = 86_400_000;
const KEY = { registrationKey: "key" };

/** Pings, and has a second process beside it on the same store, which has read it already. */
async function twoProcesses() {
  const world = clientWorld();
  const daemon = world.make(KEY);
  expect(await daemon.start()).toMatchObject({ ok: true, value: { pinged: true } });
  const other = world.make();
  expect(await other.status()).toMatchObject({ value: { consent: null } });
  const kept = () => JSON.parse(world.store.text ?? "null") as { consent: unknown; user: unknown; client: unknown };
  return { ...world, world, daemon, other, kept };
}

test("a no to one process is heard by the other before its next ping, and outlives what that one writes", async () => {
  const { server, time, daemon, other, kept } = await twoProcesses();
  await time.advance(DAY_MS + DAY_MS / 2);
  expect(server.pings.length).toBeGreaterThan(1);
  const before = server.received.length;
  expect(await other.setConsent(false)).toMatchObject({ ok: true });
  await time.advance(5 * DAY_MS);
  expect(server.received).toHaveLength(before);
  expect(time.pending()).toEqual([]);
  // A write of the daemon's, for a person.
  await daemon.owner();
  expect(await signIn({ ...clientWorld(), server, time }, daemon)).toMatchObject({ ok: true });
  expect(kept().consent).toBe(false);
  expect(await daemon.status()).toMatchObject({ value: { consent: false, permitted: false } });
});

test.each(["/oauth2/register", "/oauth2/token"])("a no to another process during %s: nothing follows", async (path) => {
  const { server, make } = clientWorld();
  const other = make();
  const fetch: typeof server.fetch = async (url, init) => {
    if (url.endsWith(path)) await other.setConsent(false);
    return await server.fetch(url, init);
  };
  expect(await make({ ...KEY, fetch }).start()).toMatchObject({ error: { code: "not-permitted" } });
  expect(server.paths().at(-1)).toBe(path);
  expect(server.pings).toEqual([]);
});

test("the store is read right before a ping: a no that comes any earlier is heard", async () => {
  const { server, store, time, daemon, make } = await twoProcesses();
  daemon.stop();
  const pinged: boolean[] = [];
  for (let reads = 1; reads <= 3; reads++) {
    time.jump(DAY_MS);
    let left = Number.POSITIVE_INFINITY;
    const get = async () => {
      const { text } = store;
      left -= 1;
      if (left === 0) store.text = (text ?? "").replace('"consent":null', '"consent":false');
      return text;
    };
    const client = make({ store: { get, set: store.set } });
    // Its token is there already: the ping is all that is left to send.
    await client.owner();
    const before = server.received.length;
    left = reads;
    await client.start();
    client.stop();
    store.text = (store.text ?? "").replace('"consent":false', '"consent":null');
    pinged.push(server.received.length > before);
  }
  // The last read is the one that decides.
  expect(pinged).toEqual([false, false, true]);
});

test("a no is kept although a write that began before it ends after it", async () => {
  const { store, daemon, make, kept } = await twoProcesses();
  let written = () => {};
  const no = new Promise<void>((resolve) => {
    written = resolve;
  });
  const late = {
    get: store.get,
    set: async (text: string) => {
      await no;
      await store.set(text);
    },
  };
  const saying = {
    get: store.get,
    set: async (text: string) => {
      await store.set(text);
      written();
      await rest();
    },
  };
  // Its write notes the owner.
  const crossing = make({ store: late }).owner();
  await rest();
  expect(await make({ store: saying }).setConsent(false)).toMatchObject({ ok: true });
  expect(await crossing).toMatchObject({ ok: true });
  expect(kept()).toMatchObject({ consent: false, ownerId: "owner-1" });
  daemon.stop();
});

test("what was said in this run holds against what another process has written, and a later no against a yes", async () => {
  const { server, time, daemon, other, kept } = await twoProcesses();
  await daemon.setConsent(false);
  await other.setConsent(true);
  await daemon.start();
  await time.advance(3 * DAY_MS);
  expect(server.pings).toHaveLength(1);
  // Here nobody has said no: the yes of another process was the last word.
  expect(kept().consent).toBe(true);
  await daemon.setConsent(true);
  await time.advance(0);
  expect(server.pings).toHaveLength(2);
  await other.setConsent(false);
  await time.advance(3 * DAY_MS);
  expect(server.pings).toHaveLength(2);
  expect(kept().consent).toBe(false);
});

test("where the store cannot be read before a ping, none is sent until it can", async () => {
  const { server, time, store, daemon } = await twoProcesses();
  const { get } = store;
  store.get = () => Promise.reject(new Error("locked"));
  await time.advance(2 * DAY_MS);
  expect(server.received).toHaveLength(3);
  store.get = get;
  await time.advance(3_600_000);
  expect(server.pings).toHaveLength(2);
  daemon.stop();
});

const WHOLE = `{"v":1,"url":"http://127.0.0.1","consent":false,"client":{"id":"client-1","secret":"secret-2"}}`;
const DAMAGED: [string, string][] = [
  ["cut to nothing", ""],
  ["cut in the middle", WHOLE.slice(0, 60)],
  ["cut at the end", WHOLE.slice(0, -1)],
  ["null", "null"],
  ["an older version with a no", '{"v":0,"consent":false}'],
  ["no version", "{}"],
  ["what was said is damaged", '{"v":1,"url":"http://127.0.0.1","consent":"fals"}'],
];

test.each(DAMAGED)("%s: nothing is sent until somebody says yes, also after a restart", async (_, text) => {
  const { server, time, store, make } = clientWorld();
  store.text = text;
  expect(await make(KEY).start()).toMatchObject({ error: { code: "not-permitted" } });
  await time.advance(3 * DAY_MS);
  expect(server.received).toEqual([]);
  expect(store.text).toBe(text);
  // A person signs in: what is then written is no yes.
  const other = clientWorld();
  other.store.text = text;
  const client = other.make(KEY);
  expect(await signIn(other, client)).toMatchObject({ ok: true });
  expect(await other.make(KEY).start()).toMatchObject({ error: { code: "not-permitted" } });
  expect(await client.setConsent(true)).toMatchObject({ ok: true });
  expect(await other.make(KEY).start()).toMatchObject({ ok: true, value: { pinged: true } });
});

test("an older version with a yes is a yes, and nothing stored is nothing said", async () => {
  for (const text of ['{"v":0,"consent":true}', null]) {
    const { store, make } = clientWorld();
    store.text = text;
    expect(await make(KEY).start()).toMatchObject({ ok: true, value: { pinged: true } });
  }
});

test("a store that is damaged while it runs silences it, and is mended with what is still known", async () => {
  const { server, time, store, daemon, events, kept } = await twoProcesses();
  store.text = (store.text ?? "").slice(0, 50);
  await time.advance(3 * DAY_MS);
  expect(server.received).toHaveLength(3);
  expect(events.filter(({ type }) => type === "store-unreadable")).toHaveLength(1);
  expect(await daemon.setConsent(true)).toMatchObject({ ok: true });
  await time.advance(0);
  expect(server.pings).toHaveLength(2);
  expect(kept()).toMatchObject({ consent: true, client: { id: "client-1" } });
  expect(server.clients.size).toBe(1);
});

test("a store of a later version is neither used nor overwritten, at the start or later", async () => {
  const text = '{"v":2,"url":"http://127.0.0.1","consent":true}';
  const { server, time, store, make } = clientWorld();
  store.text = text;
  const client = make(KEY);
  expect(await client.start()).toMatchObject({ error: { code: "store-newer" } });
  expect(await signIn({ ...clientWorld(), server, time }, client)).toMatchObject({ error: { code: "store-newer" } });
  expect(await client.setConsent(false)).toMatchObject({ error: { code: "store-newer" } });
  await time.advance(3 * DAY_MS);
  expect([store.text, server.received]).toEqual([text, []]);

  const running = await twoProcesses();
  running.store.text = text;
  await running.time.advance(3 * DAY_MS);
  expect(await running.daemon.setConsent(true)).toMatchObject({ error: { code: "store-newer" } });
  expect([running.store.text, running.server.received.length]).toEqual([text, 3]);
  expect(running.events).toContainEqual(
    expect.objectContaining({ type: "ping-failed", error: expect.objectContaining({ code: "store-newer" }) }),
  );
});

test("a write changes nothing that another process has written", async () => {
  const { world, time, daemon, other, kept } = await twoProcesses();
  expect(await signIn(world, other)).toMatchObject({ ok: true });
  await time.advance(2 * DAY_MS);
  expect(kept()).toMatchObject({ user: { scope: "profile:read offline" } });
  // And the first finds who has signed in through the second.
  expect(await daemon.profile()).toMatchObject({ ok: true });
  expect(await other.forget()).toEqual({ ok: true, value: undefined });
  await time.advance(3 * DAY_MS);
  expect(kept()).toMatchObject({ client: null, user: null });
});

test("a no that was not written is written with the next change", async () => {
  const { make, server } = clientWorld();
  const store = new MemoryStore();
  const { set } = store;
  store.set = () => Promise.reject(new Error("disk full"));
  const client = make({ ...KEY, store });
  expect(await client.setConsent(false)).toMatchObject({ error: { code: "store-failed" } });
  expect(store.text).toBeNull();
  store.set = set;
  expect(await client.forget()).toMatchObject({ ok: true });
  expect(await make({ ...KEY, store }).start()).toMatchObject({ error: { code: "not-permitted" } });
  expect(server.received).toEqual([]);
});

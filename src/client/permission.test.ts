import { afterEach, expect, test, vi } from "vitest";
import { clientWorld, signIn } from "../testing/client-world.ts";

afterEach(() => {
  vi.unstubAllEnvs();
  vi.unstubAllGlobals();
});

const DAY_MS = 86_400_000;

test.each(["1", "true", "yes", " 1 "])("DO_NOT_TRACK=%j: no request whatever", async (value) => {
  const { server, time, make, store } = clientWorld();
  const client = make({ env: { DO_NOT_TRACK: value }, registrationKey: "key" });
  expect(await client.start()).toMatchObject({ ok: false, error: { code: "not-permitted" } });
  expect(await client.setConsent(true)).toMatchObject({ ok: true });
  await time.advance(3 * DAY_MS);
  expect(await client.owner()).toMatchObject({ error: { code: "not-permitted" } });
  expect(await client.workspace()).toMatchObject({ error: { code: "not-permitted" } });
  expect(await client.session()).toMatchObject({ error: { code: "signed-out" } });
  expect(await client.preview()).toEqual({ ok: true, value: [] });
  expect(server.received).toEqual([]);
  expect(time.pending()).toEqual([]);
  expect(store.text).not.toContain("secret");
});

test.each([{ DO_NOT_TRACK: "0" }, { DO_NOT_TRACK: "false" }, { DO_NOT_TRACK: "" }, {}])("%j tracks", async (env) => {
  const { make, server } = clientWorld();
  await make({ env, registrationKey: "key" }).start();
  expect(server.pings).toHaveLength(1);
});

test("the program's own environment and the browser's setting are asked", async () => {
  const { make, server } = clientWorld();
  // As if the option had been left out.
  const options = { registrationKey: "key", env: undefined } as unknown as { registrationKey: string };
  vi.stubEnv("DO_NOT_TRACK", "1");
  expect(await make(options).start()).toMatchObject({ error: { code: "not-permitted" } });
  vi.stubEnv("DO_NOT_TRACK", undefined);
  vi.stubGlobal("navigator", { doNotTrack: "1" });
  expect(await make(options).start()).toMatchObject({ error: { code: "not-permitted" } });
  expect(server.received).toEqual([]);
  vi.stubGlobal("navigator", { doNotTrack: null });
  expect(await make(options).start()).toMatchObject({ ok: true });
});

test("the owner's no stops what runs, is kept, and a yes begins again", async () => {
  const { server, time, make } = clientWorld();
  const client = make({ registrationKey: "key" });
  await client.start();
  await client.setConsent(false);
  await time.advance(3 * DAY_MS);
  expect(server.pings).toHaveLength(1);
  const later = make();
  expect(await later.start()).toMatchObject({ error: { code: "not-permitted" } });
  await time.advance(3 * DAY_MS);
  expect(server.received).toHaveLength(3);
  await later.setConsent(true);
  await time.advance(0);
  expect(server.pings).toHaveLength(2);
});

test("askFirst: silence is no yes", async () => {
  const { server, time, make } = clientWorld();
  const client = make({ registrationKey: "key", askFirst: true });
  expect(await client.start()).toMatchObject({ error: { code: "not-permitted" } });
  expect(server.received).toEqual([]);
  await client.setConsent(true);
  await time.advance(0);
  expect(server.pings).toHaveLength(1);
});

test("a no in the middle of it: nothing more is sent", async () => {
  for (const path of ["/oauth2/register", "/oauth2/token", "/instance/alive"]) {
    const { server, time, make } = clientWorld();
    const client = make({ registrationKey: "key" });
    server.fault = (request) => {
      if (request.path === path) void client.setConsent(false);
      return null;
    };
    await client.start();
    await time.advance(3 * DAY_MS);
    expect(server.paths().at(-1)).toBe(path);
  }
});

test("a no that cannot be kept holds for this run, and says so", async () => {
  const { server, time, make } = clientWorld();
  const store = { get: async () => null, set: () => Promise.reject(new Error("disk full")) };
  const client = make({ registrationKey: "key", store });
  expect(await client.setConsent(false)).toMatchObject({ ok: false, error: { code: "store-failed" } });
  await client.start();
  await time.advance(DAY_MS);
  expect(server.received).toEqual([]);
});

test("a person who signs in does so all the same, and is answered; no ping comes of it", async () => {
  const world = clientWorld();
  const client = world.make({ env: { DO_NOT_TRACK: "1" } });
  await client.start();
  expect(await signIn(world, client)).toMatchObject({ ok: true });
  expect(await client.profile()).toMatchObject({ ok: true });
  expect(await client.workspace()).toMatchObject({ ok: true });
  await world.time.advance(3 * DAY_MS);
  expect(world.server.pings).toEqual([]);
  const before = world.server.received.length;
  // And by itself it sends nothing for the person either.
  await world.make({ env: { DO_NOT_TRACK: "1" } }).start();
  await world.time.advance(90 * DAY_MS);
  expect(world.server.received).toHaveLength(before);
});

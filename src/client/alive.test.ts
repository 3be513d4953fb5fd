import { expect, test } from "vitest";
import { clientWorld } from "../testing/client-world.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

async function started() {
  const world = clientWorld();
  const client = world.make({ registrationKey: "key" });
  expect(await client.start()).toMatchObject({ ok: true, value: { pinged: true } });
  return { ...world, client };
}

test("a month has a ping a day, and the token is renewed for each", async () => {
  const { server, time } = await started();
  await time.advance(30 * DAY_MS);
  expect(server.pings).toHaveLength(31);
  expect(new Set(server.pings).size).toBe(31);
  expect(server.paths().filter((path) => path === "/oauth2/token")).toHaveLength(31);
});

test("restarts by the dozen on one day ping once", async () => {
  const { server, time, make } = await started();
  for (let restart = 0; restart < 30; restart++) {
    time.clear();
    await time.advance(60_000);
    expect(await make({ registrationKey: "key" }).start()).toMatchObject({ value: { pinged: false } });
  }
  expect(server.received).toHaveLength(3);
});

test("start twice, and from many places, is one ping", async () => {
  const { server, make } = clientWorld();
  const client = make({ registrationKey: "key" });
  await Promise.all(Array.from({ length: 10 }, () => client.start()));
  expect(server.paths()).toEqual(["/oauth2/register", "/oauth2/token", "/instance/alive"]);
});

test("collect: false is silence until the next day, or until the owner is another", async () => {
  const { server, time, make, events } = clientWorld();
  server.collect = false;
  const client = make({ registrationKey: "key" });
  expect(await client.start()).toMatchObject({ value: { pinged: true, collect: false } });
  expect(await client.start()).toMatchObject({ value: { pinged: false, collect: false } });
  expect(events).toContainEqual(expect.objectContaining({ type: "pinged", collect: false }));
  await client.owner();
  await time.advance(0);
  expect(server.pings).toHaveLength(1);
  server.ownerId = "owner-2";
  server.collect = true;
  await client.owner();
  await time.advance(0);
  expect(server.pings).toHaveLength(2);
  // With collect: true a new owner changes nothing.
  server.ownerId = "owner-3";
  await client.owner();
  await time.advance(0);
  expect(server.pings).toHaveLength(2);
});

test("offline is quiet: later and later, at most an hour apart, nothing said, and at once when it is over", async () => {
  const { server, time, make, events } = clientWorld();
  server.fault = () => "down";
  let asked = 0;
  const fetch: typeof server.fetch = (url, init) => {
    asked += 1;
    return server.fetch(url, init);
  };
  const client = make({ registrationKey: "key", fetch });
  expect(await client.start()).toMatchObject({ ok: false, error: { code: "offline" } });
  await time.advance(7 * DAY_MS);
  expect(asked).toBeGreaterThan(7 * 24);
  expect(asked).toBeLessThan(7 * 48 + 20);
  expect(events).toEqual([]);
  server.fault = () => null;
  await time.advance(HOUR_MS);
  expect(server.pings).toHaveLength(1);
});

test.each([429, 503])("%i: not before Retry-After, even if the host starts again", async (status) => {
  const { server, time, make, events } = clientWorld();
  const client = make({ registrationKey: "key", random: () => 0 });
  server.fault = ({ path }) =>
    path === "/instance/alive" ? { status, headers: { "retry-after": "7200" }, body: {} } : null;
  expect(await client.start()).toMatchObject({ ok: false, error: { retryAfterMs: 7_200_000 } });
  const before = server.received.length;
  expect(await client.start()).toMatchObject({ ok: false, error: { retryAfterMs: 7_200_000 } });
  expect(events).toContainEqual(expect.objectContaining({ type: "ping-failed", nextAtMs: time.now() + 7_200_000 }));
  server.fault = () => null;
  await time.advance(7_199_999);
  expect(server.received).toHaveLength(before);
  await time.advance(1);
  expect(server.pings).toHaveLength(1);
});

test("Retry-After as a date counts from the answer's own clock, and is at most a day", async () => {
  const date = new Date(Date.UTC(2030, 0, 1)).toUTCString();
  const later = new Date(Date.UTC(2030, 0, 1, 0, 5)).toUTCString();
  const cases: [string, number | undefined][] = [
    [later, 300_000],
    ["99999999", DAY_MS],
    ["soon", undefined],
    ["-5", undefined],
  ];
  for (const [value, expected] of cases) {
    const { server, make } = clientWorld();
    server.fault = () => ({ status: 503, headers: { "retry-after": value, date } });
    const result = await make().start();
    expect([value, result.ok ? null : result.error.retryAfterMs]).toEqual([value, expected]);
  }
});

test("what only a person can mend is asked again tomorrow, and said", async () => {
  const { server, time, make, events } = clientWorld();
  const client = make({ registrationKey: "revoked" });
  expect(await client.start()).toMatchObject({
    error: { code: "registration-refused", status: 403, reason: "access_denied" },
  });
  await time.advance(5 * DAY_MS);
  expect(server.received.length).toBeLessThanOrEqual(6);
  expect(events[0]).toMatchObject({ type: "registration-refused" });
});

test("stop ends it at any point; nothing is planned, and what is under way is the last", async () => {
  for (const path of ["/oauth2/register", "/oauth2/token", "/instance/alive"]) {
    const { server, time, make } = clientWorld();
    const client = make({ registrationKey: "key" });
    server.fault = (request) => {
      if (request.path === path) client.stop();
      return null;
    };
    await client.start();
    await time.advance(3 * DAY_MS);
    expect(server.pings.length).toBeLessThanOrEqual(1);
    expect(time.pending()).toEqual([]);
  }
});

test("an answer without a body, as the contract has it, is a yes; an access token that was revoked is got anew", async () => {
  const { server, make } = clientWorld();
  const client = make({ registrationKey: "key" });
  server.fault = ({ path }) => (path === "/instance/alive" ? { status: 200 } : null);
  expect(await client.start()).toMatchObject({ ok: true, value: { pinged: true, collect: true } });
  server.fault = () => null;
  server.instanceTokens.clear();
  expect(await client.owner()).toMatchObject({ ok: true });
});

/** Offline, with a clock that is `aheadMs` too fast until a hand corrects it; with all timers that were set meanwhile. */
async function corrected(aheadMs: number) {
  const { server, time, make } = clientWorld();
  const delays: number[] = [];
  const schedule: typeof time.schedule = (fn, delayMs, keepAlive) => {
    if (!keepAlive) delays.push(delayMs);
    return time.schedule(fn, delayMs, keepAlive);
  };
  time.jump(aheadMs);
  server.fault = () => "down";
  await make({ registrationKey: "key", schedule }).start();
  await time.advance(3 * HOUR_MS);
  time.shift(-aheadMs);
  server.fault = () => null;
  return { server, time, delays };
}

test.each([10 * DAY_MS, 365 * DAY_MS])("a clock that was %i ms ahead: a ping within an hour or so", async (aheadMs) => {
  const { server, time, delays } = await corrected(aheadMs);
  const before = delays.length;
  await time.advance(2 * HOUR_MS);
  expect(server.pings).toHaveLength(1);
  expect(delays.length - before).toBeLessThan(40);
  await time.advance(3 * DAY_MS);
  expect(server.pings).toHaveLength(4);
});

test("no timer is longer than an hour, and nothing is sent when one ends before its time", async () => {
  const { server, time, delays } = await corrected(0);
  await time.advance(30 * DAY_MS);
  expect(Math.max(...delays)).toBe(HOUR_MS);
  expect(server.pings.length).toBeGreaterThan(29);
  expect(server.pings).toHaveLength(new Set(server.pings).size);
  expect(delays.filter((delayMs) => delayMs === HOUR_MS).length).toBeLessThan(31 * 24);
});

test("a day that the service asks for is waited out, and the wait holds when the clock is set back by less", async () => {
  const { server, time, make } = clientWorld();
  server.fault = () => ({ status: 503, headers: { "retry-after": "86400" } });
  const client = make({ registrationKey: "key" });
  await client.start();
  server.fault = () => null;
  await time.advance(12 * HOUR_MS);
  time.shift(-10 * HOUR_MS);
  expect(await client.start()).toMatchObject({ error: { code: "unavailable" } });
  await time.advance(21 * HOUR_MS);
  expect(server.received).toHaveLength(1);
  await time.advance(2 * HOUR_MS);
  expect(server.pings).toHaveLength(1);
});

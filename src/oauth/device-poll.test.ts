import fc from "fast-check";
import { expect, test } from "vitest";
import { type DeviceFacts, decidePoll, POLL_TOLERANCE_MS } from "./device-poll.ts";

const NOW = Date.UTC(2026, 10, 20);
const CLIENT = "ebbc_one";
const facts = (change: Partial<DeviceFacts> = {}): DeviceFacts => ({
  clientId: CLIENT,
  issuedAtMs: NOW,
  expiresAtMs: NOW + 600_000,
  approved: false,
  denied: false,
  usedAt: null,
  polledAtMs: null,
  intervalS: 5,
  ...change,
});
const poll = (change: Partial<DeviceFacts> = {}, atMs = 0) => decidePoll(facts(change), true, CLIENT, NOW + atMs);
const refused = (reason: string) => ({ kind: "refuse", reason });

test("while nobody has decided the answer is authorization_pending, the first time at once", () => {
  expect(poll()).toEqual({ kind: "refuse", reason: "pending", intervalS: 5 });
  expect(poll({}, 599_999)).toMatchObject(refused("pending"));
});

test("exactly at the interval is not too soon, and neither is half a second before it", () => {
  const at = (ms: number) => poll({ polledAtMs: NOW }, ms);
  expect(at(5_000)).toEqual({ kind: "refuse", reason: "pending", intervalS: 5 });
  expect(at(5_000 - POLL_TOLERANCE_MS)).toMatchObject(refused("pending"));
  expect(at(5_000 - POLL_TOLERANCE_MS - 1)).toEqual({ kind: "refuse", reason: "slow-down", intervalS: 10 });
  expect(at(0)).toMatchObject(refused("slow-down"));
});

test("every slow_down makes the interval five seconds longer, for good", () => {
  const gaps = fc.array(fc.integer({ min: 0, max: 30_000 }), { maxLength: 40 });
  fc.assert(
    fc.property(gaps, (steps) => {
      let stored = facts();
      let at = NOW;
      let slowDowns = 0;
      for (const [n, gap] of steps.entries()) {
        at += gap;
        if (at >= stored.expiresAtMs) return;
        const decision = decidePoll(stored, true, CLIENT, at);
        const tooSoon = n > 0 && gap < (5 + 5 * slowDowns) * 1_000 - POLL_TOLERANCE_MS;
        if (tooSoon) slowDowns += 1;
        const intervalS = Math.min(600, 5 + 5 * slowDowns);
        expect(decision).toEqual({ kind: "refuse", reason: tooSoon ? "slow-down" : "pending", intervalS });
        stored = { ...stored, polledAtMs: at, intervalS };
      }
    }),
  );
});

test("a client that heeds every slow_down is slowed down no more", () => {
  let stored = facts({ polledAtMs: NOW });
  let at = NOW + 1_000;
  for (let n = 0; n < 20; n++) {
    const decision = decidePoll(stored, true, CLIENT, at);
    if (decision.kind !== "refuse" || decision.intervalS === undefined) throw new Error("decided");
    expect(decision.reason).toBe(n === 0 ? "slow-down" : "pending");
    stored = { ...stored, polledAtMs: at, intervalS: decision.intervalS };
    at += decision.intervalS * 1_000;
  }
});

test("the interval never grows beyond the life of the code", () => {
  expect(poll({ polledAtMs: NOW, intervalS: 598 }, 1)).toMatchObject({ reason: "slow-down", intervalS: 600 });
  expect(poll({ polledAtMs: NOW, intervalS: 600 }, 1)).toMatchObject({ reason: "slow-down", intervalS: 600 });
});

test("an approved code is granted, also when it is asked for too soon", () => {
  expect(poll({ approved: true })).toEqual({ kind: "grant" });
  expect(poll({ approved: true, polledAtMs: NOW }, 1)).toEqual({ kind: "grant" });
});

test("a denied code is access_denied, also when it was approved too", () => {
  expect(poll({ denied: true })).toEqual(refused("denied"));
  expect(poll({ denied: true, approved: true, polledAtMs: NOW }, 1)).toEqual(refused("denied"));
});

test("a code has expired at its very last instant, approved or not, and when it is purged", () => {
  expect(poll({ approved: true }, 599_999)).toEqual({ kind: "grant" });
  for (const change of [{}, { approved: true }, { denied: true }, { polledAtMs: NOW + 599_999 }]) {
    expect(poll(change, 600_000)).toEqual(refused("expired"));
  }
  expect(decidePoll(null, true, CLIENT, NOW)).toEqual(refused("expired"));
});

test("a code is good for one grant, and one that was never ours for none", () => {
  expect(poll({ approved: true, usedAt: NOW }, 1)).toEqual(refused("used"));
  expect(poll({ approved: true, usedAt: NOW }, 700_000)).toEqual(refused("used"));
  expect(decidePoll(null, false, CLIENT, NOW)).toEqual(refused("unknown"));
});

test("another client's code is refused in every state, and its owner is not slowed down", () => {
  const time = fc.option(fc.integer({ min: NOW - 1_000_000, max: NOW + 1_000_000 }));
  const any = fc.record({
    approved: fc.boolean(),
    denied: fc.boolean(),
    usedAt: time,
    polledAtMs: time,
    intervalS: fc.integer({ min: 5, max: 600 }),
  });
  fc.assert(
    fc.property(any, fc.boolean(), fc.integer({ min: NOW, max: NOW + 1_000_000 }), (state, genuine, at) => {
      // No interval: nothing is to be recorded.
      expect(decidePoll(facts(state), genuine, "ebbc_two", at)).toEqual(refused("other-client"));
    }),
  );
});

test("nothing is ever granted but an approved code that is live, unused and the client's own", () => {
  const any = fc.record({
    clientId: fc.constantFrom(CLIENT, "ebbc_two", ""),
    approved: fc.boolean(),
    denied: fc.boolean(),
    usedAt: fc.option(fc.constant(NOW)),
    expiresAtMs: fc.constantFrom(NOW, NOW + 1, NOW - 1),
    polledAtMs: fc.option(fc.constant(NOW)),
  });
  fc.assert(
    fc.property(any, (state) => {
      const { clientId, approved, denied, usedAt, expiresAtMs } = state;
      const good = clientId === CLIENT && approved && !denied && usedAt === null && expiresAtMs > NOW;
      expect(poll(state).kind).toBe(good ? "grant" : "refuse");
    }),
  );
});

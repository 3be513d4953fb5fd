import fc from "fast-check";
import { expect, test } from "vitest";
import { decideRefresh, LOST_ANSWER_MS, type RefreshFacts, type RefreshPresented } from "./refresh.ts";

const NOW = Date.UTC(2026, 10, 20);
const CLIENT = "ebbc_one";
const DAY_MS = 86_400_000;

interface Change {
  token?: Partial<RefreshFacts["token"]>;
  family?: Partial<RefreshFacts["family"]>;
  successor?: RefreshFacts["successor"];
}
const facts = ({ token, family, successor = null }: Change = {}): RefreshFacts => ({
  token: { id: "t1", usedAtMs: null, revokedAtMs: null, expiresAtMs: NOW + 90 * DAY_MS, ...token },
  family: { clientId: CLIENT, endedAtMs: null, scope: "profile:read offline", endsAtMs: NOW + 90 * DAY_MS, ...family },
  successor,
});
const decide = (change: Change = {}, presented: Partial<RefreshPresented> = {}, nowMs = NOW) =>
  decideRefresh(facts(change), { clientId: CLIENT, ...presented }, nowMs);
const refused = (reason: string) => ({ kind: "refuse", reason });
const UNREDEEMED = { id: "t2", usedAtMs: null, revokedAtMs: null };

test("an unused token is rotated, with the scope of its family", () => {
  expect(decide()).toEqual({ kind: "rotate", voids: null, scope: "profile:read offline" });
});

test("within 60 s the predecessor of a token nobody has used mints another, and that one is void", () => {
  const rotated = { kind: "rotate", voids: "t2", scope: "profile:read offline" };
  const again = (ms: number) => decide({ token: { usedAtMs: NOW }, successor: UNREDEEMED }, {}, NOW + ms);
  expect(again(0)).toEqual(rotated);
  expect(again(LOST_ANSWER_MS)).toEqual(rotated);
  expect(again(LOST_ANSWER_MS + 1)).toEqual({ kind: "reuse" });
});

test("a token used before ends its family when its successor was used, was voided, or never came", () => {
  const token = { usedAtMs: NOW };
  expect(decide({ token, successor: { ...UNREDEEMED, usedAtMs: NOW } })).toEqual({ kind: "reuse" });
  expect(decide({ token, successor: { ...UNREDEEMED, revokedAtMs: NOW } })).toEqual({ kind: "reuse" });
  expect(decide({ token })).toEqual({ kind: "reuse" });
});

test("a voided token ends its family", () => {
  expect(decide({ token: { revokedAtMs: NOW } })).toEqual({ kind: "reuse" });
  expect(decide({ token: { revokedAtMs: NOW, expiresAtMs: NOW - 1 } })).toEqual({ kind: "reuse" });
});

test("another client's token is refused, and ends nothing even when it was used before", () => {
  for (const token of [{}, { usedAtMs: NOW - DAY_MS }, { revokedAtMs: NOW }]) {
    expect(decide({ token }, { clientId: "ebbc_two" })).toEqual(refused("other-client"));
  }
});

test("an unknown, an expired and an ended token are refused", () => {
  expect(decideRefresh(null, { clientId: CLIENT }, NOW)).toEqual(refused("unknown"));
  expect(decide({ token: { expiresAtMs: NOW } })).toEqual(refused("expired"));
  expect(decide({ token: { expiresAtMs: NOW + 1 } }).kind).toBe("rotate");
  expect(decide({ family: { endedAtMs: NOW - 1 } })).toEqual(refused("ended"));
  expect(decide({ family: { endsAtMs: NOW } })).toEqual(refused("ended"));
});

test("a scope wider than was granted is refused without spending the token; a narrower one is for the access token", () => {
  for (const scope of ["profile:read assistant", "billing:write", "profile:read offline openid", "", "\n"]) {
    expect(decide({}, { scope }), scope).toEqual(refused("scope"));
  }
  expect(decide({}, { scope: "offline,profile:read" })).toMatchObject({
    kind: "rotate",
    scope: "profile:read offline",
  });
  expect(decide({}, { scope: "profile:read" })).toMatchObject({ kind: "rotate", scope: "profile:read" });
  // What ends a family does so whatever scope is asked for.
  expect(decide({ token: { revokedAtMs: NOW } }, { scope: "admin" })).toEqual({ kind: "reuse" });
});

/** What the database does with the decisions: the tokens of one family, in the order in which they were issued. */
class Family {
  readonly tokens: (RefreshFacts["token"] & { predecessor: number | null })[] = [];
  endedAtMs: number | null = null;

  constructor() {
    this.#issue(null);
  }

  /** Shows the token of this number; the number of the one that comes for it, or null. */
  show(number: number, nowMs: number): number | null {
    const token = this.tokens[number];
    if (token === undefined) throw new Error("no such token");
    const successor = this.tokens.findLast(({ predecessor }) => predecessor === number) ?? null;
    const family = {
      clientId: CLIENT,
      endedAtMs: this.endedAtMs,
      scope: "profile:read",
      endsAtMs: NOW + 9_999 * DAY_MS,
    };
    const decision = decideRefresh({ token, family, successor }, { clientId: CLIENT }, nowMs);
    if (decision.kind === "reuse") this.endedAtMs = nowMs;
    if (decision.kind !== "rotate") return null;
    const voided = this.tokens.find(({ id }) => id === decision.voids);
    if (voided !== undefined) voided.revokedAtMs = nowMs;
    token.usedAtMs ??= nowMs;
    return this.#issue(number);
  }

  /** How many tokens are good for one more refresh by themselves. */
  get unredeemed(): number {
    if (this.endedAtMs !== null) return 0;
    return this.tokens.filter(({ usedAtMs, revokedAtMs }) => usedAtMs === null && revokedAtMs === null).length;
  }

  #issue(predecessor: number | null): number {
    const id = `t${this.tokens.length}`;
    this.tokens.push({ id, usedAtMs: null, revokedAtMs: null, expiresAtMs: NOW + 9_999 * DAY_MS, predecessor });
    return this.tokens.length - 1;
  }
}

/** The rule as the issue says it, told by two tokens alone: the newest, and the one in whose place it came. */
class Model {
  newest = 0;
  before: { number: number; usedAtMs: number } | null = null;
  ended = false;
  #issued = 1;

  show(number: number, nowMs: number): number | null {
    if (this.ended) return null;
    if (number === this.newest) this.before = { number, usedAtMs: nowMs };
    else if (number !== this.before?.number || nowMs - this.before.usedAtMs > 60_000) {
      this.ended = true;
      return null;
    }
    this.newest = this.#issued++;
    return this.newest;
  }
}

/** Which token is shown, counted back from the newest, after how long. */
const shows = fc.array(
  fc.record({
    back: fc.oneof({ weight: 5, arbitrary: fc.nat(2) }, { weight: 1, arbitrary: fc.nat(20) }),
    afterMs: fc.oneof(fc.nat(70_000), fc.constantFrom(0, 59_999, 60_000, 60_001, DAY_MS)),
  }),
  { maxLength: 30 },
);

test("over any sequence a family has at most one unredeemed token, and does what a naive model of the rule does", () => {
  fc.assert(
    fc.property(shows, (sequence) => {
      const [family, model] = [new Family(), new Model()];
      let at = NOW;
      for (const { back, afterMs } of sequence) {
        at += afterMs;
        const number = Math.max(0, family.tokens.length - 1 - back);
        expect(family.show(number, at)).toBe(model.show(number, at));
        expect(family.endedAtMs !== null).toBe(model.ended);
        expect(family.unredeemed).toBe(model.ended ? 0 : 1);
      }
    }),
    { numRuns: 2_000 },
  );
});

test("no sequence in which an older token is shown survives it", () => {
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 12 }), fc.nat(11), fc.nat(60_000), shows, (length, old, gapMs, after) => {
      const family = new Family();
      let at = NOW;
      let held = 0;
      for (let n = 0; n < length; n++) {
        at += gapMs;
        held = family.show(held, at) ?? -1;
      }
      // Older than the immediate predecessor, so that it is no lost answer, however soon it comes.
      expect(family.show(old % (length - 1), at)).toBeNull();
      for (const { back, afterMs } of [{ back: 0, afterMs: 0 }, ...after]) {
        at += afterMs;
        expect(family.show(Math.max(0, family.tokens.length - 1 - back), at)).toBeNull();
      }
      expect(family.unredeemed).toBe(0);
    }),
  );
});

test("a thief and the client cannot both go on with the token that both hold, whoever is first", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 60_001, max: DAY_MS }), (ahead, laterMs) => {
      const late = new Family();
      let held = 0;
      for (let n = 0; n < ahead; n++) held = late.show(held, NOW + n) ?? -1;
      expect(late.show(0, NOW + ahead + laterMs)).toBeNull();
      expect(late.show(held, NOW + ahead + laterMs)).toBeNull();
    }),
  );
  // Within 60 s, as if an answer had been lost: the second takes over, and the first ends it by going on.
  const soon = new Family();
  const first = soon.show(0, NOW) ?? -1;
  const second = soon.show(0, NOW + 60_000) ?? -1;
  expect(second).toBe(2);
  expect(soon.show(first, NOW + 60_000)).toBeNull();
  expect(soon.show(second, NOW + 60_000)).toBeNull();
});

test("an honest client that loses answers, and tries again within 60 s, never loses its session", () => {
  const attempt = fc.record({
    waitMs: fc.nat(30 * DAY_MS),
    // Each loses the request, or the answer; the last arrives. Together within a minute of the first.
    lost: fc.array(fc.record({ request: fc.boolean(), afterMs: fc.nat(12_000) }), { maxLength: 5 }),
  });
  fc.assert(
    fc.property(fc.array(attempt, { maxLength: 20 }), (attempts) => {
      const family = new Family();
      let at = NOW;
      let held = 0;
      for (const { waitMs, lost } of attempts) {
        at += waitMs;
        for (const { request, afterMs } of lost) {
          if (!request) expect(family.show(held, at)).not.toBeNull();
          at += afterMs;
        }
        const next = family.show(held, at);
        expect(next).not.toBeNull();
        held = next ?? -1;
      }
    }),
  );
});

import { describe, expect, test } from "vitest";
import { settingText } from "./limits-set.ts";
import { type Limit, limitsText } from "./limits-show.ts";
import { type Refusal, storyText } from "./limits-story.ts";
import { durationText, usedText, windowText } from "./limits-text.ts";
import { refusalsText } from "./limits-trace.ts";
import type { Style } from "./terminal.ts";

const TENANT = "tnt_01KAHJ0000A1B2C3D4E5F6G7H8";
const REQUEST = "req_01KAHJ0000A1B2C3D4E5F6G7H8";
const INSTANCE = "ins_01KAHJ0000A1B2C3D4E5F6G7H8";
/** Shows where colours begin and end. */
const MARKED: Style = { strong: (line) => `*${line}*`, faint: (line) => `(${line})`, bad: (line) => `!${line}!` };

const ALIVE: Limit = {
  policy: "alive-tenant",
  route_class: "alive",
  scope: "tenant",
  unit: "requests",
  limit: 10_000,
  window_s: 60,
  source: "plan",
  used: 12,
  remaining: 9_988,
  resets_in_s: 41,
};
const ONE = { ...ALIVE, policy: "alive-instance", scope: "instance", limit: 30, window_s: 3600 };
const NOT_COUNTED = { used: null, remaining: null, resets_in_s: null };

test("windows and durations have the unit that a person would choose", () => {
  expect([60, 90, 120, 3600, 5400, 86_400, 604_800, 1, null].map(windowText)).toEqual([
    "60 s",
    "90 s",
    "2 min",
    "1 h",
    "90 min",
    "24 h",
    "7 d",
    "1 s",
    "month",
  ]);
  expect([null, 0, 1, 60, 61, 3_553, 3_600, 3_605, 12_000, 86_400, 705_700].map(durationText)).toEqual([
    "–",
    "–",
    "1 s",
    "60 s",
    "1 min 1 s",
    "59 min 13 s",
    "1 h",
    "1 h",
    "3 h 20 min",
    "1 d",
    "8 d 4 h",
  ]);
});

test("only what is full is 100 %, and only nothing is 0", () => {
  expect([usedText(0, 10), usedText(1, 1_000), usedText(1_999, 2_000), usedText(2_000, 2_000)]).toEqual([
    "0",
    "1 (<1 %)",
    "1,999 (99 %)",
    "2,000 (100 %)",
  ]);
  expect([usedText(null, 10), usedText(null, 0), usedText(0, 0)]).toEqual(["–", "closed", "closed"]);
});

describe("limits show", () => {
  const tenant = { id: TENANT, name: "Acme", plan: "team", status: "active", instance: null };

  test("windows, months, overrides, allotments, closed limits, buckets, and callers that nobody named", () => {
    const limits = [
      { ...ONE, ...NOT_COUNTED },
      { ...ALIVE, limit: 600_000, remaining: 599_988 },
      { ...ALIVE, policy: "allotted-alive-tenant", limit: 12, remaining: 0, source: "allotment" },
      { ...ALIVE, policy: "assistant-credits", unit: "credits", limit: 0, window_s: null, used: 0, remaining: 0 },
      { ...ALIVE, policy: "telemetry-events", unit: "events", limit: 1_000_000, window_s: null, source: "override" },
      { ...ALIVE, policy: "export-tenant", limit: 20, window_s: 86_400, used: 0, remaining: 20, resets_in_s: 0 },
      { ...ONE, policy: "account-key", scope: "key", limit: 0, window_s: 60, ...NOT_COUNTED },
    ];
    expect(limitsText(tenant, limits)).toEqual([
      `Acme (${TENANT}): plan team, active`,
      "",
      "POLICY                 COUNTS                        LIMIT  WINDOW        USED  RESETS IN  SOURCE",
      "alive-instance         requests of one instance         30  1 h              –  –          plan",
      "alive-tenant           requests of the tenant      600,000  60 s     12 (<1 %)  41 s       plan ±0.1 %",
      "allotted-alive-tenant  requests of the tenant           12  60 s    12 (100 %)  41 s       allotted from above",
      "assistant-credits      credits of the tenant             0  month       closed  –          plan",
      "telemetry-events       events of the tenant      1,000,000  month    12 (<1 %)  41 s       override",
      "export-tenant          requests of the tenant           20  24 h             0  –          plan",
      "account-key            requests of one key               0  60 s        closed  –          plan",
      "",
      "–  counts each caller alone; --instance shows one instance's",
      "±0.1 %  above 100,000: counted in buckets; never more is admitted, the last 0.1 % may be refused early",
    ]);
    const marked = limitsText({ ...tenant, status: "suspended" }, limits, MARKED);
    expect(marked[0]).toBe(`*Acme (${TENANT})*: plan team, !suspended!`);
    expect(marked.filter((line) => line.startsWith("!"))).toEqual([expect.stringMatching(/^!allotted-.*above!$/)]);
    expect(marked.at(-1)).toMatch(/^\(±/);
  });

  test("one instance, named", () => {
    const limits = [{ ...ONE, used: 30, remaining: 0, resets_in_s: 3_598 }];
    expect(limitsText({ ...tenant, name: null, instance: INSTANCE }, limits)).toEqual([
      `${TENANT}: plan team, active`,
      `Where one instance counts, it is ${INSTANCE}.`,
      "",
      "POLICY          COUNTS                    LIMIT  WINDOW        USED  RESETS IN    SOURCE",
      "alive-instance  requests of one instance     30  1 h     30 (100 %)  59 min 58 s  plan",
    ]);
  });

  test("nothing, and names that would steer the terminal", () => {
    expect(limitsText(tenant, [])).toEqual([`Acme (${TENANT}): plan team, active`, "", "No policies hold for it."]);
    const hostile = "\u001b[2J\n";
    const limits = [{ ...ALIVE, policy: hostile, scope: hostile, unit: hostile, source: hostile }];
    const lines = limitsText({ id: hostile, name: hostile, plan: hostile, status: hostile, instance: hostile }, limits);
    expect(lines.join("")).not.toMatch(/\p{Cc}/u);
    expect(lines[0]).toBe("�[2J� (�[2J�): plan �[2J�, �[2J�");
  });
});

describe("limits set", () => {
  const setting = { tenant_id: TENANT, policy: "alive-tenant", limit: 5_000, effective: true };
  const made = { setting, allot: false, name: "Acme", limits: [ALIVE] };

  test("says what is set, whether it holds, and what holds", () => {
    expect(settingText({ ...made, limits: [{ ...ALIVE, limit: 5_000, source: "override" }] })).toEqual([
      `The limit of Acme (${TENANT}) for alive-tenant is set to 5,000 requests of the tenant in 60 s.`,
      "It holds from the next call on.",
      "",
      "POLICY        COUNTS                  LIMIT  WINDOW       USED  RESETS IN  SOURCE",
      "alive-tenant  requests of the tenant  5,000  60 s    12 (<1 %)  41 s       override",
    ]);
    expect(settingText({ ...made, setting: { ...setting, effective: false }, limits: null }, MARKED).slice(1)).toEqual([
      "!Its gate has not acknowledged it yet: until then what held before holds. limits show tells.!",
    ]);
  });

  test.each([
    [{ limit: null }, false, "The limit of Acme (…) for alive-tenant is its plan's again."],
    [{ limit: null }, true, "What is allotted to Acme (…) for alive-tenant is taken back: its own limit decides."],
    [{ limit: 7 }, true, "What is allotted to Acme (…) for alive-tenant is set to 7 requests of the tenant in 60 s."],
    [
      { limit: 0, policy: "assistant-credits" },
      false,
      "The limit of Acme (…) for assistant-credits is set to 0 credits of the tenant a month: closed.",
    ],
  ])("%j, allot %j", (change, allot, sentence) => {
    const [first = ""] = settingText({ ...made, allot, setting: { ...setting, ...change } });
    expect(first.replace(TENANT, "…")).toBe(sentence);
  });
});

describe("limits trace", () => {
  const tenant = { id: TENANT, name: "Acme" };
  const refusal: Refusal = {
    at: 1_795_219_200,
    request_id: REQUEST,
    route_class: "alive",
    subjects: { instance: INSTANCE },
    violated: ["alive-instance"],
    retry_after_s: 1_800,
    policies: [
      { policy: "alive-instance", limit: 30, window_s: 3_600, remaining: 0, resets_in_s: 1_800 },
      { policy: "alive-tenant", limit: 10_000, window_s: 60, remaining: 9_970, resets_in_s: 60 },
    ],
  };

  test("the last refusals, one a line", () => {
    const guess = { ...refusal, route_class: "guess", subjects: { client: "c".repeat(60) }, retry_after_s: null };
    const nobody = { ...refusal, subjects: {}, violated: ["a", "\u001b[2J"], route_class: "\n", retry_after_s: 5 };
    expect(refusalsText(tenant, [refusal, guess, nobody])).toEqual([
      `Acme (${TENANT}): 3 refusals of the last hour`,
      "",
      "TIME (UTC)           REQUEST                         CLASS  WHOSE CALL                               REFUSED BY      RETRY AFTER",
      `2026-11-21 00:00:00  ${REQUEST}  alive  instance ${INSTANCE}  alive-instance  30 min`,
      `2026-11-21 00:00:00  ${REQUEST}  guess  client cccccccccccc…                     alive-instance  never`,
      `2026-11-21 00:00:00  ${REQUEST}  �      –                                        a, �[2J         5 s`,
      "",
      "The whole story of one: npm run ebb -- limits trace req_…",
    ]);
    expect(refusalsText({ ...tenant, name: null }, [])).toEqual([
      `${TENANT}: limits have refused no call within the last hour.`,
    ]);
  });

  test("the whole story of one", () => {
    const story = storyText(tenant, refusal, MARKED);
    expect(story).toEqual([
      `*${REQUEST}* was refused at 2026-11-21 00:00:00 UTC.`,
      "",
      `tenant   Acme (${TENANT})`,
      "class    alive",
      `caller   instance ${INSTANCE}`,
      "waiting  helps from 2026-11-21 00:30:00 UTC on, 30 min after the refusal, if no other call takes the room",
      "",
      "*POLICY           LIMIT  WINDOW  REMAINED  RESET IN  THIS CALL*",
      "!alive-instance      30  1 h            0  30 min    refused!",
      "alive-tenant    10,000  60 s       9,970  60 s      had room",
    ]);
  });

  test("a closed limit, one from above, and a call of nobody's", () => {
    const closed = { policy: "assistant-credits", limit: 0, window_s: null, remaining: 0, resets_in_s: 9 };
    const violated = ["assistant-credits", "upstream-limit"];
    const story = storyText(tenant, { ...refusal, subjects: {}, policies: [closed], violated, retry_after_s: null });
    expect(story.slice(4)).toEqual([
      "caller   –",
      "waiting  does not help: a limit is 0, or smaller than what the call costs",
      "",
      "POLICY             LIMIT  WINDOW  REMAINED  RESET IN  THIS CALL",
      "assistant-credits      0  month          0  –         refused",
      "upstream-limit         –  –              –  –         refused, from above",
      "",
      "from above: set by a tenant above; how it stood then is not told",
    ]);
  });

  test("no part of a refusal steers the terminal", () => {
    const text = "\u009b2J\r\n";
    const hostile = { ...refusal, request_id: text, route_class: text, subjects: { [text]: text }, violated: [text] };
    for (const line of storyText({ ...tenant, name: text }, hostile)) expect(line).not.toMatch(/\p{Cc}/u);
  });
});

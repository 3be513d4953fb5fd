import { describe, expect, test } from "vitest";
import { type RetentionStatus, retentionText } from "./retention.ts";
import { type ChartLine, retentionChart } from "./retention-chart.ts";
import { type Hold, holdText } from "./retention-hold-text.ts";
import { type Receipt, receiptsText } from "./retention-receipts.ts";
import type { Style } from "./terminal.ts";

const TENANT = "tnt_01KAHJ0000A1B2C3D4E5F6G7H8";
const AT = 1_795_219_200;
/** Shows where colours begin and end. */
const MARKED: Style = { strong: (line) => `*${line}*`, faint: (line) => `(${line})`, bad: (line) => `!${line}!` };
const NONE = { rows: 0, more: false };

const PINGS = {
  table: "pings",
  retention_class: "alive-pings",
  window: "30 days",
  anonymised_after: null,
  own_months: null,
  kept_until: AT + 30 * 86_400,
  empty: false,
  expiring: { rows: 1_700, more: false },
  anonymising: NONE,
  overdue: NONE,
  overdue_s: 0,
  held: null,
};
const TOOLS = {
  ...PINGS,
  table: "tool_executions",
  retention_class: "tool-execution-logs",
  window: "12 months",
  own_months: 6,
};
const TENANTS = {
  ...PINGS,
  table: "tenants",
  retention_class: "account-information",
  window: "90 days",
  kept_until: null,
  expiring: NONE,
};
const VISITS = {
  ...PINGS,
  table: "website_visits",
  retention_class: "website-visits",
  window: "26 months",
  anonymised_after: "14 months",
  expiring: { rows: 10_000, more: true },
  anonymising: { rows: 12, more: false },
};
const CODES = {
  ...PINGS,
  table: "login_states",
  retention_class: "login-codes",
  window: "10 minutes",
  kept_until: null,
  empty: true,
  expiring: NONE,
};
const STATUS: RetentionStatus = {
  at: AT,
  tenant_id: TENANT,
  everybody: false,
  last_run: { began_at: AT - 600, ended_at: AT - 598, tables: 46, deleted: 5_120, anonymised: 0, unfinished: [] },
  overdue: NONE,
  overdue_s: 0,
  worst: { overdue_s: 7_620, table: "pings", receipt_id: "prc_01KAHJ0000A1B2C3D4E5F6G7H8", recorded_at: AT - 86_400 },
  copies: [
    { store: "neon-history", kept: "30 days" },
    { store: "backups", kept: "30 days" },
  ],
  tables: [TENANTS, PINGS, TOOLS, VISITS, CODES],
};

describe("retention", () => {
  test("in 80 columns", () => {
    expect(retentionText(STATUS, "Acme", 80)).toEqual([
      `Acme (${TENANT}), at 2026-11-21 00:00 UTC`,
      "",
      "next 24 h    13,400+ rows go, 12 anonymised",
      "last run     2026-11-20 23:50 UTC, 9 min 58 s ago: 5,120 deleted, 46 tables,",
      "             finished",
      "overdue now  nothing",
      "worst ever   2 h 7 min, in pings at 2026-11-20 00:00 UTC",
      "             (prc_01KAHJ0000A1B2C3D4E5F6G7H8)",
      "copies       restorable for 30 days more: neon-history, backups",
      "",
      "CLASS                      KEPT  1 min    1 d 30 d   7 y  NEXT 24 H  UNTIL (UTC)",
      "alive-pings             30 days  █████████████████            1,700  2026-12-21",
      "tool-execution-logs   6 months*  ███████████████████          1,700  2026-12-21",
      "website-visits        26 months  ████████████████████░      10,012+  2026-12-21",
      "account-information     90 days  ██████████████████               –  open",
      "login-codes          10 minutes  ████                             –  –",
      "",
      "open  kept until something ends: a subscription, an account, a case; the window",
      "runs from then",
      "*  the tenant's own window",
      "░  website_visits are anonymised after 14 months",
    ]);
  });

  test("no line is wider than the terminal; a bar grows with the window", () => {
    for (const width of [80, 100, 120, 200]) {
      const text = retentionText(STATUS, "Acme", width);
      expect(Math.max(...text.map((line) => [...line].length))).toBeLessThanOrEqual(width);
    }
    const line = (minutes: number): ChartLine => {
      const plain = {
        name: "c",
        kept: "k",
        anonymisedAfter: null,
        next24h: 0,
        more: false,
        until: "–",
        overdue: false,
      };
      return { ...plain, minutes };
    };
    const bars = retentionChart([1, 10, 60, 1_440, 43_200, 525_960, 3_681_720].map(line), 120).slice(1);
    const lengths = bars.map((row) => [...row].filter((character) => character === "█").length);
    expect(lengths).toEqual(lengths.toSorted((a, b) => a - b));
    expect(new Set(lengths).size).toBe(7);
    expect([lengths[0], lengths[6]]).toEqual([1, 56]);
  });

  test("what is late stands out: a table, the oldest row, a run that did not finish or is long ago", () => {
    const late = { ...PINGS, overdue: { rows: 3, more: false }, overdue_s: 10_000 };
    const run = { ...STATUS.last_run, began_at: AT - 9_000, ended_at: AT - 8_990, unfinished: ["pings", "\u001b[2J"] };
    const status = { ...STATUS, overdue: late.overdue, overdue_s: 10_000, last_run: run as never, tables: [late] };
    const lines = retentionText(status, null, 80, MARKED);
    expect(lines.filter((line) => line.includes("!"))).toEqual([
      "(last run   )  !2026-11-20 21:30 UTC, 2 h 29 min ago: 5,120 deleted, not finished:!",
      "             !pings, �[2J!",
      "(overdue now)  !3 rows, the oldest for 2 h 46 min!",
      expect.stringMatching(/^!alive-pings .*!$/),
    ]);
  });

  test("nothing at all; the platform owner's holds; a purge that has never run", () => {
    const quiet = { ...STATUS, tables: [], last_run: null, worst: null, everybody: true };
    expect(retentionText(quiet, "Ebb", 80).slice(0, 8)).toEqual([
      `Ebb (${TENANT}) and all below it, at 2026-11-21 00:00 UTC`,
      "",
      "next 24 h    nothing goes",
      "last run     never",
      "overdue now  nothing",
      "worst ever   –",
      "legal holds  keep nothing back",
      "copies       restorable for 30 days more: neon-history, backups",
    ]);
    const held = { ...quiet, tables: [{ ...PINGS, held: 4 }], overdue: { rows: 0, more: true } };
    const lines = retentionText(held, "Ebb", 80);
    expect(lines).toContain("legal holds  keep 4 rows back");
    expect(lines).toContain("overdue now  nothing, as far as was looked");
  });
});

test("receipts tell what besides deleting was done, and those of runs that did not finish stand out", () => {
  const receipt = {
    began_at: "2026-11-21T02:07:00.123Z",
    deleted: 0,
    anonymised: 7,
    blocked: 1,
    overdue_before_s: 0,
    finished: false,
    interrupted: false,
    errors: ["55P03"],
  };
  const item: Receipt = { id: "prc_1", run: "r", table: "website_visits", receipt, canonical: "" };
  const died = { ...item, receipt: { ...receipt, anonymised: 0, blocked: 0, interrupted: true, errors: [] } };
  const timeUp = { ...item, receipt: { ...receipt, anonymised: 0, blocked: 0, errors: [] } };
  const again = { ...item, receipt: { ...receipt, anonymised: 0, blocked: 0, finished: true } };
  expect(receiptsText([item, died, timeUp, again], { more: true, idle: false }, MARKED)).toEqual([
    expect.stringMatching(/^\*BEGAN/),
    expect.stringMatching(/^!.* 7 anonymised, 1 row blocked, not finished: 55P03!$/),
    expect.stringMatching(/^!.* died!$/),
    expect.stringMatching(/^!.* not finished: time was up!$/),
    expect.stringMatching(/^2026.* tried again after 55P03$/),
    "",
    "(There are more: --last shows up to 200.)",
  ]);
});

test("a hold whose review is due stands out, and a reason cannot steer the terminal", () => {
  const hold: Hold = {
    id: "hld_1",
    tenant_id: null,
    subject_id: "per_1",
    retention_class: null,
    reason: "\u001b[2J",
    placed_by: "crd_1",
    placed_at: AT,
    review_at: AT + 86_400,
    released_at: null,
    outcome: null,
  };
  expect(holdText(hold, (AT + 86_400) * 1000, MARKED)).toEqual([
    "*hld_1*  !in place, review was due 2026-11-22!",
    "  (holds)    everything about per_1",
    "  (reason)   �[2J",
    "  (placed)   2026-11-21 00:00 UTC with crd_1",
  ]);
  const released = { ...hold, released_at: AT + 60, outcome: "Done" };
  expect(holdText(released, (AT + 86_400) * 1000).at(0)).toBe("hld_1  released 2026-11-21 00:01 UTC");
  expect(holdText(released, 0).at(-1)).toBe("  outcome  Done");
});

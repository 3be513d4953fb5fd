import { describe, expect, it } from "vitest";
import { OUTSIDE_STORES } from "./declared/outside.ts";
import { type DeclaredTable, declaredTables } from "./inventory.ts";
import { expiry, type RetentionClass, SCHEDULE } from "./schedule.ts";

/** What must hold of every declaration, those of tomorrow included. */

const tables = declaredTables();
const classOf = ({ retention }: DeclaredTable): RetentionClass => SCHEDULE[retention];
const DAY_MS = 86_400_000;

it("every class has a table, but for those that are kept elsewhere or are no data of their own", () => {
  const used = new Set<string>(tables.map(({ retention }) => retention));
  expect(Object.keys(SCHEDULE).filter((name) => !used.has(name))).toEqual([
    "cancelled-account",
    "gate-event-ids",
    "outside-copies",
  ]);
});

describe.each(tables.map((table) => [table.table, table] as const))("%s", (_, table) => {
  it("names its own columns wherever it names one", () => {
    const named = [
      ...(table.anchor.at === "bucket" ? [table.anchor.column] : table.anchor.columns),
      ...table.key,
      ...(table.subject === null ? [] : [table.subject]),
      ...Object.keys(table.anonymise ?? {}),
      ...Object.values(table.access).flatMap((list) => list.flatMap(({ columns = [] }) => columns)),
    ];
    expect(named.filter((column) => !Object.hasOwn(table.columns, column))).toEqual([]);
    expect(Object.keys(table.columns).at(-1)).toBe("expires_at");
  });

  it("is laid out as its window asks: by day up to 90 days and then anchored by the day, by month to 26 months, else by quarter", () => {
    if (table.layout.kind === "state") return;
    const { window, mayVary } = classOf(table);
    const longest = expiry(0, mayVary?.greatest ?? window);
    const by = longest <= 90 * DAY_MS ? "day" : longest <= Date.UTC(1972, 2, 1) ? "month" : "quarter";
    expect(table.layout.by).toBe(by);
    if (by === "day") expect(table.anchor).toMatchObject({ granularity: "day" });
    expect(table.key).toContain("expires_at");
  });

  it("anonymises columns exactly where its class says when, before it deletes the row", () => {
    const { anonymiseAfter, window } = classOf(table);
    expect(Object.keys(table.anonymise ?? {}).length > 0).toBe(anonymiseAfter !== null);
    if (anonymiseAfter !== null) expect(expiry(0, anonymiseAfter)).toBeLessThan(expiry(0, window));
  });

  it("says of each column that it is personal, on a legal basis, or that it is not", () => {
    for (const [column, { category, basis, purpose }] of Object.entries(table.columns)) {
      const personal = category !== "NonPersonalData" && category !== "AnonymisedData";
      if (personal) expect([column, basis]).not.toEqual([column, "none"]);
      else expect([column, basis]).toEqual([column, purpose === "LegalCompliance" ? "legal-obligation" : "none"]);
    }
  });

  it("goes to our processors, and where mail is sent to whoever sends it", () => {
    expect(table.recipients).toEqual(expect.arrayContaining(["cloudflare", "neon"]));
    expect(table.recipients.includes("mail-provider")).toBe(table.table === "mail_outbox");
  });
});

it("what works only while it is fresh is no evidence: holds leave it alone", () => {
  expect(tables.flatMap(({ table, holds }) => (holds === "ignored" ? [table] : [])).sort()).toEqual([
    "active_instance_counts",
    "authorization_codes",
    "device_codes",
    "gate_heartbeats",
    "idempotency_records",
    "login_states",
    "mail_outbox",
    "outbox",
    "purge_progress",
    "straight_windows",
    "unclaimed_registrations",
  ]);
});

it("an outside store forgets within the bounds of the schedule", () => {
  const { greatest } = SCHEDULE["outside-copies"].mayVary ?? {};
  for (const [name, { kept, atMost }] of Object.entries(OUTSIDE_STORES)) {
    expect(expiry(0, kept), name).toBeLessThanOrEqual(expiry(0, atMost));
    expect(expiry(0, atMost), name).toBeLessThanOrEqual(expiry(0, greatest ?? { unit: "day", count: 0 }));
  }
});

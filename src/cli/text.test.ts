import { expect, test } from "vitest";
import { PERMISSIONS } from "../core/permission.ts";
import { keysText } from "./key-list.ts";
import { pingsText } from "./pings.ts";
import { purgeText, watched } from "./purge.ts";
import { registrationKeysText } from "./registration-key-list.ts";
import { formatInstant, formatTable } from "./table.ts";
import { tenantsText } from "./tenant-list.ts";
import { printable } from "./terminal.ts";

test("columns are as wide as their widest cell, and numbers stand to the right", () => {
  expect(
    formatTable(
      [{ title: "NAME" }, { title: "N", right: true }],
      [
        ["a", "1"],
        ["später", "1,234"],
      ],
    ),
  ).toEqual(["NAME        N", "a           1", "später  1,234"]);
  expect(formatTable([{ title: "NAME" }], [])).toEqual(["NAME"]);
});

test("a name cannot steer the terminal", () => {
  expect(printable("a\u001b[2Jb\u009b\u202ec\r\n")).toBe("a�[2Jb��c��");
  const [, row] = formatTable([{ title: "NAME" }], [["\u001b]0;x\u0007"]]);
  expect(row).toBe("�]0;x�");
});

test("instants are UTC, to the minute", () => {
  expect(formatInstant(Date.UTC(2026, 10, 21, 1, 34, 59))).toBe("2026-11-21 01:34");
  expect(formatInstant(null)).toBe("–");
  expect(formatInstant(Number.POSITIVE_INFINITY)).toBe("never");
});

test("tenants form a tree, whatever their order; one whose parent is not shown stands at the left", () => {
  const tenant = (id: string, parent_id: string | null) => ({
    id,
    parent_id,
    name: id.toUpperCase(),
    kind: "k",
    status: "s",
    created_at: 0,
  });
  const rows = tenantsText([
    tenant("c", "b"),
    tenant("a", "unseen"),
    tenant("b", "a"),
    tenant("d", "a"),
    tenant("e", "d"),
  ]);
  expect(rows.slice(1).map((row) => row.slice(0, 9).trimEnd())).toEqual(["A", "├─ B", "│  └─ C", "└─ D", "   └─ E"]);
});

test("a purge tells of each table that it touched, of dropped partitions and of what it could not do", () => {
  const table = (name: string, more = {}) => ({
    table: name,
    beganAtMs: 0,
    endedAtMs: 0,
    deleted: 0,
    anonymised: 0,
    blocked: 0,
    partitions: [],
    expiries: null,
    overdueBeforeMs: 0,
    overdueAfterMs: 0,
    finished: true,
    interrupted: false,
    errors: [],
    receipt: true,
    ...more,
  });
  const report = (tables: ReturnType<typeof table>[]) => ({
    ...{ run: "", startedAtMs: 0, finishedAtMs: 1_250, abandoned: 0 },
    tables,
  });
  expect(purgeText(report([table("people"), table("pings")]))).toEqual(["Nothing was due in 2 tables (1.3 s)."]);
  const partitions = [{ name: "public.pings_2026_11_20", from: "", to: "", rows: 1_234 }];
  expect(
    purgeText(
      report([
        table("pings", { deleted: 1_234, partitions }),
        table("instances", { deleted: 2, blocked: 1 }),
        table("people"),
        table("outbox", { errors: ["42501", "55P03"], finished: false }),
        table("profiles", { finished: false }),
        table("website_visits", { anonymised: 1_500, errors: ["55P03"] }),
      ]),
    ),
  ).toEqual([
    "TABLE           DELETED  ANONYMISED  PARTITIONS  BLOCKED  NOT FINISHED",
    "pings             1,234           0           1        0",
    "instances             2           0           0        1",
    "outbox                0           0           0        0  42501, 55P03",
    "profiles              0           0           0        0  time was up",
    "website_visits        0       1,500           0        0",
    "",
    "DROPPED PARTITION   ROWS",
    "pings_2026_11_20   1,234",
    "",
    "Deleted 1,236 rows and anonymised 1,500 in 1.3 s.",
    "1 expired row stayed, because others still refer to it.",
  ]);
  // What failed and was made up for is no failure.
  expect(purgeText(report([table("people", { errors: ["55P03"] })]))).toEqual(["Nothing was due in 1 table (1.3 s)."]);
});

test("long work tells once a second how far it has come", async () => {
  const lines: string[] = [];
  // A batch to be asked for again with fewer rows has done nothing.
  const answers = [[{ done: 1_000 }], [{ partition: "pings_1", rows: "500" }], [{ done: null }], [{ done: 3 }]];
  let now = 0;
  const sql = watched(
    { query: async () => answers.shift() ?? [] },
    (line) => lines.push(line),
    () => (now += 400),
  );
  for (let i = 0; i < 4; i++) await sql.query("");
  expect(lines).toEqual(["… 1,500 rows done, 1 partition dropped so far"]);
});

test("a registration key's state is its end, or how it may be used", () => {
  const key = {
    id: "rgk_1",
    workspace_id: "wsp_1",
    name: "n",
    reusable: true,
    max_uses: null,
    uses: 2,
    name_prefix: null,
    created_at: 0,
    used_up_at: null,
    valid_until: null,
    revoked_at: null,
  };
  const states = [
    {},
    { reusable: false, valid_until: 90_000 },
    { valid_until: 60 },
    { used_up_at: 60 },
    { revoked_at: 60, used_up_at: 60 },
  ];
  const rows = registrationKeysText(
    states.map((state) => ({ ...key, ...state })),
    60_000,
  );
  expect(rows.slice(1).map((row) => row.slice(6, 41).replace(/ {2}.*/, ""))).toEqual([
    "reusable",
    "for one use, until 1970-01-02 01:00",
    "ended 1970-01-01 00:01",
    "used up 1970-01-01 00:01",
    "revoked 1970-01-01 00:01",
  ]);
  const [, capped] = registrationKeysText([{ ...key, max_uses: 1500, name_prefix: "lab" }], 0);
  expect(capped).toContain("2/1,500  lab-…");
});

test("pings show what was sent of the system, and when they go", () => {
  const os = { kind: "linux", name: null, version: "12" };
  const ping = { kind: "alive", day: "2026-11-21", expires_at: 86_400, os };
  expect(pingsText("ins_1", [ping]).at(-1)).toBe("2026-11-21  alive  linux 12  1970-01-02 00:00");
  expect(pingsText("ins_1", [])).toEqual([expect.stringContaining("Nothing is kept of ins_1 yet")]);
});

test("an API key is shown with its end and what it may do", () => {
  const key = { id: "crd_1", name: "k", permissions: ["keys:read", "pings:read"], created_at: 0, last_used_at: null };
  const rows = keysText(
    [
      { ...key, valid_until: null, revoked_at: null },
      { ...key, valid_until: 90_000, revoked_at: null, last_used_at: 3600 },
      { ...key, valid_until: 60, revoked_at: null },
      { ...key, valid_until: 60, revoked_at: 60, permissions: PERMISSIONS.slice(1) },
    ],
    60_000,
  );
  expect(rows).toEqual([
    "NAME  STATE                     ID     CREATED (UTC)     USED (HOUR)       MAY",
    "k     no end                    crd_1  1970-01-01 00:00  –                 keys:read pings:read",
    "k     until 1970-01-02 01:00    crd_1  1970-01-01 00:00  1970-01-01 01:00  keys:read pings:read",
    "k     ended 1970-01-01 00:01    crd_1  1970-01-01 00:00  –                 keys:read pings:read",
    "k     revoked 1970-01-01 00:01  crd_1  1970-01-01 00:00  –                 everything",
  ]);
  expect(keysText([], 0)).toEqual(["There are no API keys: make one with npm run ebb -- key create --name ...."]);
});

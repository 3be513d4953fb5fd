import fc from "fast-check";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { uuidFromId } from "../core/id.ts";
import { instantFromSql } from "../db/columns.ts";
import { expiry } from "../privacy/schedule.ts";
import { appTransaction, enteredTransaction } from "../testing/app-session.ts";
import { checkInvariants } from "../testing/invariants.ts";
import { actAs } from "../testing/purging.ts";
import { hashOf, refusal, type ScratchDatabase, scratchDatabase } from "../testing/scratch-database.ts";
import type { TestTenant } from "../testing/world.ts";
import { TablePurge } from "./purge-table.ts";

/** Windows of a tenant's own: a shorter one takes effect at once, a longer one after the notice, and no row is rewritten. */

const CLASS = "tool-execution-logs";
const DAY = 86_400_000;
/** The clock's start, far from every other date. */
const START = Date.UTC(2031, 0, 15, 12);
let database: ScratchDatabase;
let platform: TestTenant;
const owner = (text: string, params: unknown[] = []) => database.as("owner").query(text, params);
const uuid = ({ id }: Pick<TestTenant, "id">) => uuidFromId("tenant", id);
const iso = (ms: number) => new Date(ms).toISOString();

beforeAll(async () => {
  database = await scratchDatabase();
  platform = await database.tenant({ kind: "platform" });
  await database
    .as("jobs")
    .query("select count(*) from ebb.create_partitions('public.tool_executions', 'month', '2030-01-01', '2036-01-01')");
});
afterAll(() => checkInvariants(database).finally(() => database.drop()), 30_000);
beforeEach(() => database.stopClock(START));

const customer = () => database.tenant({ parent: platform });
const set = (tenant: TestTenant, months: number | null, by = platform, name: string | null = CLASS) =>
  actAs(database, by, uuid(tenant), async (query) => {
    const [row] = await query("select ebb.set_window($1, $2, $3)::text as at", [crypto.randomUUID(), name, months]);
    return instantFromSql(row?.["at"] as string);
  });
/** Writes a row as a gate stamps it, for so many months, or for any instant. */
async function write(tenant: TestTenant, anchor: number | string, stamp: number | string): Promise<string> {
  const id = crypto.randomUUID();
  const expires = typeof stamp === "number" ? `ebb.expiry($3, make_interval(months => ${stamp}))` : `'${stamp}'`;
  await owner(
    `insert into tool_executions (id, tenant_id, tool, status, duration_ms, recorded_at, expires_at) values ($1, $2, 'a tool', 'ok', 1, $3, ${expires})`,
    [id, uuid(tenant), typeof anchor === "number" ? iso(anchor) : anchor],
  );
  return id;
}
const ids = (rows: Record<string, unknown>[]) => rows.map((row) => row["id"] as string).sort();
const read = async (tenant: TestTenant) =>
  ids(await enteredTransaction(database, tenant.apiKey, null, (query) => query("select id from tool_executions")));
const due = async (tenant: TestTenant) =>
  ids(await database.as("purge").query("select id from tool_executions where tenant_id = $1", [uuid(tenant)]));
const all = async (tenant: TestTenant) =>
  ids(await owner("select id from tool_executions where tenant_id = $1", [uuid(tenant)]));
/** By row alone: the partitions that the clock has left behind serve the next test too. */
const purged = async () => {
  const table = { name: "public.tool_executions", partitioned: false };
  const run = crypto.randomUUID();
  expect(
    await new TablePurge(database.as("purge"), run, table.name, table.partitioned).purge({ allows: () => true }),
  ).toBe(true);
};

describe("ebb.set_window", () => {
  it.each([[0], [-1], [25], [1_200], [2_147_483_647], [null]])("refuses %s months", async (months) => {
    expect(await refusal(set(await customer(), months))).toBe("22003");
  });

  it("takes the bounds themselves: what is no longer at once, what is longer in 30 days", async () => {
    const tenant = await customer();
    expect(await set(tenant, 12)).toBe(START);
    expect(await set(tenant, 24)).toBe(START + 30 * DAY);
    expect(await set(tenant, 1)).toBe(START);
    expect(await set(tenant, 2)).toBe(START + 30 * DAY);
  });

  it("is the platform owner's alone, for whoever is on the enterprise plan now, and for what may vary", async () => {
    const reseller = await database.tenant({ kind: "reseller", parent: platform });
    const client = await database.tenant({ kind: "client", parent: reseller });
    const team = await database.tenant({ parent: platform, plan: "team" });
    const ended = await customer();
    await owner("update subscriptions set status = 'ended', ended_at = $2 where tenant_id = $1", [
      uuid(ended),
      iso(START),
    ]);
    expect(await refusal(set(client, 6, reseller))).toBe("EB405");
    expect(await refusal(set(client, 6, client))).toBe("EB405");
    const alone = appTransaction(database, (query) =>
      query("select ebb.set_window($1, $2, 6)", [crypto.randomUUID(), CLASS]),
    );
    expect(await refusal(alone)).toBe("EB405");
    for (const name of ["ai-usage", "alive-pings", "outside-copies", "", null])
      expect([name, await refusal(set(client, 6, platform, name))]).toEqual([name, "EB406"]);
    for (const tenant of [team, ended]) expect(await refusal(set(tenant, 6))).toBe("EB407");
    for (const role of ["ingest", "purge", "jobs"] as const) {
      const asked = database.as(role).query("select ebb.set_window($1, $2, 6)", [crypto.randomUUID(), CLASS]);
      expect(await refusal(asked), role).toBe("42501");
    }
    expect(
      await owner("select from retention_windows where tenant_id = any ($1)", [[client, team, ended].map(uuid)]),
    ).toEqual([]);
    expect(await refusal(set(client, 6))).toBeNull();
  });

  it("tells the application of no other tenant's", async () => {
    const [one, other, none] = [await customer(), await customer(), await customer()];
    await set(one, 6);
    await set(other, 3);
    const ask = `select jsonb_object_keys(ebb.kept_windows('${CLASS}')) as id`;
    const known = async (tenant: TestTenant) =>
      ids(await enteredTransaction(database, tenant.apiKey, null, (query) => query(ask)));
    expect([await known(one), await known(none)]).toEqual([[uuid(one)], []]);
    expect(ids(await database.as("app").query(ask))).toEqual([]);
    expect(ids(await database.as("purge").query(ask))).toEqual(expect.arrayContaining([uuid(one), uuid(other)]));
    const settings = (tenant: TestTenant) =>
      enteredTransaction(database, tenant.apiKey, null, (query) =>
        query("select tenant_id as id from retention_windows"),
      );
    expect([ids(await settings(one)), await settings(none)]).toEqual([[uuid(one)], []]);
  });
});

it("a shorter one takes effect at once for reading and for the purge, and rewrites nothing", async () => {
  const [tenant, other] = [await customer(), await customer()];
  const ages = [1, 89, 100, 200, 300];
  for (const whose of [tenant, other]) for (const age of ages) await write(whose, START - age * DAY, 12);
  const versions = () => owner("select xmin::text, ctid::text, t::text as row from tool_executions t order by id");
  const before = [await versions(), await all(other)];
  expect([(await read(tenant)).length, await due(tenant)]).toEqual([5, []]);
  await set(tenant, 3);
  expect(await versions()).toEqual(before[0]);
  expect([(await read(tenant)).length, (await due(tenant)).length]).toEqual([2, 3]);
  expect([await read(other), await due(other)]).toEqual([before[1], []]);
  const seen = await read(tenant);
  await purged();
  expect([await all(tenant), await all(other)]).toEqual([seen, before[1]]);
});

it("month ends swap: of 29 January 23:00 and 30 January 01:00 the later one is gone first", async () => {
  const tenant = await customer();
  await database.stopClock("2031-02-01T00:00:00Z");
  const first = await write(tenant, "2031-01-29T23:00:00Z", 12);
  const second = await write(tenant, "2031-01-30T01:00:00Z", 12);
  await set(tenant, 1);
  for (const [at, left] of [
    ["2031-02-28T00:59:59.999999Z", [first, second]],
    ["2031-02-28T01:00:00Z", [first]],
    ["2031-02-28T22:59:59.999999Z", [first]],
    ["2031-02-28T23:00:00Z", []],
  ] as const) {
    await database.stopClock(at);
    expect([at, await read(tenant)]).toEqual([at, left.toSorted()]);
    await purged();
    expect([at, await all(tenant)]).toEqual([at, left.toSorted()]);
  }
});

describe("a row", () => {
  it.each([
    ["of a tenant without windows, for its schedule's", null, 12, null],
    ["of a tenant without windows, for another's", null, 6, "EB001"],
    ["as the window says", 6, 6, null],
    ["as the schedule says, by a gate that has not heard of the shorter window", 6, 12, null],
    ["for less than any window", 6, 3, "EB001"],
    ["for a window that was never set", 6, 24, "EB001"],
    ["for an arbitrary instant", 6, "2031-08-01T00:00:00Z", "EB001"],
    ["for ever", 6, "infinity", "EB001"],
  ])("%s", async (_, months, stamp, state) => {
    const tenant = await customer();
    if (months !== null) await set(tenant, months);
    const refused = await refusal(write(tenant, START, stamp));
    expect(refused === "23514" && stamp === "infinity" ? "EB001" : refused).toBe(state);
  });

  it("for a longer window from the instant on at which it begins, and not before", async () => {
    const tenant = await customer();
    const from = await set(tenant, 24);
    await database.stopClock(iso(from - 1));
    expect(await refusal(write(tenant, from - 1, 24))).toBe("EB001");
    await database.stopClock(from);
    expect(await refusal(write(tenant, from, 12))).toBe("EB001");
    const [before, after] = [await write(tenant, from - 1, 12), await write(tenant, from, 24)];
    await database.stopClock(expiry(from, { unit: "month", count: 12 }));
    expect([await read(tenant), await due(tenant)]).toEqual([[after], [before]]);
  });

  it("is gone before the setting is under which it was written", async () => {
    const tenant = await customer();
    const from = await set(tenant, 24);
    const until = from + 40 * DAY;
    await database.stopClock(iso(until - 1));
    await write(tenant, until - 1, 24);
    await database.stopClock(until);
    await set(tenant, 24);
    const last = await write(tenant, until, 24);
    const setting = async (at: number | string) => {
      await database.stopClock(at);
      return (await database.as("purge").query("select id from retention_windows where tenant_id = $1", [uuid(tenant)]))
        .length;
    };
    const end = expiry(until, { unit: "month", count: 24 });
    expect(await setting(iso(end - 1))).toBe(0);
    expect(await setting(end)).toBe(1);
    // Of the rows only the one is left that was written under the next.
    expect(await read(tenant)).toEqual([]);
    await database.stopClock(iso(end - 1));
    expect(await read(tenant)).toEqual([last]);
  });
});

/** What holds, told as a calendar: windows with the instants at which they began. */
class Agreement {
  now = START;
  readonly begun: { from: number; months: number }[] = [];
  #coming: { from: number; months: number } | null = null;
  readonly rows = new Map<string, { anchor: number; months: number }>();

  set(months: number): number {
    this.advance(0);
    const next = { from: months > this.#inForce() ? this.now + 30 * DAY : this.now, months };
    this.#coming = next;
    this.advance(0);
    return next.from;
  }
  advance(ms: number): void {
    this.now += ms;
    if (this.#coming !== null && this.#coming.from <= this.now) {
      // One that is replaced in the instant in which it began was in force for no time.
      if (this.begun.at(-1)?.from === this.#coming.from) this.begun.pop();
      this.begun.push(this.#coming);
      this.#coming = null;
    }
  }
  #inForce(): number {
    return this.begun.at(-1)?.months ?? 12;
  }
  /** Windows in force at some moment from this one until now. */
  since(anchor: number): number[] {
    const all = [{ from: Number.NEGATIVE_INFINITY, months: 12 }, ...this.begun];
    return all.flatMap(({ months }, n) => ((all[n + 1]?.from ?? Number.POSITIVE_INFINITY) > anchor ? [months] : []));
  }
  takes(anchor: number, months: number): boolean {
    if (this.begun.length === 0) return months === 12;
    return [12, ...this.begun.map((w) => w.months)].includes(months) && months >= Math.min(...this.since(anchor));
  }
  readable(): string[] {
    return [...this.rows].flatMap(([id, { anchor, months }]) =>
      [months, ...this.since(anchor)].every((count) => expiry(anchor, { unit: "month", count }) > this.now) ? [id] : [],
    );
  }
}

type Step = { set: number } | { days: number } | { write: number; ago: number };

/** Goes through the steps with the calendar beside it, and compares whenever time has passed. `ask` reads as the application. */
async function follow(steps: readonly Step[], ask: (tenant: TestTenant) => Promise<string[]>): Promise<void> {
  const agreement = new Agreement();
  await database.stopClock(START);
  const tenant = await customer();
  const compare = async () => {
    const readable = agreement.readable().sort();
    expect(await ask(tenant)).toEqual(readable);
    expect(await due(tenant)).toEqual([...agreement.rows.keys()].filter((id) => !readable.includes(id)).sort());
  };
  for (const step of [{ write: 12, ago: 300 }, { write: 12, ago: 100 }, ...steps, { days: 31 }]) {
    if ("set" in step) expect(await set(tenant, step.set)).toBe(agreement.set(step.set));
    else if ("days" in step) {
      agreement.advance(step.days * DAY);
      await database.stopClock(agreement.now);
    } else {
      const row = { anchor: agreement.now - step.ago * DAY, months: step.write };
      const id = await write(tenant, row.anchor, row.months).catch(({ code }) => code as string);
      const wanted = agreement.takes(row.anchor, row.months) ? expect.stringMatching(/^.{36}$/) : "EB001";
      expect([row, id]).toEqual([row, wanted]);
      if (id !== "EB001") agreement.rows.set(id, row);
    }
    if (!("write" in step)) await compare();
  }
  await purged();
  expect(await all(tenant)).toEqual(agreement.readable().sort());
}

it("whatever is agreed in whatever order, what is read and what is purged is what a calendar says", async () => {
  const window = fc.constantFrom(1, 3, 6, 12, 24);
  const step: fc.Arbitrary<Step> = fc.oneof(
    fc.record({ set: window }),
    fc.record({ days: fc.constantFrom(1, 29, 30, 31, 59, 90, 200) }),
    fc.record({ write: window, ago: fc.constantFrom(0, 1, 29, 31, 90) }),
  );
  const back: Step[] = [{ set: 6 }, { write: 12, ago: 31 }, { set: 24 }, { days: 10 }, { set: 3 }, { days: 30 }];
  const cancelled: Step[] = [{ set: 24 }, { days: 29 }, { set: 12 }, { days: 31 }, { write: 24, ago: 0 }];
  await database.session("app", async (client) => {
    const ask = async ({ apiKey }: TestTenant) => {
      await client.query("begin");
      await client.query("select ebb.enter($1)", [await hashOf(apiKey)]);
      const { rows } = await client.query("select id from tool_executions");
      await client.query("rollback");
      return ids(rows);
    };
    const property = fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 12 }), (steps) => follow(steps, ask));
    await fc.assert(property, { numRuns: 10, examples: [[back], [cancelled]], endOnFailure: true });
  });
});

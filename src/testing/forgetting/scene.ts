import { toHex } from "../../core/bytes.ts";
import type { Query } from "../app-session.ts";
import { bulkRows, type Values } from "../bulk-rows.ts";
import type { ScratchDatabase } from "../scratch-database.ts";
import {
  civil,
  DAY,
  daysInMonth,
  endOf,
  floorTo,
  HOUR,
  instant,
  MINUTE,
  type Micros,
  type Random,
  randomFrom,
  shiftMonths,
  sqlInstant,
  type Window,
} from "./calendar.ts";
import { KEPT, type Kept, OWN_WINDOW } from "./kept.ts";
import { ownEnds, type Row, type Tenant } from "./oracle.ts";

/** Rows of every table for several tenants, whose ends lie around the instants at which the clock will be stopped. */
export interface Scene {
  /** Instants at which to stop the clock, in the order of time. */
  positions: readonly Micros[];
  tenants: readonly Tenant[];
  rows: readonly Row[];
  /** The credential with which any of the tenants is entered, as `ebb.enter` is given it. */
  credential: string;
}

/** Of each table, in a tenant that goes on; and in each of those that end, close or have windows of their own. */
const MANY = 24;
const SOME = 4;
const EVER = sqlInstant(instant({ year: 2150, month: 0, day: 1, ofDay: 0n }));

/** Month ends, the start of the next month and the microseconds around them; else anything within four days. */
export function positionsAround(random: Random, centre: Micros, count: number): Micros[] {
  const chosen = new Set([centre - 1n, centre, centre + 1n, centre - DAY]);
  while (chosen.size < count) {
    const near = centre + BigInt(random.below(8 * 24 * 60) - 4 * 24 * 60) * MINUTE + BigInt(random.below(60_000_000));
    const unit = random.pick([DAY, DAY, HOUR, 1n]);
    chosen.add(floorTo(near, unit) + (unit === 1n ? 0n : BigInt(random.below(3) - 1)));
  }
  return [...chosen].sort((a, b) => (a < b ? -1 : 1));
}

/** The anchor from which this window ends at this instant, where it is the start of a month. */
const anchorOf = (target: Micros, window: Window): Micros =>
  "micros" in window ? target - window.micros : shiftMonths(target, -window.months);

/** An anchor whose end falls on, or a microsecond or some days beside, this instant. */
function anchorFor(random: Random, target: Micros, window: Window): Micros {
  let anchor = anchorOf(target, window);
  if ("months" in window && random.chance(0.5)) {
    // Days that the month of the end may not have.
    const { year, month, ofDay } = civil(anchor);
    const last = daysInMonth(year, month);
    anchor = instant({ year, month, day: last - random.below(Math.min(4, last)), ofDay });
  }
  const nudge = random.below(10);
  if (nudge < 2) return anchor;
  if (nudge < 6) return anchor + BigInt(random.below(3) - 1);
  if (nudge === 6) return floorTo(anchor, DAY) + BigInt(random.below(3) - 1);
  return anchor + BigInt(random.below(8 * 24 * 60) - 4 * 24 * 60) * MINUTE + BigInt(random.below(60_000_000));
}

export async function makeScene(
  database: ScratchDatabase,
  seed: number,
  centre: Micros,
  count: number,
): Promise<Scene> {
  const random = randomFrom(seed);
  const positions = positionsAround(random, centre, count);
  const last = positions.at(-1) ?? centre;
  const owner: Query = (text, params) => database.as("owner").query(text, params);
  const insert = await bulkRows(database);
  const columns = await owner(
    "select table_name, column_name, is_nullable from information_schema.columns where table_schema = 'public'",
  );
  const withTenant = new Set(
    columns.flatMap((row) => (row["column_name"] === "tenant_id" ? [row["table_name"] as string] : [])),
  );
  const required = new Set(
    columns.flatMap((row) => (row["is_nullable"] === "NO" ? [`${row["table_name"]}.${row["column_name"]}`] : [])),
  );
  const tenants: Tenant[] = [];
  const rows: Row[] = [];
  const pending = new Map<string, Values[]>();
  /** A row in the model and on its way into the database. */
  const put = (row: Row, values: Values) => {
    rows.push(row);
    pending.set(row.table, [...(pending.get(row.table) ?? []), values]);
  };
  const flush = async (...tables: string[]) => {
    for (const table of tables) {
      const values = pending.get(table) ?? [];
      pending.delete(table);
      await makePartitions(database, table, values);
      await insert(table, values);
    }
  };

  const root = random.uuid();
  function tenant(id: string, more: Partial<Tenant> = {}): Tenant {
    const made: Tenant = {
      id,
      gate: random.uuid(),
      workspace: random.uuid(),
      connection: random.uuid(),
      closedAt: null,
      subscriptionEndedAt: null,
      settings: [],
      ...more,
    };
    tenants.push(made);
    const { closedAt, subscriptionEndedAt: endedAt } = made;
    const path = id === root ? [root] : [root, id];
    put(
      {
        table: "tenants",
        key: id,
        tenant: id,
        ends: closedAt === null ? [] : [endOf(closedAt, { micros: 30n * DAY })],
      },
      {
        ...tenantValues(id, path, made.gate),
        closed_at: closedAt === null ? null : sqlInstant(closedAt),
      },
    );
    const subscription = random.uuid();
    put(
      { table: "subscriptions", key: subscription, tenant: id, ends: endsOf("subscriptions", { ended_at: endedAt }) },
      { id: subscription, tenant_id: id, status: "active", ended_at: endedAt === null ? null : sqlInstant(endedAt) },
    );
    const follows = { subscription_ended_at: endedAt };
    put(
      { table: "workspaces", key: made.workspace, tenant: id, ends: endsOf("workspaces", follows) },
      { id: made.workspace, tenant_id: id },
    );
    put(
      { table: "connections", key: made.connection, tenant: id, ends: endsOf("connections", follows) },
      { id: made.connection, tenant_id: id },
    );
    return made;
  }

  tenant(root);
  const plain = tenant(random.uuid());
  const own = [1, 2, 3].map(() => tenant(random.uuid(), { settings: settings(random, positions) }));
  const ended = [{ micros: 30n * DAY }, { micros: 90n * DAY }, { months: 24 }].map((window) =>
    tenant(random.uuid(), { subscriptionEndedAt: anchorFor(random, random.pick(positions), window) }),
  );
  const closed = [1, 2, 3].map(() =>
    tenant(random.uuid(), { closedAt: anchorFor(random, random.pick(positions), { micros: 30n * DAY }) }),
  );
  const secret = toHex(Uint8Array.from({ length: 32 }, () => random.below(256)));
  const key = random.uuid();
  put(
    { table: "credentials", key, tenant: root, ends: [] },
    { id: key, tenant_id: root, kind: "api-key", secret_hash: `\\x${secret}`, valid_until: null },
  );
  // Whoever is a member of several tenants outlives any one membership.
  const members = Array.from({ length: MANY }, () => random.uuid());
  for (const id of members) {
    put({ table: "people", key: id, tenant: null, ends: [] }, { id });
    const membership = random.uuid();
    put(
      { table: "memberships", key: membership, tenant: root, person: id, ends: [] },
      { id: membership, tenant_id: root, person_id: id },
    );
  }

  let outboxId = 1_000;
  const used = new Set<string>();
  /** A row of this table for this tenant, anchored so that it ends around one of the positions, or does not end. */
  function addRow(kept: Kept, of: Tenant, index: number, anchorless: boolean): void {
    const { table } = kept;
    const ends = kept.ends.filter(({ column }) => column !== "subscription_ended_at");
    const anchors: Record<string, Micros | null> = { subscription_ended_at: of.subscriptionEndedAt };
    const values: Values = {};
    const first = random.pick(ends);
    for (const { column, window, per } of ends) {
      const must = required.has(`${table}.${column}`) && table !== "invitations";
      if (column !== first.column && !must && !random.chance(0.2)) continue;
      if (anchorless && !required.has(`${table}.${column}`)) continue;
      const aimed = kept.anonymisedAfter !== undefined && random.chance(0.5) ? kept.anonymisedAfter : window;
      // The first of each table ends at the very centre: the clock is stopped there and on both sides of it.
      const exactly = of === plain && index === 0 && column === first.column;
      const told = exactly ? anchorOf(centre, window) : anchorFor(random, random.pick(positions), aimed);
      const anchor = per === undefined ? told : floorTo(told, per);
      anchors[column] = anchor;
      values[column] = sqlInstant(
        per === undefined || random.chance(0.3) ? anchor : anchor + BigInt(random.below(3_600)) * 1_000_000n,
      );
    }
    if (table === "straight_windows") {
      const minute = String(anchors["minute"]);
      if (used.has(minute)) return;
      used.add(minute);
    }
    const row: Row = {
      table,
      key: keyOf(table, random, anchors, () => (outboxId += 1)),
      tenant: withTenant.has(table) ? of.id : null,
      ends: endsOf(table, anchors),
    };
    Object.assign(values, keyValues(table, row.key), withTenant.has(table) && { tenant_id: of.id });
    const [anchor] = kept.ends.map(({ column }) => anchors[column] ?? null);
    if (kept.partitions !== undefined) values["expires_at"] = sqlInstant(row.ends[0] as Micros);
    if (kept.anonymisedAfter !== undefined) row.anonymisedAt = endOf(anchor as Micros, kept.anonymisedAfter);
    if (table === "instances") row.removed = anchors["removed_at"] != null;
    if (table === "invitations") values["valid_until"] ??= EVER;
    if (table === "outbox") values["gate_id"] = of.gate;
    if (table === "instances" || table === "registration_keys") values["workspace_id"] = of.workspace;
    if (table === "encrypted_credentials") values["connection_id"] = of.connection;
    if (table === "subscriptions") values["status"] = "active";
    if (table === "memberships") {
      row.person = members[index % members.length] as string;
      values["person_id"] = row.person;
    }
    if (table === "tenants") {
      row.tenant = row.key;
      Object.assign(values, tenantValues(row.key, [root, row.key], random.uuid()));
    }
    put(row, values);
  }

  for (const kept of KEPT) {
    // Half of what is anonymised first has that ahead.
    const many = kept.anonymisedAfter === undefined ? MANY : 2 * MANY;
    for (let i = 0; i < many; i += 1) addRow(kept, plain, i, i > 0 && random.chance(0.05));
    if (!withTenant.has(kept.table)) continue;
    const follows = kept.ends.some(({ column }) => column === "subscription_ended_at");
    for (const of of closed) for (let i = 0; i < SOME; i += 1) addRow(kept, of, i, random.chance(0.5));
    if (follows) for (const of of ended) for (let i = 0; i < 2 * SOME; i += 1) addRow(kept, of, i, i < SOME);
  }
  for (const of of own) {
    for (const { id, months, effectiveAt, supersededAt } of of.settings) {
      put(
        {
          table: "retention_windows",
          key: id,
          tenant: of.id,
          ends: endsOf("retention_windows", { superseded_at: supersededAt }),
        },
        {
          id,
          tenant_id: of.id,
          retention_class: "tool-execution-logs",
          months,
          effective_at: sqlInstant(effectiveAt),
          superseded_at: supersededAt === null ? null : sqlInstant(supersededAt),
        },
      );
    }
    for (let i = 0; i < 3 * MANY; i += 1) {
      put(...execution(random, of, positions, last));
    }
  }
  // Members that have an end all the same: what a membership gives to read, it does not give beyond that.
  const ending = Array.from({ length: MANY / 2 }, (_, i) => {
    const anchors =
      i % 2 === 0
        ? { removed_at: anchorFor(random, random.pick(positions), { micros: 90n * DAY }) }
        : { closed_at: anchorFor(random, random.pick(positions), { micros: 30n * DAY }) };
    const [id, membership] = [random.uuid(), random.uuid()];
    put({ table: "people", key: id, tenant: null, ends: endsOf("people", anchors), referred: true }, { id });
    put(
      { table: "memberships", key: membership, tenant: plain.id, person: id, ends: [], referred: true },
      { id: membership, tenant_id: plain.id, person_id: id },
    );
    const [[column, at]] = Object.entries(anchors) as [[string, Micros]];
    return { id, column, at: sqlInstant(at) };
  });

  // Parents first. Visits come before any is old enough to be anonymised, executions once all windows are in force.
  await database.stopClock("1900-01-01T00:00:00Z");
  await flush(
    ...KEPT.map(({ table }) => table)
      .reverse()
      .filter((table) => table !== OWN_WINDOW.table),
  );
  for (const { id, column, at } of ending) await owner(`update people set ${column} = $2 where id = $1`, [id, at]);
  await database.stopClock(sqlInstant(last));
  await flush(OWN_WINDOW.table);
  return { positions, tenants, rows, credential: `\\x${secret}` };
}

/** The windows that a tenant has had, each in force until the next; and some that were taken back before they came. */
function settings(random: Random, positions: readonly Micros[]): Tenant["settings"] {
  const at = Array.from({ length: 2 + random.below(3) }, () => {
    const near = random.pick(positions) + BigInt(random.below(3) - 1);
    return random.chance(0.4) ? near : shiftMonths(near, -random.below(14));
  }).sort((a, b) => (a < b ? -1 : 1));
  const made = (length: number, effectiveAt: Micros, supersededAt: Micros | null) => ({
    id: random.uuid(),
    months: length,
    effectiveAt,
    supersededAt,
  });
  const length = () => (random.chance(0.2) ? OWN_WINDOW.schedules : 1 + random.below(24));
  const recalled = random.pick(positions);
  return [
    ...at.map((effectiveAt, i) => made(length(), effectiveAt, at[i + 1] ?? null)),
    // Short, so that it would show.
    made(1, recalled, recalled),
  ];
}

/** A tool's run in a tenant with windows of its own, stamped with any that it has had and that is not too short. */
function execution(random: Random, of: Tenant, positions: readonly Micros[], last: Micros): [Row, Values] {
  const lengths = of.settings.flatMap(({ months, effectiveAt, supersededAt }) =>
    effectiveAt <= last && effectiveAt !== supersededAt ? [months] : [],
  );
  const choices = [OWN_WINDOW.schedules, ...lengths];
  const anchor = anchorFor(random, random.pick(positions), { months: random.pick(choices) });
  const ends = ownEnds(anchor, of.settings, last);
  const stamps = choices.map((months) => endOf(anchor, { months })).filter((stamp) => ends.some((end) => end <= stamp));
  const stamp = ends.length === 0 ? endOf(anchor, { months: OWN_WINDOW.schedules }) : random.pick(stamps);
  const id = random.uuid();
  return [
    { table: OWN_WINDOW.table, key: id, tenant: of.id, ends: [stamp], anchor },
    { id, tenant_id: of.id, recorded_at: sqlInstant(anchor), expires_at: sqlInstant(stamp) },
  ];
}

function tenantValues(id: string, path: readonly string[], gate: string): Values {
  return {
    id,
    path,
    parent_id: path.at(-2) ?? null,
    // Whoever judges enters all from above, and needs no reason for what lies below a reseller.
    kind: path.length === 1 ? "reseller" : "client",
    status: "active",
    gate_id: gate,
    gate_emptied_at: EVER,
  };
}

function endsOf(table: string, anchors: Record<string, Micros | null>): Micros[] {
  const kept = KEPT.find((one) => one.table === table);
  return (kept?.ends ?? []).flatMap(({ column, window }) => {
    const anchor = anchors[column] ?? null;
    return anchor === null ? [] : [endOf(anchor, window)];
  });
}

function keyOf(table: string, random: Random, anchors: Record<string, Micros | null>, next: () => number): string {
  if (table === "outbox") return String(next());
  return table === "straight_windows" ? String(anchors["minute"]) : random.uuid();
}

function keyValues(table: string, key: string): Values {
  switch (table) {
    case "straight_windows":
      return {};
    case "gate_heartbeats":
      return { gate_id: key };
    case "purge_progress":
      return { run_id: key };
    case "idempotency_records":
      return { key };
    case "active_instance_counts":
      return { version: key };
    case "feature_usage":
    case "profile_fetches":
    case "user_sessions":
    case "pings":
      return { instance_id: key };
    case "outbox":
      return { id: Number(key) };
    default:
      return { id: key };
  }
}

async function makePartitions(database: ScratchDatabase, table: string, values: readonly Values[]): Promise<void> {
  const unit = KEPT.find((kept) => kept.table === table)?.partitions;
  if (unit === undefined) return;
  const at = [...new Set(values.map((row) => row["expires_at"] as string))];
  await database
    .as("jobs")
    .query("select ebb.create_partitions($1, $2, at, at) from unnest($3::timestamptz[]) as at", [
      `public.${table}`,
      unit,
      `{${at.join(",")}}`,
    ]);
}

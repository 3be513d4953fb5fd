import type { PoolClient } from "@neondatabase/serverless";
import { type Micros, sqlInstant } from "./calendar.ts";
import { KEPT } from "./kept.ts";
import { isDue, type Row, type Tenant } from "./oracle.ts";
import { ANONYMISING, ask, deleting, IN_BATCHES, type Keys, keysWhere, type Readable, reading } from "./questions.ts";
import type { Scene } from "./scene.ts";
import { ANONYMISABLE, DUE } from "./sql-oracle.ts";

/** Asks every role at an instant what it can read and delete, and compares that with two oracles. */

export type Sessions = Record<"app" | "ingest" | "purge" | "owner", PoolClient>;

/** How often a row was judged to be due, and not; and in the microsecond before an end, in that of it, and after. */
export interface Tally {
  due: number;
  kept: number;
  edges: [before: number, at: number, after: number];
}

const VISITS = "website_visits";

export class Judge {
  /** What was judged, by table. */
  readonly tally = new Map<string, Tally>(KEPT.map(({ table }) => [table, { due: 0, kept: 0, edges: [0, 0, 0] }]));
  readonly #scene: Scene;
  readonly #sessions: Sessions;
  readonly #readable: Readable;
  readonly #tenants: ReadonlyMap<string, Tenant>;
  readonly #rows: ReadonlyMap<string, readonly Row[]>;

  constructor(scene: Scene, sessions: Sessions, readable: Readable) {
    this.#scene = scene;
    this.#sessions = sessions;
    this.#readable = readable;
    this.#tenants = new Map(scene.tenants.map((tenant) => [tenant.id, tenant]));
    this.#rows = Map.groupBy(scene.rows, ({ table }) => table);
  }

  /** Sentences about what each role reads and deletes against the oracles, the clock having been stopped at this instant. */
  async at(now: Micros): Promise<string[]> {
    this.#count(now);
    const found = await Promise.all([this.#postgres(now), this.#app(now), this.#ingest(now), this.#purge(now)]);
    return found.flat();
  }

  /** The same about what the purge deletes and anonymises in batches, which is undone. */
  async inBatches(now: Micros): Promise<string[]> {
    const answers = await ask(this.#sessions.purge, ["begin", ...IN_BATCHES, "rollback"]);
    const deleted = this.#keys((row) => this.#due(row, now) && row.referred !== true);
    const anonymised = this.#keys((row) => isStale(row, now) && !this.#due(row, now)).get(VISITS)?.size ?? 0;
    return answers.slice(1, -1).flatMap((keys) =>
      [...keys].flatMap(([table, [count]]) => {
        const wanted = (deleted.get(table)?.size ?? 0) + (table === VISITS ? anonymised : 0);
        return Number(count) === wanted ? [] : [`batches did ${count} of ${wanted} in ${table} at ${sqlInstant(now)}`];
      }),
    );
  }

  /** The same about what a purge at this instant has left. */
  async afterPurge(now: Micros): Promise<string[]> {
    const named = "visitor_id is not null and referrer is not null and browser is not null and language = 'de-AT'";
    const bare = "visitor_id is null and referrer is null and browser is null and language = 'de'";
    const [left = new Map(), plain = new Map(), anonymous = new Map()] = await ask(this.#sessions.owner, [
      KEPT.map(({ table }) => keysWhere(table, "true")).join(" union all "),
      keysWhere(VISITS, `anonymised_at is null and ${named}`),
      keysWhere(VISITS, `anonymised_at is not null and ${bare}`),
    ]);
    // Not what purges wrote themselves.
    for (const table of ["purge_receipts", "purge_progress"]) {
      const known = new Set(this.#rows.get(table)?.map(({ key }) => key));
      left.set(table, new Set([...(left.get(table) ?? [])].filter((key) => known.has(key))));
    }
    const kept = (row: Row) => !this.#due(row, now);
    const visits = (wanted: (row: Row) => boolean) => this.#keys((row) => kept(row) && wanted(row), [VISITS]);
    return [
      ...this.#compare(now, "the purge leaves", left, this.#keys(kept)),
      ...this.#compare(
        now,
        "the purge leaves whole",
        plain,
        visits((row) => !isStale(row, now)),
      ),
      ...this.#compare(
        now,
        "the purge anonymises",
        anonymous,
        visits((row) => isStale(row, now)),
      ),
    ];
  }

  async #postgres(now: Micros): Promise<string[]> {
    const at = `'${sqlInstant(now)}'`;
    const questions = [DUE, ANONYMISABLE].map((text) => text.replaceAll("$1", at));
    const [due = new Map(), stale = new Map()] = await ask(this.#sessions.owner, questions);
    return [
      ...this.#compare(
        now,
        "Postgres's arithmetic ends",
        due,
        this.#keys((row) => this.#due(row, now)),
      ),
      ...this.#compare(
        now,
        "Postgres's arithmetic anonymises",
        stale,
        this.#keys((row) => isStale(row, now), [VISITS]),
      ),
    ];
  }

  async #app(now: Micros): Promise<string[]> {
    const { tenants, credential } = this.#scene;
    const { app } = this.#sessions;
    const columns = this.#readable.app;
    const text = reading(columns);
    const entering = (id: string) => `select from ebb.enter('${credential}', '${id}')`;
    const own = new Map((this.#rows.get("tenants") ?? []).map((row) => [row.key, row]));
    const isOpen = ({ id }: Tenant) => !this.#due(own.get(id) as Row, now);
    const open = tenants.filter(isOpen);
    const [, outside = new Map(), ...inside] = await ask(app, [
      "begin",
      text,
      ...open.flatMap(({ id }) => [entering(id), text]),
      "rollback",
    ]);
    const everybodys = (row: Row) => row.table === "purge_receipts" && !this.#due(row, now);
    const found = this.#compare(now, "ebb_app reads without entering", outside, this.#keys(everybodys, columns.keys()));
    for (const [i, { id }] of open.entries()) {
      const theirs = this.#keys((row) => !this.#due(row, now) && this.#isOf(row, id, now), columns.keys());
      found.push(...this.#compare(now, "ebb_app reads", inside[2 * i + 1] ?? new Map(), theirs));
    }
    for (const tenant of tenants.filter((one) => !isOpen(one))) {
      const code = await app.query(entering(tenant.id)).then(
        () => "no refusal",
        (error: { code?: unknown }) => error.code,
      );
      if (code !== "EB404") found.push(`ebb_app enters ${tenant.id}, which is gone, at ${sqlInstant(now)}: ${code}`);
    }
    return found;
  }

  /** Whether a row is there for whoever has entered this tenant. */
  #isOf(row: Row, tenant: string, now: Micros): boolean {
    const platform = this.#scene.tenants[0]?.id;
    switch (row.table) {
      case "purge_receipts":
        return true;
      case "tenants":
        return tenant === platform || row.key === tenant;
      case "people":
        return (this.#rows.get("memberships") ?? []).some(
          (membership) => membership.person === row.key && membership.tenant === tenant && !this.#due(membership, now),
        );
      default:
        return row.tenant === tenant;
    }
  }

  async #ingest(now: Micros): Promise<string[]> {
    const columns = this.#readable.ingest;
    const [got = new Map()] = await ask(this.#sessions.ingest, [reading(columns)]);
    const live = this.#keys((row) => row.removed !== true && !this.#due(row, now), columns.keys());
    return this.#compare(now, "ebb_ingest reads", got, live);
  }

  async #purge(now: Micros): Promise<string[]> {
    const referred = (this.#rows.get("people") ?? []).flatMap((row) => (row.referred ? [row.key] : []));
    const questions = [reading(this.#readable.purge), ANONYMISING, "rollback", "begin", ...deleting(referred)];
    const [, seen = new Map(), anonymised = new Map(), , , ...gone] = await ask(this.#sessions.purge, [
      "begin",
      ...questions,
      "rollback",
    ]);
    const due = (row: Row) => this.#due(row, now);
    const stale = (row: Row) => isStale(row, now);
    return [
      ...this.#compare(
        now,
        "ebb_purge reads",
        seen,
        this.#keys((row) => due(row) || stale(row)),
      ),
      ...this.#compare(now, "ebb_purge anonymises", anonymised, this.#keys(stale, [VISITS])),
      ...this.#compare(
        now,
        "ebb_purge deletes",
        new Map(gone.flatMap((keys) => [...keys])),
        this.#keys((row) => due(row) && row.referred !== true),
      ),
    ];
  }

  #due(row: Row, now: Micros): boolean {
    return isDue(row, row.tenant === null ? undefined : this.#tenants.get(row.tenant), now);
  }

  #keys(wanted: (row: Row) => boolean, tables: Iterable<string> = KEPT.map(({ table }) => table)): Keys {
    return new Map(
      [...tables].map((table) => [table, new Set((this.#rows.get(table) ?? []).filter(wanted).map(({ key }) => key))]),
    );
  }

  #compare(now: Micros, who: string, got: Keys, wanted: Keys): string[] {
    return [...new Set([...got.keys(), ...wanted.keys()])].flatMap((table) => {
      const [seen, expected] = [got.get(table) ?? new Set<string>(), wanted.get(table) ?? new Set<string>()];
      return [
        ...[...seen]
          .filter((key) => !expected.has(key))
          .map((key) => `${who}, and should not, ${this.#row(table, key)}`),
        ...[...expected]
          .filter((key) => !seen.has(key))
          .map((key) => `${who} not, and should, ${this.#row(table, key)}`),
      ].map((sentence) => `at ${sqlInstant(now)} ${sentence}`);
    });
  }

  #row(table: string, key: string): string {
    const row = this.#rows.get(table)?.find((one) => one.key === key);
    if (row === undefined) return `an unknown row of ${table}: ${key}`;
    const tenant = row.tenant === null ? undefined : this.#tenants.get(row.tenant);
    const told = [
      `ends ${row.ends.map(sqlInstant).join(", ") || "not"}`,
      ...(tenant?.closedAt == null ? [] : [`its tenant was closed ${sqlInstant(tenant.closedAt)}`]),
      ...(row.anchor === undefined ? [] : [`recorded ${sqlInstant(row.anchor)} with windows ${windows(tenant)}`]),
    ];
    return `${table} ${key}: ${told.join("; ")}`;
  }

  #count(now: Micros): void {
    for (const row of this.#scene.rows) {
      const counts = this.tally.get(row.table);
      if (counts === undefined) throw new RangeError(`${row.table} is not in the schedule by hand`);
      counts[this.#due(row, now) ? "due" : "kept"] += 1;
      for (const end of row.ends) {
        const beside = Number(now - end);
        if (Math.abs(beside) <= 1) counts.edges[(beside + 1) as 0 | 1 | 2] += 1;
      }
    }
  }
}

/** Its time to be anonymised has come. */
const isStale = ({ anonymisedAt }: Row, now: Micros): boolean => anonymisedAt !== undefined && anonymisedAt <= now;

function windows(tenant: Tenant | undefined): string {
  const told = tenant?.settings.map(
    ({ months, effectiveAt, supersededAt }) =>
      `${months} months from ${sqlInstant(effectiveAt)}${supersededAt === null ? "" : ` to ${sqlInstant(supersededAt)}`}`,
  );
  return told?.join(", ") ?? "";
}

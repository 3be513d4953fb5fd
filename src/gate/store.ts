import type { Write } from "../limits/limiter.ts";
import { ELSEWHERE, type SpentRow } from "../limits/meter.ts";
import { packRuns } from "../limits/packed-runs.ts";
import { SCHEMA, SQL } from "./sql.ts";

export interface JournalRow {
  seq: number;
  instance_id: string;
  /** Whose token asked; null for a ping. */
  person_id: string | null;
  kind: string;
  bucket: number;
  expires_at: number;
  os_kind: string | null;
  os_name: string | null;
  os_version: string | null;
}

export interface ClientRow {
  instance_id: string;
  /** Null: a public client's, or one that was revoked. */
  secret_hash: ArrayBuffer | null;
  /** JSON of what it registered; null of one that was revoked. */
  facts: string | null;
  claimed: 0 | 1;
  revoked_at: number | null;
}

export interface FloorRow {
  subject: string;
  before_ms: number;
  reason: string;
  expires_at: number;
}

export interface KnownKeyRow {
  /** Hex of the key's SHA-256. */
  key: string;
  facts: string;
  calls_per_hour: number | null;
  expires_at: number;
}

/** What decides about an instance's next ping. */
export interface LastPing {
  bucket: number | null;
  spent: SpentRow[];
}

type FlushedRow = { instance_id: string; person_id: string | null; kind: string; bucket: number };
type JournaledRow = FlushedRow & { spent_at: number | null };
type StoredRow = {
  seq: number;
  opened_at: number;
  stamps: ArrayBuffer;
  reserved: number;
  lapses_at: number;
  expires_at: number;
};
type LastPingRow = { bucket: number | null; spent_at: number | null } & { [K in keyof StoredRow]: StoredRow[K] | null };

type Value = string | number | ArrayBuffer | null;

/** A gate's tables in its own SQLite. Migrates itself on waking: journals and windows survive deployments. */
export class GateStore {
  readonly #storage: DurableObjectStorage;
  readonly #sql: SqlStorage;
  readonly #meta = new Map<string, string | number>();
  /** The last bucket of everybody who has a row in the journal: as many entries as the journal has rows, at most. */
  readonly #unflushed = new Map<string, { bucket: number; spentAt: number | null }>();

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
    this.#sql = storage.sql;
    storage.transactionSync(() => this.#migrate());
    for (const { key, value } of this.#rows<{ key: string; value: string | number }>(SQL.allMeta)) {
      this.#meta.set(key, value);
    }
    for (const row of this.#rows<JournaledRow>(SQL.journaled)) {
      this.#note(row, row.spent_at);
    }
  }

  #migrate(): void {
    const fresh = this.#sql.exec("select 1 from sqlite_master where name = 'meta'").toArray().length === 0;
    const version = fresh ? 0 : Number(this.#sql.exec(SQL.version).one()["value"]);
    for (const step of SCHEMA.slice(version)) this.#sql.exec(step);
    if (version < SCHEMA.length) this.setMeta("schema", SCHEMA.length);
  }

  /** What is kept under a key of `meta`, or null: read once a waking. */
  meta(key: string): string | number | null {
    return this.#meta.get(key) ?? null;
  }

  setMeta(key: string, value: string | number): void {
    this.#sql.exec(SQL.setMeta, key, value);
    this.#meta.set(key, value);
  }

  dropMeta(key: string): void {
    this.#sql.exec(SQL.dropMeta, key);
    this.#meta.delete(key);
  }

  client(clientId: string, nowMs: number): ClientRow | null {
    return this.#rows<ClientRow & Record<string, Value>>(SQL.client, clientId, nowMs)[0] ?? null;
  }

  /** `heard`: the message's place in the outbox; an older one than was heard of this client changes nothing. */
  putClient(clientId: string, instanceId: string, secretHash: Uint8Array | null, facts: string, heard: number): void {
    this.#sql.exec(SQL.putClient, clientId, instanceId, bufferOrNull(secretHash), facts, heard);
  }

  revokeClient(clientId: string, instanceId: string, revokedAt: number, expiresAt: number | null): void {
    this.#sql.exec(SQL.revokeClient, clientId, instanceId, revokedAt, expiresAt);
  }

  adopt(clientId: string, instanceId: string, secretHash: Uint8Array | null, facts: string, expiresAt: number): void {
    this.#sql.exec(SQL.adopt, clientId, instanceId, bufferOrNull(secretHash), facts, expiresAt);
  }

  /** Says whether there was such an unclaimed client. */
  changeClient(clientId: string, secretHash: Uint8Array | null, facts: string, nowMs: number): boolean {
    return this.#rows(SQL.changeClient, bufferOrNull(secretHash), facts, clientId, nowMs).length > 0;
  }

  /** Unclaimed clients that have not expired. */
  unclaimed(nowMs: number): number {
    return this.#sql.exec<{ unclaimed: number }>(SQL.unclaimed, nowMs).one().unclaimed;
  }

  /** The gate to which a client was claimed, or null; one that has expired leads there until it is forgotten. */
  forwardOf(clientId: string): string | null {
    return this.#sql.exec<{ gate_id: string }>(SQL.forwardOf, clientId).toArray()[0]?.gate_id ?? null;
  }

  forward(clientId: string, gateId: string, expiresAt: number): void {
    this.#storage.transactionSync(() => {
      this.#sql.exec(SQL.forward, clientId, gateId, expiresAt);
      this.#sql.exec(SQL.dropClient, clientId);
    });
  }

  floors(): FloorRow[] {
    return this.#rows<FloorRow & Record<string, Value>>(SQL.floors);
  }

  putFloor(floor: FloorRow): void {
    this.#sql.exec(SQL.putFloor, floor.subject, floor.before_ms, floor.reason, floor.expires_at);
  }

  knownKeys(): KnownKeyRow[] {
    return this.#rows<KnownKeyRow & Record<string, Value>>(SQL.knownKeys);
  }

  putKnownKey({ key, facts, calls_per_hour, expires_at }: KnownKeyRow): void {
    this.#sql.exec(SQL.putKnownKey, key, facts, calls_per_hour, expires_at);
  }

  dropKnownKey(key: string): void {
    this.#sql.exec(SQL.dropKnownKey, key);
  }

  dropKnownKeys(): void {
    this.#sql.exec(SQL.dropKnownKeys);
  }

  /** An instance's last ping of a kind, and what was spent of the policy that limits them. */
  lastPing(instanceId: string, kind: string, policy: string): LastPing {
    const pending = this.#unflushed.get(journalKey({ instance_id: instanceId, person_id: null, kind }));
    const last: LastPing = { bucket: pending?.bucket ?? null, spent: [] };
    if (pending !== undefined && pending.spentAt !== null) last.spent.push(elsewhere(pending.spentAt));
    for (const row of this.#rows<LastPingRow>(SQL.lastPing, instanceId, kind, policy)) {
      if (row.seq !== null) {
        last.spent.push(spentRow(row as StoredRow));
        continue;
      }
      last.bucket ??= row.bucket;
      if (row.spent_at !== null) last.spent.push(elsewhere(row.spent_at));
    }
    return last;
  }

  /** The last bucket in which a person's token asked this on an instance, or null. */
  lastAsked(instanceId: string, personId: string, kind: string): number | null {
    const pending = this.#unflushed.get(journalKey({ instance_id: instanceId, person_id: personId, kind }));
    if (pending !== undefined) return pending.bucket;
    return this.#rows<{ bucket: number }>(SQL.lastAsked, instanceId, kind, personId)[0]?.bucket ?? null;
  }

  /** Journals a row. `spentAt` is the admission that it stands for beside, if it does. */
  append(row: Omit<JournalRow, "seq">, spentAt: number | null): void {
    const { instance_id, person_id, kind, bucket, expires_at, os_kind, os_name, os_version } = row;
    const values = [instance_id, person_id, kind, bucket, expires_at, os_kind, os_name, os_version, spentAt];
    this.#sql.exec(SQL.journal, ...values);
    this.#note(row, spentAt);
  }

  #note(row: FlushedRow, spentAt: number | null): void {
    const key = journalKey(row);
    this.#unflushed.set(key, { bucket: row.bucket, spentAt: spentAt ?? this.#unflushed.get(key)?.spentAt ?? null });
  }

  pending(): number {
    return this.#sql.exec<{ pending: number }>(SQL.pending).one().pending;
  }

  batch(limit: number): JournalRow[] {
    return this.#rows<JournalRow & Record<string, Value>>(SQL.batch, limit);
  }

  /**
   * Forgets the journal up to this row, and remembers its rows for their buckets. Rows come in at the end, and one flush
   * runs at a time: nothing else is lost.
   */
  flushed(seq: number): void {
    this.#storage.transactionSync(() => {
      this.#sql.exec(SQL.see, seq);
      for (const row of this.#rows<FlushedRow>(SQL.flushed, seq)) {
        const key = journalKey(row);
        if (this.#unflushed.get(key)?.bucket === row.bucket) this.#unflushed.delete(key);
      }
    });
  }

  /** What was spent of a policy. */
  spent(policy: string, subject: string): SpentRow[] {
    return this.#rows<StoredRow>(SQL.spent, policy, subject).map(spentRow);
  }

  spend({ policy, subject, row }: Write): void {
    const { seq, openedAt, stamps, reserved, lapsesAt, expiresAt } = row;
    if (row.replacesAll) this.#sql.exec(SQL.unspend, policy, subject);
    this.#sql.exec(SQL.spend, policy, subject, seq, openedAt, buffer(stamps), reserved, lapsesAt, expiresAt);
  }

  /** Keeps what was spent of a policy so much longer. */
  stretch(policy: string, longerMs: number): void {
    this.#sql.exec(SQL.stretch, longerMs, policy);
  }

  /** Drops what has outlived its purpose: passed windows, ended buckets, tombstones, forwards, floors, known keys. */
  forget(nowMs: number, oldestBuckets: Readonly<Record<string, number>>, longestWindowMs: number): void {
    this.#sql.exec(SQL.forgetSpent, nowMs);
    this.#sql.exec(SQL.forgetJournalSpent, nowMs - longestWindowMs);
    this.#sql.exec(SQL.forgetSeenSpent, nowMs - longestWindowMs);
    for (const [kind, oldest] of Object.entries(oldestBuckets)) this.#sql.exec(SQL.forgetSeen, kind, oldest);
    this.#sql.exec(SQL.forgetFloors, nowMs);
    this.#sql.exec(SQL.forgetClients, nowMs);
    this.#sql.exec(SQL.forgetForwards, nowMs);
    this.#sql.exec(SQL.forgetKnownKeys, nowMs);
  }

  #rows<T extends Record<string, Value>>(query: string, ...bindings: Value[]): T[] {
    return this.#sql.exec<T>(query, ...bindings).toArray();
  }
}

function buffer(bytes: Uint8Array): ArrayBuffer {
  return bytes.slice().buffer;
}

function bufferOrNull(bytes: Uint8Array | null): ArrayBuffer | null {
  return bytes === null ? null : buffer(bytes);
}

function spentRow(row: StoredRow): SpentRow {
  return {
    seq: row.seq,
    openedAt: row.opened_at,
    stamps: new Uint8Array(row.stamps),
    reserved: row.reserved,
    lapsesAt: row.lapses_at,
    expiresAt: row.expires_at,
  };
}

/** The admission for which a ping's own row stands. */
function elsewhere(spentAt: number): SpentRow {
  const stamps = packRuns([[spentAt, 1]], spentAt);
  return { seq: ELSEWHERE, openedAt: spentAt, stamps, reserved: 0, lapsesAt: 0, expiresAt: Number.MAX_SAFE_INTEGER };
}

function journalKey({ instance_id, person_id, kind }: Pick<FlushedRow, "instance_id" | "person_id" | "kind">): string {
  return `${kind} ${instance_id} ${person_id ?? ""}`;
}

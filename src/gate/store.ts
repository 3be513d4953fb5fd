import type { Write } from "../limits/limiter.ts";
import { ELSEWHERE, type SpentRow } from "../limits/meter.ts";
import { packRuns } from "../limits/packed-runs.ts";
import { SCHEMA, SQL } from "./sql.ts";

export interface JournalRow {
  seq: number;
  instance_id: string;
  kind: string;
  bucket: number;
  received_at: number;
  expires_at: number;
  os_kind: string | null;
  os_name: string | null;
  os_version: string | null;
}

export interface ClientRow {
  instance_id: string;
  secret_hash: ArrayBuffer;
  scope: string;
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

type FlushedRow = { instance_id: string; kind: string; bucket: number };
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
  /** The last bucket of every instance that has a ping in the journal: as many entries as the journal has rows, at most. */
  readonly #unflushed = new Map<string, { bucket: number; spentAt: number | null }>();

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
    this.#sql = storage.sql;
    storage.transactionSync(() => this.#migrate());
    for (const { key, value } of this.#rows<{ key: string; value: string | number }>(SQL.allMeta)) {
      this.#meta.set(key, value);
    }
    for (const row of this.#rows<JournaledRow>(SQL.journaled)) {
      this.#note(row.instance_id, row.kind, row.bucket, row.spent_at);
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

  client(clientId: string): ClientRow | null {
    return this.#rows<ClientRow & Record<string, Value>>(SQL.client, clientId)[0] ?? null;
  }

  putClient(clientId: string, instanceId: string, secretHash: Uint8Array, scope: string): void {
    this.#sql.exec(SQL.putClient, clientId, instanceId, buffer(secretHash), scope);
  }

  revokeClient(clientId: string, instanceId: string, revokedAt: number, expiresAt: number): void {
    this.#sql.exec(SQL.revokeClient, clientId, instanceId, revokedAt, expiresAt);
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
    const pending = this.#unflushed.get(pingKey(instanceId, kind));
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

  /** Journals a ping. `spentAt` is the admission that its row stands for beside, if it does. */
  append(row: Omit<JournalRow, "seq">, spentAt: number | null): void {
    const { instance_id, kind, bucket, received_at, expires_at, os_kind, os_name, os_version } = row;
    const values = [instance_id, kind, bucket, received_at, expires_at, os_kind, os_name, os_version, spentAt];
    this.#sql.exec(SQL.journal, ...values);
    this.#note(instance_id, kind, bucket, spentAt);
  }

  #note(instanceId: string, kind: string, bucket: number, spentAt: number | null): void {
    const key = pingKey(instanceId, kind);
    this.#unflushed.set(key, { bucket, spentAt: spentAt ?? this.#unflushed.get(key)?.spentAt ?? null });
  }

  pending(): number {
    return this.#sql.exec<{ pending: number }>(SQL.pending).one().pending;
  }

  batch(limit: number): JournalRow[] {
    return this.#rows<JournalRow & Record<string, Value>>(SQL.batch, limit);
  }

  /**
   * Forgets the journal up to this row, and remembers its pings for their buckets. Rows come in at the end, and one flush
   * runs at a time: nothing else is lost.
   */
  flushed(seq: number): void {
    this.#storage.transactionSync(() => {
      this.#sql.exec(SQL.see, seq);
      for (const { instance_id, kind, bucket } of this.#rows<FlushedRow>(SQL.flushed, seq)) {
        const key = pingKey(instance_id, kind);
        if (this.#unflushed.get(key)?.bucket === bucket) this.#unflushed.delete(key);
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

  /** Drops what has outlived its purpose: passed windows, ended buckets, tombstones, floors, known keys. */
  forget(nowMs: number, oldestBucket: number, longestWindowMs: number): void {
    this.#sql.exec(SQL.forgetSpent, nowMs);
    this.#sql.exec(SQL.forgetSeen, oldestBucket, nowMs - longestWindowMs);
    this.#sql.exec(SQL.forgetFloors, nowMs);
    this.#sql.exec(SQL.forgetClients, nowMs);
    this.#sql.exec(SQL.forgetKnownKeys, nowMs);
  }

  #rows<T extends Record<string, Value>>(query: string, ...bindings: Value[]): T[] {
    return this.#sql.exec<T>(query, ...bindings).toArray();
  }
}

function buffer(bytes: Uint8Array): ArrayBuffer {
  return bytes.slice().buffer;
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

function pingKey(instanceId: string, kind: string): string {
  return `${kind} ${instanceId}`;
}

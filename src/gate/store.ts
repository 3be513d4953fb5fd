import type { Spending, SpentChunk } from "../limits/limiter.ts";
import type { Policy } from "../limits/plans.ts";
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

type Value = string | number | ArrayBuffer | null;

/** A gate's tables in its own SQLite. Migrates itself on waking: journals and windows survive deployments. */
export class GateStore {
  readonly #sql: SqlStorage;
  #nth = 0;

  constructor(storage: DurableObjectStorage) {
    this.#sql = storage.sql;
    storage.transactionSync(() => this.#migrate());
  }

  #migrate(): void {
    const fresh = this.#sql.exec("select 1 from sqlite_master where name = 'meta'").toArray().length === 0;
    const version = fresh ? 0 : Number(this.#sql.exec(SQL.version).one()["value"]);
    for (const step of SCHEMA.slice(version)) this.#sql.exec(step);
    if (version < SCHEMA.length) this.setMeta("schema", SCHEMA.length);
  }

  meta(): Map<string, Value> {
    return new Map(this.#rows<{ key: string; value: Value }>(SQL.allMeta).map((row) => [row.key, row.value]));
  }

  setMeta(key: string, value: string | number): void {
    this.#sql.exec(SQL.setMeta, key, value);
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

  /**
   * Journals a ping unless its instance already pinged in this bucket; says whether it did. `spentAt` is the admission
   * that the row of the ping itself stands for, if it does.
   */
  record(row: Omit<JournalRow, "seq">, spentAt: number | null): boolean {
    const { instance_id, kind, bucket, received_at, expires_at, os_kind, os_name, os_version } = row;
    if (this.#sql.exec(SQL.seen, instance_id, kind, bucket, spentAt).rowsWritten === 0) return false;
    try {
      this.#sql.exec(SQL.journal, instance_id, kind, bucket, received_at, expires_at, os_kind, os_name, os_version);
    } catch (error) {
      // A ping that was noted as seen but not journaled would be lost with its repeats.
      this.#sql.exec(SQL.unsee, instance_id, kind);
      throw error;
    }
    return true;
  }

  pending(): number {
    return this.#sql.exec<{ pending: number }>(SQL.pending).one().pending;
  }

  batch(limit: number): JournalRow[] {
    return this.#rows<JournalRow & Record<string, Value>>(SQL.batch, limit);
  }

  /** Forgets the journal up to this row. Rows come in at the end, and one flush runs at a time: nothing else is lost. */
  flushed(seq: number): void {
    this.#sql.exec(SQL.flushed, seq);
  }

  /** What was spent of a policy, oldest first. */
  spent(policy: Policy, subject: string): SpentChunk[] {
    return this.#rows<{ opened_at: number; count: number }>(SQL.spent, policy.name, subject).map((row) => ({
      openedAt: row.opened_at,
      count: row.count,
    }));
  }

  /** The admission that an instance's last recorded ping of this kind stands for, if it does. */
  spentOnPing(instanceId: string, kind: string): SpentChunk[] {
    const rows = this.#rows<{ spent_at: number }>(SQL.spentOnPing, instanceId, kind);
    return rows.map((row) => ({ openedAt: row.spent_at, count: 1 }));
  }

  spend({ policy, subject, chunk }: Spending): void {
    const windowMs = policy.windowS * 1000;
    // A chunk of several may be used until its window has passed, and counts for another one after that.
    const expiresAt = chunk.openedAt + (chunk.count === 1 ? windowMs : 2 * windowMs);
    // Two chunks may open in one millisecond, also across a restart: the random start keeps their keys apart.
    if (this.#nth === 0) this.#nth = Math.floor(Math.random() * 2 ** 40);
    this.#nth += 1;
    this.#sql.exec(SQL.spend, policy.name, subject, chunk.openedAt, this.#nth, chunk.count, expiresAt);
  }

  /** Drops what has outlived its purpose: passed windows, ended buckets, tombstones, floors. */
  forget(nowMs: number, oldestBucket: number, longestWindowMs: number): void {
    this.#sql.exec(SQL.forgetSpent, nowMs);
    this.#sql.exec(SQL.forgetSeen, oldestBucket, nowMs - longestWindowMs);
    this.#sql.exec(SQL.forgetFloors, nowMs);
    this.#sql.exec(SQL.forgetClients, nowMs);
  }

  #rows<T extends Record<string, Value>>(query: string, ...bindings: Value[]): T[] {
    return this.#sql.exec<T>(query, ...bindings).toArray();
  }
}

function buffer(bytes: Uint8Array): ArrayBuffer {
  return bytes.slice().buffer;
}

import type { Id } from "../core/id.ts";

/** A row of the journal as it goes to Postgres. Times in ms since 1970, computed once by the gate and replayed as they are. */
export interface EventRow extends PingRow {
  /** Whose token asked; null for a ping. */
  personId: Id<"person"> | null;
}

/** A ping as it goes to Postgres. */
export interface PingRow {
  instanceId: Id<"instance">;
  kind: string;
  /** Of when it came, all that is told. */
  bucket: number;
  expiresAt: number;
  osKind: string | null;
  osName: string | null;
  osVersion: string | null;
}

export interface FlushCounts {
  recorded: number;
  repeated: number;
  expired: number;
  gone: number;
}

export interface FlushBatch {
  gateId: string;
  tenantId: Id<"tenant">;
  rows: readonly EventRow[];
  /** Rows that stay in the journal behind this batch; goes into the gate's heartbeat. */
  pending: number;
  /** Rows given up before this batch since the last heartbeat. */
  dead: number;
}

export interface DeadLetter {
  gateId: string;
  tenantId: Id<"tenant">;
  reason: string;
  body: string;
}

export interface StraightPing extends PingRow {
  tenantId: Id<"tenant">;
  issuedAtMs: number;
}

export type StraightOutcome = "recorded" | "repeated" | "gone" | "revoked" | "suspended" | "limited";

/**
 * Postgres as the role `ebb_ingest` sees it. Each method is one statement, so each is done or not done; when the
 * connection is lost the outcome is unknown, and repeating it stores nothing twice.
 */
export interface Ingest {
  flush(batch: FlushBatch): Promise<FlushCounts>;
  bury(letter: DeadLetter): Promise<void>;
  straightPing(ping: StraightPing): Promise<StraightOutcome>;
}

/** Thrown by an `Ingest` for rows that Postgres will never take; anything else is worth trying again. */
export class DataError extends Error {
  override readonly name = "DataError";
  readonly sqlState: string;

  constructor(sqlState: string) {
    super(sqlState);
    this.sqlState = sqlState;
  }
}

import { Pool } from "@neondatabase/serverless";
import { sql } from "drizzle-orm";
import type { BatchItem, BatchResponse } from "drizzle-orm/batch";
import { drizzle as drizzleHttp, type NeonHttpDatabase } from "drizzle-orm/neon-http";
import { drizzle as drizzleSocket, type NeonDatabase } from "drizzle-orm/neon-serverless";
import { toHex } from "../core/bytes.ts";
import { type Id, idFromUuid, uuidFromId } from "../core/id.ts";
import { effectivePermissions, type Role } from "../core/permission.ts";
import { Problem } from "../core/problem.ts";
import { httpDriver, httpSql, PATIENCE_MS, type Sql } from "./connect.ts";
import { databaseProblem, leavesOutcomeUnknown } from "./failure.ts";
import { ROLE_COULD_BYPASS } from "./role-check.ts";

/** Who entered a tenant, as the database resolved it from the credential's hash. */
export interface Entered {
  actorKind: "api-key" | "personal-access-token" | "registration-key" | "person";
  /** A uuid, of a credential, a registration key or a person. */
  actorId: string;
  /** Who asks, or whose token or key it is; null for what is nobody's in particular. */
  personId: Id<"person"> | null;
  actorTenantId: Id<"tenant">;
  /** The gate that counts what the actor does. */
  actorGateId: string;
  tenantId: Id<"tenant">;
  gateId: string;
  workspaceId: Id<"workspace"> | null;
  /** What the person is in the tenant; null of a credential that is nobody's. */
  role: Role | "none" | null;
  /** What may be done now: never more than the role allows. */
  permissions: string[];
  /** The tenant is closed: only its owner is still let in, to undo that. */
  closed: boolean;
  /** The tenant's data may be read; false where an operator gave no reason. */
  opened: boolean;
}

/**
 * Whose transaction it is: the SHA-256 of a secret, the tenant to enter (its own when null), and why, where an operator
 * of the platform opens another's data: the tenant's audit says so.
 */
export interface Entry {
  credentialHash: Uint8Array;
  target: Id<"tenant"> | null;
  reason?: string | null;
  requestId?: string;
}

export type Reader = NeonHttpDatabase;
export type Writer = NeonDatabase;
type Queries = readonly BatchItem<"pg">[];

/** Seconds to wait after Postgres could not be reached. */
const RETRY_AFTER_S = 5;

interface EnteredRow extends Record<string, unknown> {
  actor_kind: Entered["actorKind"];
  actor_id: string;
  actor_tenant: string;
  actor_gate: string;
  tenant_id: string;
  gate_id: string;
  workspace_id: string | null;
  permissions: string[] | null;
  person_id: string | null;
  role: Role | "none" | null;
  closed: boolean;
  opened: boolean;
}

/** Postgres as `ebb_app`: every transaction enters a tenant first, and sees nothing else. */
export class AppDatabase {
  readonly #url: string;
  readonly #patienceMs: number;
  readonly #sql: Sql;
  readonly #reader: Reader;
  #roleIsSafe = false;

  /** No statement of an interactive transaction is awaited longer than `patienceMs`. */
  constructor(url: string, patienceMs = PATIENCE_MS) {
    this.#url = url;
    this.#patienceMs = patienceMs;
    this.#sql = httpSql(url);
    this.#reader = drizzleHttp(httpDriver(url), { casing: "snake_case" });
  }

  /**
   * One statement before any tenant is entered: a look-up by the hash of a secret, each by a function of its own (design,
   * idea 3). Not preceded by the role's check: what such a function answers follows from no policy. Throws Problems.
   */
  async lookUp(text: string, params: unknown[]): Promise<Record<string, unknown>[]> {
    try {
      return await this.#sql.query(text, params);
    } catch (error) {
      throw databaseProblem(error, RETRY_AFTER_S);
    }
  }

  /** Reads in one transaction and one round trip: enter, then all the queries. Throws Problems. */
  async read<Q extends Queries>(
    entry: Entry,
    queries: (db: Reader) => Q,
  ): Promise<{ entered: Entered; results: BatchResponse<Q> }> {
    try {
      await this.#refuseUnsafeRole();
      const enter = this.#reader.execute<EnteredRow>(enterSql(entry));
      const [rows, ...results] = await this.#reader.batch([enter, ...queries(this.#reader)]);
      return {
        entered: enteredOf((rows as { rows: EnteredRow[] }).rows),
        results: results as unknown as BatchResponse<Q>,
      };
    } catch (error) {
      throw databaseProblem(error, RETRY_AFTER_S);
    }
  }

  /**
   * One statement as nobody, in a transaction of its own: for the functions that come before any tenant is entered, or
   * that resolve a person from a credential's hash themselves. Throws Problems.
   */
  async ask(text: string, params: unknown[]): Promise<Record<string, unknown>[]> {
    try {
      await this.#refuseUnsafeRole();
      return await this.#sql.query(text, params);
    } catch (error) {
      throw databaseProblem(error, RETRY_AFTER_S);
    }
  }

  /**
   * Runs `fn` in an interactive transaction over a WebSocket, after entering. Committed when `fn` returns, rolled back
   * when it throws or when Postgres does not answer in time. Throws the Problem `outcome-unknown` when the connection is
   * lost, or the answer does not come, in the commit itself.
   */
  async write<T>(entry: Entry, fn: (tx: Writer, entered: Entered) => Promise<T>): Promise<T> {
    let committing = false;
    // One pool a request: a Worker's sockets belong to the request that opened them.
    const pool = new Pool({
      connectionString: this.#url,
      max: 1,
      connectionTimeoutMillis: 5_000,
      query_timeout: this.#patienceMs,
    });
    pool.on("error", () => undefined);
    try {
      await this.#refuseUnsafeRole();
      const client = await pool.connect();
      // A connection that ends while it is lent tells its client, not its pool; the query in flight fails besides.
      client.on("error", () => undefined);
      let broken = true;
      try {
        const tx = drizzleSocket(client, { casing: "snake_case" });
        await client.query("begin");
        const { rows } = await tx.execute<EnteredRow>(enterSql(entry));
        const result = await fn(tx, enteredOf(rows));
        committing = true;
        const { command } = await client.query("commit");
        // Postgres answers a COMMIT after a failed statement with ROLLBACK, and no error.
        if (command !== "COMMIT") throw new Error("a statement had failed, so nothing was committed");
        broken = false;
        return result;
      } finally {
        // Closing the connection rolls back whatever was not committed.
        client.release(broken);
      }
    } catch (error) {
      if (committing && leavesOutcomeUnknown(error)) {
        throw new Problem("outcome-unknown", { retryAfterS: RETRY_AFTER_S, cause: error });
      }
      throw databaseProblem(error, RETRY_AFTER_S);
    } finally {
      await pool.end().catch(() => undefined);
    }
  }

  /** Records that a credential was refused, before anybody entered; nothing for a hash that is nobody's. */
  async noteRefusal(hash: Uint8Array, reason: string, place: string | null, requestId: string): Promise<void> {
    await this.#refuseUnsafeRole();
    const credential = `\\x${toHex(hash)}`;
    await this.#sql.query("select ebb.note_refusal($1, $2, $3, $4)", [credential, reason, place, requestId]);
  }

  /** Asked once, when the connection is first used; a role that could bypass policies serves nothing. */
  async #refuseUnsafeRole(): Promise<void> {
    if (this.#roleIsSafe) return;
    const [answer] = await this.#sql.query(ROLE_COULD_BYPASS, []);
    if (answer?.["could_bypass"] !== false) {
      throw new Problem("unavailable", {
        retryAfterS: 60,
        cause: new Error("DATABASE_URL_APP names a role that could bypass policies"),
      });
    }
    this.#roleIsSafe = true;
  }
}

function enterSql({ credentialHash, target, reason = null, requestId = "" }: Entry) {
  const uuid = target === null ? null : uuidFromId("tenant", target);
  return sql`select * from ebb.enter(${`\\x${toHex(credentialHash)}`}::bytea, ${uuid}::uuid, ${reason}, ${requestId})`;
}

function enteredOf(rows: EnteredRow[]): Entered {
  const [row] = rows;
  if (row === undefined) throw new Problem("unauthenticated");
  return {
    actorKind: row.actor_kind,
    actorId: row.actor_id,
    actorTenantId: idFromUuid("tenant", row.actor_tenant),
    actorGateId: row.actor_gate,
    tenantId: idFromUuid("tenant", row.tenant_id),
    gateId: row.gate_id,
    workspaceId: row.workspace_id === null ? null : idFromUuid("workspace", row.workspace_id),
    role: row.role,
    permissions: effectivePermissions(row.permissions, row.role),
    personId: row.person_id === null ? null : idFromUuid("person", row.person_id),
    closed: row.closed,
    opened: row.opened,
  };
}

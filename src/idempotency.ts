import { and, eq, sql } from "drizzle-orm";
import { equalConstantTime } from "./core/bytes.ts";
import { Problem } from "./core/problem.ts";
import { SECRET_PATTERN } from "./core/secret-pattern.ts";
import type { Entered, Writer } from "./db/app-database.ts";
import { idempotencyRecords } from "./db/schema.ts";

/** What a caller names a request by, so that its repeat changes nothing more (draft-ietf-httpapi-idempotency-key-header). */
export interface Idempotency {
  key: string;
  /** Method and path of the route. */
  route: string;
  /** SHA-256 of everything that the request says. */
  requestHash: Uint8Array;
  /** Set when the answer is that of an earlier request. */
  replayed: boolean;
  /** Of two at once the later waits for the earlier, for callers that could make nothing of a refusal. */
  waits?: true;
}

/**
 * Finds what an earlier request with this key returned, in the transaction that is to change something; undefined for
 * the first one. Of two at once one goes on, or the other waits for it. Throws `idempotency-key-in-use`, and
 * `idempotency-key-reused` for another
 * request's key. Kept for 24 hours, for this caller and tenant alone.
 */
export async function earlierResult(
  tx: Writer,
  { tenantId, actorId }: Entered,
  idempotency: Idempotency,
): Promise<{ result: unknown } | undefined> {
  const { key, route, requestHash } = idempotency;
  const name = `idempotency ${tenantId} ${actorId} ${key}`;
  const { rows } = await tx.execute<{ alone: boolean }>(
    idempotency.waits
      ? sql`select true as alone from pg_advisory_xact_lock(hashtextextended(${name}, 0))`
      : sql`select pg_try_advisory_xact_lock(hashtextextended(${name}, 0)) as alone`,
  );
  if (rows[0]?.alone !== true) throw new Problem("idempotency-key-in-use");
  const [earlier] = await tx
    .select()
    .from(idempotencyRecords)
    .where(
      and(
        eq(idempotencyRecords.tenantId, tenantId),
        eq(idempotencyRecords.actorId, actorId),
        eq(idempotencyRecords.key, key),
      ),
    );
  if (earlier === undefined) return undefined;
  if (earlier.route !== route || !equalConstantTime(earlier.requestHash, requestHash)) {
    throw new Problem("idempotency-key-reused");
  }
  idempotency.replayed = true;
  return { result: earlier.result };
}

const SECRET = new RegExp(SECRET_PATTERN);

/**
 * Keeps what the change returned, but for its secrets, which come back as null. Throws a TypeError, and so undoes the
 * change, for a result with a key or token in it that the verb has not named as a secret.
 */
export async function keepResult(
  tx: Writer,
  { tenantId, actorId }: Entered,
  idempotency: Idempotency,
  result: unknown,
  secrets: readonly string[],
  nowMs: number,
): Promise<void> {
  const { key, route, requestHash } = idempotency;
  const withheld = secrets.length === 0 ? result : { ...(result as object), ...nulls(secrets) };
  if (SECRET.test(JSON.stringify(withheld) ?? "")) throw new TypeError(`${route} would keep a secret`);
  await tx
    .insert(idempotencyRecords)
    .values({ tenantId, actorId, key, route, requestHash, result: withheld, recordedAt: nowMs });
}

function nulls(names: readonly string[]): Record<string, null> {
  return Object.fromEntries(names.map((name) => [name, null]));
}

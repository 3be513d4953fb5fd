import { and, desc, eq } from "drizzle-orm";
import type { Id } from "../core/id.ts";
import { Problem } from "../core/problem.ts";
import { instances, pings } from "../db/schema.ts";
import { type Context, read } from "../verb.ts";

export interface Ping {
  kind: "alive";
  /** Start of the bucket, when it will be forgotten: ms since 1970. */
  bucket: number;
  expiresAt: number;
  osKind: string | null;
  osName: string | null;
  osVersion: string | null;
}

/** What is kept of an instance's alive pings, newest first: at most 30, one a day. Throws `not-found`. */
export async function listPings(context: Context, instanceId: Id<"instance">): Promise<Ping[]> {
  const [known, rows] = await read(context, "pings:read", (db) => [
    db.select({ id: instances.id }).from(instances).where(eq(instances.id, instanceId)),
    db
      .select({
        bucket: pings.bucket,
        expiresAt: pings.expiresAt,
        osKind: pings.osKind,
        osName: pings.osName,
        osVersion: pings.osVersion,
      })
      .from(pings)
      .where(and(eq(pings.instanceId, instanceId), eq(pings.kind, "alive")))
      .orderBy(desc(pings.bucket)),
  ]);
  if (known.length === 0) throw new Problem("not-found");
  return rows.map((row) => ({ kind: "alive", ...row }));
}

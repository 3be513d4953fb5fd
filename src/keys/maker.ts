import { sql } from "drizzle-orm";
import type { Writer } from "../db/app-database.ts";
import { instantFromSql } from "../db/columns.ts";
import type { Restrictions } from "./restrictions.ts";

/** What binds whoever makes a key, and so what they make. */
export interface Bounds extends Restrictions {
  /** ms since 1970; Infinity for no end. */
  end: number;
}

interface ActingKeyRow extends Record<string, unknown> {
  valid_until: string | Date | null;
  allowed_networks: string[] | null;
  allowed_origins: string[] | null;
  calls_per_hour: number | null;
}

/** The bounds of the key or token that entered, also one from a tenant above; a person in person has none. */
export async function boundsOfMaker(tx: Writer): Promise<Bounds> {
  const { rows } = await tx.execute<ActingKeyRow>(sql`select * from ebb.acting_key()`);
  const [row] = rows;
  return {
    end: row?.valid_until == null ? Number.POSITIVE_INFINITY : instantFromSql(row.valid_until),
    allowedNetworks: row?.allowed_networks ?? null,
    allowedOrigins: row?.allowed_origins ?? null,
    callsPerHour: row?.calls_per_hour ?? null,
  };
}

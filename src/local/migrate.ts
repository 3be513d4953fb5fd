import { join } from "node:path";
import { sql } from "drizzle-orm";
import { migrate } from "drizzle-orm/neon-serverless/migrator";
import { systemClock } from "../core/clock.ts";
import { silentLogger } from "../core/log.ts";
import { httpSql } from "../db/connect.ts";
import { createPartitions } from "../jobs/create-partitions.ts";
import { asOwner } from "./owner-connection.ts";

export const WORKER_ROLES = ["app", "ingest", "purge", "jobs"] as const;
export type WorkerRole = (typeof WORKER_ROLES)[number];

/** Applies the migrations of drizzle/ that this database has not had, all in one transaction. */
export async function applyMigrations(ownerUrl: string): Promise<void> {
  await asOwner(ownerUrl, async (db) => {
    // Two deployments at once: the second waits, then finds nothing left to do.
    await db.execute(sql`select pg_advisory_lock(hashtext('ebb.migrations'))`);
    await db.execute(sql`set client_min_messages = warning`);
    await migrate(db, { migrationsFolder: join(import.meta.dirname, "../../drizzle") });
  });
}

/** Gives these login roles their passwords, and returns the connection strings that carry them. */
export async function setRolePasswords(
  ownerUrl: string,
  passwords: Partial<Record<WorkerRole, string>>,
): Promise<Partial<Record<WorkerRole, string>>> {
  const urls: Partial<Record<WorkerRole, string>> = {};
  await asOwner(ownerUrl, async (db) => {
    for (const [role, password] of Object.entries(passwords) as [WorkerRole, string][]) {
      // ALTER ROLE takes no parameters, so the literal is built here, of what base64url can hold and nothing else.
      if (!/^[A-Za-z0-9_-]{32,}$/.test(password)) throw new RangeError("a role's password must be base64url");
      await db.execute(sql.raw(`alter role ebb_${role} password '${password}'`));
      urls[role] = urlFor(ownerUrl, `ebb_${role}`, password);
    }
  });
  return urls;
}

/** The same database as another role. */
export function urlFor(url: string, user: string, password: string): string {
  const other = new URL(url);
  other.username = user;
  other.password = password;
  return other.toString();
}

/** Makes the partitions that are due, so that the first ping finds its place. */
export async function makePartitions(jobsUrl: string): Promise<void> {
  await createPartitions({ jobs: httpSql(jobsUrl), clock: systemClock, logger: silentLogger });
}

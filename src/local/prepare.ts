import { sql } from "drizzle-orm";
import { useLocalEndpoint } from "../db/connect.ts";
import { applyMigrations, makePartitions, setRolePasswords, urlFor, WORKER_ROLES, type WorkerRole } from "./migrate.ts";
import { asOwner } from "./owner-connection.ts";
import type { LocalSecrets } from "./secrets.ts";

export type DatabaseUrls = Record<"owner" | WorkerRole, string>;

export interface PrepareInput {
  superuserUrl: string;
  neon: { httpUrl: string; wsProxy: string };
  secrets: LocalSecrets;
  database: string;
}

/**
 * Makes the database what the migrations say, whatever was there: owner, database, tables, passwords, partitions. The
 * owner is what Neon's is: no superuser, but able to make roles and exempt from row-level security.
 */
export async function prepareDatabase({
  superuserUrl,
  neon,
  secrets,
  database,
}: PrepareInput): Promise<{ urls: DatabaseUrls }> {
  useLocalEndpoint(neon.httpUrl);
  const { ebb_owner: ownerPassword } = secrets.passwords;
  if (!/^[A-Za-z0-9_-]+$/.test(ownerPassword) || !/^[a-z0-9_]+$/.test(database)) throw new RangeError("unsafe literal");
  await asOwner(superuserUrl, async (db) => {
    const roles = await db.execute(sql`select from pg_roles where rolname = 'ebb_owner'`);
    const verb = roles.rows.length === 0 ? "create" : "alter";
    await db.execute(sql.raw(`${verb} role ebb_owner login createrole bypassrls password '${ownerPassword}'`));
    const databases = await db.execute(sql`select from pg_database where datname = ${database}`);
    if (databases.rows.length === 0) await db.execute(sql.raw(`create database ${database} owner ebb_owner`));
  });
  const here = new URL(superuserUrl);
  here.pathname = `/${database}`;
  const owner = urlFor(here.toString(), "ebb_owner", ownerPassword);
  await applyMigrations(owner);
  const passwords = Object.fromEntries(WORKER_ROLES.map((role) => [role, secrets.passwords[`ebb_${role}`]]));
  const urls = { owner, ...(await setRolePasswords(owner, passwords)) } as DatabaseUrls;
  await makePartitions(urls.jobs);
  return { urls };
}

import { Pool, type PoolClient } from "@neondatabase/serverless";
import { inject, onTestFinished } from "vitest";
import { hashSecret } from "../access/secret.ts";
import { toHex } from "../core/bytes.ts";
import { instantToSql } from "../db/columns.ts";
import { httpSql, type Sql, useLocalEndpoint } from "../db/connect.ts";
import { type MadeTenant, makeOwnersKey, makeRegistrationKey, makeTenant, type NewTenant } from "../local/bootstrap.ts";
import { asOwner, type OwnerDatabase } from "../local/owner-connection.ts";
import { type TestTenant, testRoutingKeys } from "./world.ts";

type Login = "owner" | "app" | "ingest" | "purge" | "jobs" | "superuser";

/** A database whose clock a test may move and whose rows it may purge: nobody else's. */
export interface ScratchDatabase {
  url(login: Login): string;
  /** Statements as this role over the Neon driver's HTTP, each a transaction of its own. */
  as(login: Login): Sql;
  /** One session as this role over the Neon driver's WebSocket; closed whatever happens. */
  session<T>(login: Login, fn: (client: PoolClient) => Promise<T>): Promise<T>;
  /** As the database's owner, whom no policy binds. */
  owner<T>(fn: (db: OwnerDatabase) => Promise<T>): Promise<T>;
  /** Stops the database's clock at this instant; an ISO text may have microseconds. `null` lets it run again. */
  stopClock(at: number | string | null): Promise<void>;
  tenant(wanted?: Partial<NewTenant>): Promise<TestTenant>;
  drop(): Promise<void>;
}

async function control(method: string, body: object): Promise<Record<string, string>> {
  const { url, header, token } = inject("database").control;
  const response = await fetch(`${url}/database`, { method, headers: { [header]: token }, body: JSON.stringify(body) });
  if (!response.ok) throw new Error(`control answered ${response.status}`);
  return (await response.json()) as Record<string, string>;
}

/** Clones the migrated database, with its partitions, its stoppable clock and no rows. */
export async function scratchDatabase(): Promise<ScratchDatabase> {
  const { urls, superuserUrl, neonEndpoint } = inject("database");
  useLocalEndpoint(neonEndpoint);
  const { database = "" } = await control("POST", { template: "ebb_template" });
  const url = (login: Login): string => {
    const here = new URL(login === "superuser" ? superuserUrl : urls[login]);
    here.pathname = `/${database}`;
    return here.toString();
  };
  // A clone has neither the owner nor the privileges of the database itself.
  const prepare = [
    `alter database ${database} owner to ebb_owner`,
    `revoke temporary on database ${database} from public`,
  ];
  for (const statement of prepare) await httpSql(url("superuser")).query(statement);
  const owner = <T>(fn: (db: OwnerDatabase) => Promise<T>) => asOwner(url("owner"), fn);
  return {
    url,
    as: (login) => httpSql(url(login)),
    session: (login, fn) => session(url(login), fn),
    owner,
    stopClock: async (at) => {
      const stoppedAt = typeof at === "number" ? instantToSql(at) : at;
      await httpSql(url("superuser")).query("update ebb_test.clock set stopped_at = $1", [stoppedAt]);
    },
    tenant: (wanted = {}) => owner((db) => makeTestTenant(db, wanted)),
    drop: async () => void (await control("DELETE", { database })),
  };
}

/** A scratch database for one test, dropped when the test ends. */
export async function scratchForTest(): Promise<ScratchDatabase> {
  const scratch = await scratchDatabase();
  onTestFinished(() => scratch.drop());
  return scratch;
}

async function makeTestTenant(db: OwnerDatabase, wanted: Partial<NewTenant>): Promise<TestTenant> {
  const routingKeys = await testRoutingKeys();
  const nowMs = Date.now();
  const made: MadeTenant = await makeTenant(
    db,
    { kind: "direct", name: "Test", parent: null, plan: "enterprise", ...wanted },
    nowMs,
  );
  return {
    ...made,
    registrationKey: await makeRegistrationKey(db, { tenant: made, routingKeys, nowMs }),
    apiKey: await makeOwnersKey(db, { tenant: made, name: "test", routingKeys, nowMs }),
  };
}

/** One session over the driver's WebSocket as the role of this URL. */
export async function session<T>(url: string, fn: (client: PoolClient) => Promise<T>): Promise<T> {
  const pool = new Pool({ connectionString: url, max: 1 });
  pool.on("error", () => undefined);
  try {
    const client = await pool.connect();
    client.on("error", () => undefined);
    try {
      return await fn(client);
    } finally {
      client.release(true);
    }
  } finally {
    await pool.end();
  }
}

/** The hash of a secret as Postgres reads a bytea: what `ebb.enter` is given. */
export async function hashOf(secret: string): Promise<string> {
  return `\\x${toHex(await hashSecret(secret))}`;
}

/** The SQLSTATE with which a statement is refused, or `null` where it is not. Anything but an error of Postgres is thrown. */
export async function refusal(statement: Promise<unknown>): Promise<string | null> {
  try {
    await statement;
    return null;
  } catch (error) {
    const { code } = error as { code?: unknown };
    if (typeof code === "string") return code;
    throw error;
  }
}

import { createHash, randomBytes } from "node:crypto";
import { Client } from "pg";
import { httpDriver, useLocalEndpoint } from "../../db/connect.ts";
import type { BenchContext } from "../bench.ts";
import { startBenchDatabase } from "../database.ts";
import { number } from "../table.ts";

export const TENANTS = 10_000;
export const ROWS = 1_000_000;
/** Tenants that are read, so far apart that none shares a page with the next. */
const READ = 200;

export interface ReadTenant {
  id: string;
  /** SHA-256 of its API key, as Postgres reads a bytea. */
  credential: string;
  /** Some of its rows. */
  instances: string[];
}

export interface IsolationStage {
  tenants: ReadTenant[];
  /** As the Worker: every row through the policies. */
  policies: Client;
  /** A role that bypasses row-level security, on the very same rows, pages and indexes. */
  plain: Client;
  /** The same two as the Worker asks them: one HTTP request, in which a transaction enters its tenant and reads. */
  served: Record<"policies" | "plain", Served>;
}

/** Enters with this credential and reads, in one transaction and one request. */
export type Served = (credential: string, text: string, values: unknown[]) => Promise<unknown>;

/** The product's schema with 10,000 tenants below one platform and a million instances, a hundred each. */
export async function startIsolationStage(context: BenchContext): Promise<IsolationStage> {
  const { undo, say, signal } = context;
  say(`Writing ${number(ROWS)} instances of ${number(TENANTS)} tenants …`);
  const database = await startBenchDatabase(context);
  const filler = await connected(`${database.superuserUrl()}`);
  undo(() => filler.end());
  // Bulk rows, past the triggers that nothing here waits for.
  await filler.query("set session_replication_role = replica");
  for (const statement of FILL) {
    signal.throwIfAborted();
    await filler.query(statement);
  }
  const { rows } = await filler.query<{ id: string; instances: string[] }>(
    `select t.id, array(select i.id from instances i where i.tenant_id = t.id order by i.id limit 20) as instances
       from tenants t where t.kind = 'direct' order by t.id limit ${READ}`,
  );
  const tenants: ReadTenant[] = [];
  for (const { id, instances } of rows) {
    const credential = `\\x${createHash("sha256").update(randomBytes(32)).digest("hex")}`;
    await filler.query(
      `insert into credentials (id, tenant_id, kind, name, secret_hash, permissions, created_at)
       values (gen_random_uuid(), $1, 'api-key', 'bench', $2, '{instances:read}', now())`,
      [id, credential],
    );
    tenants.push({ id, credential, instances });
  }
  const password = randomBytes(16).toString("hex");
  await filler.query(`create role ebb_bench_plain login bypassrls password '${password}'`);
  await filler.query("grant usage on schema public to ebb_bench_plain");
  await filler.query("grant select on instances to ebb_bench_plain");
  await filler.query("grant usage on schema ebb to ebb_bench_plain");
  await filler.query("grant execute on function ebb.enter(bytea, uuid, text, text) to ebb_bench_plain");
  for (const table of ["instances", "tenants", "credentials"]) await filler.query(`vacuum analyze ${table}`);
  const as = (user: string, secret: string) => {
    const url = new URL(database.superuserUrl());
    url.username = user;
    url.password = secret;
    return url.toString();
  };
  const open = async (url: string) => {
    const client = await connected(url);
    undo(() => client.end());
    return client;
  };
  const app = new URL(database.urls.app);
  const [ours, plain] = [
    as(decodeURIComponent(app.username), decodeURIComponent(app.password)),
    as("ebb_bench_plain", password),
  ];
  useLocalEndpoint(database.neon.httpUrl);
  return {
    tenants,
    policies: await open(ours),
    plain: await open(plain),
    served: { policies: servedBy(ours), plain: servedBy(plain) },
  };
}

function servedBy(url: string): Served {
  const sql = httpDriver(url);
  return (credential, text, values) =>
    sql.transaction([
      sql.query("select * from ebb.enter($1::bytea, $2::uuid)", [credential, null]),
      sql.query(text, values),
    ]);
}

const FILL = [
  `insert into tenants (id, path, kind, name, status, home_region, gate_id, created_at, expires_at)
   select id, array[id], 'platform', 'platform', 'active', 'any', 'gate-0', now(), 'infinity'
     from (select gen_random_uuid() as id) as p`,
  `insert into tenants (id, parent_id, path, kind, name, status, home_region, gate_id, created_at, expires_at)
   select made.id, p.id, array[p.id, made.id], 'direct', 'tenant ' || n, 'active', 'any', 'gate-' || n, now(), 'infinity'
     from generate_series(1, ${TENANTS}) as n, lateral (select n as number, gen_random_uuid() as id) as made, tenants p
    where p.kind = 'platform'`,
  // In the order of arrival: a tenant's rows lie apart, as they would.
  `insert into instances (id, tenant_id, workspace_id, client_id, scope, grant_types, registered_at, expires_at)
   select uuidv7(), t.ids[n % ${TENANTS} + 1], gen_random_uuid(), 'ebbc_' || n, 'profile:read', '{client_credentials}', now(), 'infinity'
     from generate_series(1, ${ROWS}) as n, (select array_agg(id order by id) as ids from tenants where kind = 'direct') as t`,
];

async function connected(url: string): Promise<Client> {
  const client = new Client(url);
  // A server that stops takes its sessions along.
  client.on("error", () => undefined);
  await client.connect();
  return client;
}

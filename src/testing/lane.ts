import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sql } from "drizzle-orm";
import { startNeonEndpoint } from "../local/neon-endpoint.ts";
import { startOpenIdProvider } from "../local/openid-provider.ts";
import { asOwner } from "../local/owner-connection.ts";
import { startPostgres } from "../local/postgres.ts";
import { prepareDatabase } from "../local/prepare.ts";
import { makeLocalSecrets } from "../local/secrets.ts";
import { workerBindings } from "../local/worker-bindings.ts";
import { type ContractDocuments, contractDocuments } from "./contract/files.ts";
import { startForgingProvider } from "./forging-provider.ts";

/** What a test file is given with `inject`. */
export interface Provided {
  /** Bindings of the Worker under test that are known only when the tests start. */
  workerBindings: Record<string, string>;
  /** The throw-away database: migrated, with a clock that tests can set, and nothing in it. */
  database: {
    urls: Record<"owner" | "app" | "ingest" | "purge" | "jobs", string>;
    superuserUrl: string;
    neonEndpoint: string;
    control: { url: string; header: string; token: string };
  };
  /** OIDC_PROVIDERS of a Worker on this machine: the certified one `local`, and `forger`, which says what a test wants. */
  providers: { local: string; forger: string; binding: string };
  /** The published documents, which workerd reads from no disk; null in a clone that has none beside it. */
  contract: ContractDocuments | null;
}

declare module "vitest" {
  interface ProvidedContext extends Provided {}
}

export interface Lane {
  provided: Provided;
  stop(): Promise<void>;
}

/**
 * The clock of the test database, in place of `ebb.clock()`: shifted by what the one row says, or stopped where it says.
 * Owned by a superuser, so that no role under test can read or move it.
 */
const TEST_CLOCK = `
create schema ebb_test;
create table ebb_test.clock (shift interval not null, stopped_at timestamptz);
insert into ebb_test.clock values (interval '0', null);
create function ebb_test.now() returns timestamptz language sql stable parallel safe security definer set search_path = ''
  return (select coalesce(stopped_at, pg_catalog.now() + shift) from ebb_test.clock);
grant usage on schema ebb_test to public;
create or replace function ebb.clock() returns timestamptz language sql stable parallel safe return ebb_test.now();
`;

/** The name of a copy that nobody connects to: a database can be cloned only while it has no sessions. */
const TEMPLATE = "ebb_template";

async function makeTemplate(superuserUrl: string): Promise<void> {
  await asOwner(superuserUrl, async (db) => {
    await db.execute(sql`select pg_terminate_backend(pid) from pg_stat_activity where datname = 'ebb'`);
    await db.execute(sql.raw(`create database ${TEMPLATE} template ebb owner ebb_owner allow_connections false`));
  });
}

/**
 * All that one test file at a time has for itself: a PostgreSQL with its roles and databases, in a folder that goes with
 * it, and the endpoint at which faults are injected. Nothing of the machine's is used.
 */
export async function makeLane(): Promise<Lane> {
  const folder = await mkdtemp(join(tmpdir(), "ebb-test-"));
  // As root the server runs as another user, who must be able to come in.
  await chmod(folder, 0o711);
  const postgres = await startPostgres({
    dataDir: join(folder, "postgres"),
    logFile: join(folder, "postgres.log"),
    throwaway: true,
  });
  const secrets = await makeLocalSecrets();
  const neon = await startNeonEndpoint({
    postgresPort: postgres.port,
    control: { superuserUrl: postgres.superuserUrl() },
  });
  const { urls } = await prepareDatabase({ superuserUrl: postgres.superuserUrl(), neon, secrets, database: "ebb" });
  const superuserUrl = postgres.superuserUrl("ebb");
  await asOwner(superuserUrl, (db) => db.execute(sql.raw(TEST_CLOCK)));
  await makeTemplate(postgres.superuserUrl());
  if (neon.control === null) throw new Error("the test endpoint has no control");
  const openId = await startOpenIdProvider({ redirectUris: ["http://127.0.0.1:8787/login/callback/local"] });
  const forger = await startForgingProvider();
  const forging = { id: "forger", name: "Forger", issuer: forger.issuer, client_id: "ebb", client_secret: "secret" };
  return {
    provided: {
      database: { urls, superuserUrl, neonEndpoint: neon.httpUrl, control: neon.control },
      workerBindings: workerBindings(urls, secrets, neon, "https://ebb.test"),
      providers: {
        local: openId.issuer,
        forger: forger.issuer,
        binding: JSON.stringify([openId.binding, { ...forging, trusts_email: true }, { ...forging, id: "untrusted" }]),
      },
      contract: contractDocuments(),
    },
    stop: async () => {
      await openId.stop();
      await forger.stop();
      await neon.stop();
      await postgres.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

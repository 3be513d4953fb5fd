import { Pool } from "pg";

/** As many different connection strings as are kept; the one unused longest is closed first. */
const POOLS = 32;
/** Sessions of one pool. PostgreSQL is started with 200 in all. */
const SESSIONS = 20;
const IDLE_MS = 10_000;

export interface Pools {
  /**
   * The pool for exactly the user, password and database of a connection string; its host and port are ignored, there is
   * only one server here. Throws a RangeError for a malformed string.
   */
  get(connectionString: string): Pool;
  end(): Promise<void>;
}

export function connectionPools(postgresPort: number): Pools {
  const pools = new Map<string, Pool>();
  return {
    get: (connectionString) => {
      const pool = pools.get(connectionString) ?? open(connectionString, postgresPort);
      // A Map keeps the order of insertion: inserted again, this one is the latest.
      pools.delete(connectionString);
      pools.set(connectionString, pool);
      for (const [oldest, unused] of pools) {
        if (pools.size <= POOLS) break;
        pools.delete(oldest);
        void unused.end();
      }
      return pool;
    },
    end: async () => {
      await Promise.all([...pools.values()].map((pool) => pool.end()));
      pools.clear();
    },
  };
}

function open(connectionString: string, port: number): Pool {
  if (!/^postgres(ql)?:\/\//.test(connectionString) || !URL.canParse(connectionString)) {
    throw new RangeError("the header neon-connection-string is not a connection string");
  }
  const url = new URL(connectionString);
  const pool = new Pool({
    host: "127.0.0.1",
    port,
    user: decodeURIComponent(url.username),
    password: decodeURIComponent(url.password),
    database: decodeURIComponent(url.pathname.slice(1)),
    application_name: url.searchParams.get("application_name") ?? "neon-http",
    max: SESSIONS,
    idleTimeoutMillis: IDLE_MS,
    connectionTimeoutMillis: 10_000,
  });
  // An idle session that the server closes is not news: the next query opens another.
  pool.on("error", () => undefined);
  // Nor is one that ends in the middle of a query, which fails by itself.
  pool.on("connect", (client) => client.on("error", () => undefined));
  return pool;
}

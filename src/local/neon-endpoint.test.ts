import { rmSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { neon, neonConfig, Pool } from "@neondatabase/serverless";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type NeonEndpoint, startNeonEndpoint } from "./neon-endpoint.ts";
import { type LocalPostgres, startPostgres } from "./postgres.ts";

const dataDir = join(tmpdir(), `ebb-neon-test-${process.pid}`);
const logFile = `${dataDir}.log`;
let postgres: LocalPostgres;
let endpoint: NeonEndpoint;
let url = "";
let sql: ReturnType<typeof neon<false, false>>;

beforeAll(async () => {
  postgres = await startPostgres({ dataDir, logFile, throwaway: true });
  url = postgres.superuserUrl();
  endpoint = await startNeonEndpoint({ postgresPort: postgres.port, control: { superuserUrl: url } });
  neonConfig.fetchEndpoint = endpoint.httpUrl;
  neonConfig.wsProxy = endpoint.wsProxy;
  neonConfig.useSecureWebSocket = false;
  neonConfig.pipelineConnect = false;
  sql = neon(url);
  await sql`create table t (id int primary key, note text)`;
});
afterAll(async () => {
  await endpoint.stop();
  await postgres.stop();
  rmSync(logFile, { force: true });
});
beforeEach(async () => {
  endpoint.setFault(null);
  await sql`truncate t`;
});

const ids = async () => (await sql`select id from t order by id`).map((row) => row["id"]);

describe("values make the way there and back over HTTP", () => {
  it("bytea, arrays, null, json, numbers, times", async () => {
    const bytes = Buffer.from([0, 1, 92, 255]);
    const at = new Date("2024-02-29T12:00:00.123Z");
    const [row] =
      await sql`select ${bytes}::bytea as bytes, ${["a", 'b"c', null]}::text[] as list, ${null}::text as none,
      ${{ a: [1, "ü"] }}::jsonb as json, ${12}::int as int, ${"9007199254740993"}::bigint as big, ${true}::bool as bool,
      ${at}::timestamptz as at, ${""}::text as empty`;
    expect(row).toEqual({
      bytes,
      list: ["a", 'b"c', null],
      none: null,
      json: { a: [1, "ü"] },
      int: 12,
      big: "9007199254740993",
      bool: true,
      at,
      empty: "",
    });
  });

  it("unnest of arrays, array mode, full results", async () => {
    const insert = "insert into t select * from unnest($1::int[], $2::text[])";
    const done = await sql.query(
      insert,
      [
        [1, 2, 3],
        ["x", null, "z"],
      ],
      { fullResults: true },
    );
    expect(done).toMatchObject({ command: "INSERT", rowCount: 3, rows: [] });
    const rows = await sql.query("select id, note from t order by id", [], { arrayMode: true });
    expect(rows).toEqual([
      [1, "x"],
      [2, null],
      [3, "z"],
    ]);
  });
});

describe("over HTTP", () => {
  it("a batch is one transaction", async () => {
    const both = await sql.transaction([
      sql`insert into t values (1)`,
      sql`select txid_current() as tx`,
      sql`select txid_current() as tx`,
    ]);
    expect(both[1]).toEqual(both[2]);
    await expect(sql.transaction([sql`insert into t values (2)`, sql`insert into t values (1)`])).rejects.toMatchObject(
      { code: "23505" },
    );
    expect(await ids()).toEqual([1]);
  });

  it("a batch has the isolation and the access mode that the driver asks for", async () => {
    const show = [sql`show transaction_isolation`, sql`show transaction_read_only`, sql`show transaction_deferrable`];
    const options = { isolationLevel: "Serializable", readOnly: true, deferrable: true } as const;
    expect((await sql.transaction(show, options)).flat()).toEqual([
      { transaction_isolation: "serializable" },
      { transaction_read_only: "on" },
      { transaction_deferrable: "on" },
    ]);
    await expect(sql.transaction([sql`insert into t values (1)`], { readOnly: true })).rejects.toMatchObject({
      code: "25006",
    });
  });

  it("an error has Postgres's fields", async () => {
    await sql`insert into t values (1)`;
    await expect(sql`insert into t values (1)`).rejects.toMatchObject({
      name: "NeonDbError",
      message: 'duplicate key value violates unique constraint "t_pkey"',
      severity: "ERROR",
      code: "23505",
      detail: "Key (id)=(1) already exists.",
      schema: "public",
      table: "t",
      constraint: "t_pkey",
    });
    await expect(sql`selec 1`).rejects.toMatchObject({ code: "42601", position: "1" });
    await expect(sql.query("select 1; select 2")).rejects.toMatchObject({ code: "42601" });
    await expect(sql.query("insert into t (note) values ('x')")).rejects.toMatchObject({ code: "23502", column: "id" });
  });

  it("connects as exactly the user of the connection string", async () => {
    await sql`create role guest login password 'p@ss/word'`;
    const as = new URL(url);
    as.username = "guest";
    as.password = encodeURIComponent("p@ss/word");
    expect(await neon(as.href)`select current_user::text as who`).toEqual([{ who: "guest" }]);
    await expect(neon(as.href)`select * from t`).rejects.toMatchObject({ code: "42501" });
    as.password = "wrong";
    await expect(neon(as.href)`select 1`).rejects.toMatchObject({ code: "28P01" });
  });

  it("leaves no setting to the next request", async () => {
    await Promise.all(Array.from({ length: 40 }, () => sql`select set_config('ebb.tenant', 'other', false)`));
    const seen = await Promise.all(
      Array.from({ length: 40 }, () => sql`select coalesce(current_setting('ebb.tenant', true), '') as seen`),
    );
    expect(new Set(seen.flat().map((row) => row["seen"]))).toEqual(new Set([""]));
  });
});

describe("over a WebSocket", () => {
  it("an interactive transaction commits and rolls back", async () => {
    const pool = new Pool({ connectionString: url });
    const client = await pool.connect();
    await client.query("begin");
    await client.query("insert into t values ($1, $2)", [1, "x".repeat(300_000)]);
    await client.query("commit");
    await client.query("begin");
    await client.query("insert into t values (2)");
    await client.query("rollback");
    const { rows } = await client.query<{ id: number; length: number }>("select id, length(note) from t");
    client.release();
    await pool.end();
    expect(rows).toEqual([{ id: 1, length: 300_000 }]);
  });

  it("errors and bytes come through", async () => {
    const pool = new Pool({ connectionString: url });
    await expect(pool.query("select 1/$1::int", [0])).rejects.toMatchObject({ code: "22012" });
    const bytes = Buffer.alloc(100_000, 7);
    const { rows } = await pool.query<{ bytes: Buffer }>("select $1::bytea as bytes", [bytes]);
    expect(rows[0]?.bytes.equals(bytes)).toBe(true);
    await pool.end();
  });
});

it("statements are counted: each query of a request, each message on a WebSocket", async () => {
  endpoint.resetStatements();
  await sql`select 1`;
  await sql.transaction([sql`select 1`, sql`select 2`]);
  expect(endpoint.statements()).toBe(3);
  const pool = new Pool({ connectionString: url });
  await pool.query("select 1");
  await pool.query("select $1::int", [1]);
  await pool.end();
  expect(endpoint.statements()).toBe(5);
});

it("a trace tells who sent each statement, in their order, over either way", async () => {
  const { url: control, header, token } = endpoint.control as NonNullable<NeonEndpoint["control"]>;
  const trace = async (method: string) => {
    const headers = { [header]: token, "content-type": "application/json" };
    return await (await fetch(`${control}/trace`, { method, headers, body: "{}" })).json();
  };
  await sql`select 'before'`;
  await trace("POST");
  await sql`select ${1}::int`;
  const pool = new Pool({ connectionString: url });
  await pool.query("select $1::int", [2]);
  await pool.end();
  const role = new URL(url).username;
  expect(await trace("DELETE")).toEqual({
    trace: [
      { role, sql: "select $1::int", params: ["1"] },
      { role, sql: "select $1::int", params: [] },
    ],
  });
  expect(await trace("DELETE")).toEqual({ trace: [] });
});

describe("faults", () => {
  const insert = {
    http: (id: number) => sql`insert into t values (${id})`,
    batch: (id: number) => sql.transaction([sql`insert into t values (${id})`]),
    socket: async (id: number) => {
      const pool = new Pool({ connectionString: url });
      pool.on("error", () => undefined);
      const client = await pool.connect();
      client.on("error", () => undefined);
      try {
        await client.query("begin");
        await client.query("insert into t values ($1)", [id]);
        await client.query("commit");
      } finally {
        client.release(true);
        await pool.end();
      }
    },
  };
  for (const way of ["http", "batch", "socket"] as const) {
    it(`over ${way}: refuse runs nothing, error-mid keeps nothing, drop-after-commit keeps all; then it works`, async () => {
      endpoint.setFault({ kind: "refuse", times: 1 });
      await expect(insert[way](1)).rejects.toThrow();
      expect(await ids()).toEqual([]);
      endpoint.setFault({ kind: "error-mid", times: 1 });
      await expect(insert[way](1)).rejects.toThrow();
      expect(await ids()).toEqual([]);
      endpoint.setFault({ kind: "drop-after-commit", times: 1 });
      await expect(insert[way](1)).rejects.toThrow();
      expect(await ids()).toEqual([1]);
      await insert[way](2);
      expect(await ids()).toEqual([1, 2]);
    });
  }

  it("one that names a parameter passes by every request without it", async () => {
    endpoint.setFault({ kind: "error-mid", times: 1, param: "3" });
    await insert.http(1);
    await insert.socket(2);
    await expect(insert.http(3)).rejects.toThrow();
    await insert.http(3);
    expect(await ids()).toEqual([1, 2, 3]);
  });
});

describe("who may ask", () => {
  const body = JSON.stringify({ query: "select 1 as one", params: [] });
  /** fetch would not let a test set Host or Origin. */
  const post = async (path: string, headers: Record<string, string>, content = body) => {
    const call = request({ host: "127.0.0.1", port: endpoint.port, path, method: "POST", headers });
    return await new Promise<{ status: number | undefined; body: string }>((resolve, reject) => {
      call.on("response", (response) => {
        text(response).then((read) => resolve({ status: response.statusCode, body: read }), reject);
      });
      call.on("error", reject).end(content);
    });
  };

  it("not a web page of another site, nor one under another name for this address", async () => {
    const headers = { "neon-connection-string": url };
    expect(await post("/sql", headers)).toMatchObject({ status: 200 });
    expect(await post("/sql", { ...headers, origin: "http://localhost:8787" })).toMatchObject({ status: 200 });
    expect(await post("/sql", { ...headers, origin: "https://example.com" })).toMatchObject({ status: 403 });
    expect(await post("/sql", { ...headers, origin: "null" })).toMatchObject({ status: 403 });
    expect(await post("/sql", { ...headers, host: "example.com" })).toMatchObject({ status: 403 });
  });

  it("malformed requests are 400", async () => {
    const headers = { "neon-connection-string": url };
    expect(await post("/sql", headers, "{")).toMatchObject({ status: 400 });
    expect(await post("/sql", headers, "{}")).toMatchObject({ status: 400 });
    expect(await post("/sql", { "neon-connection-string": "nonsense" })).toMatchObject({ status: 400 });
  });

  it("control calls need the token", async () => {
    const { header = "", token = "" } = endpoint.control ?? {};
    expect(await post("/control/database", {}, '{"template":"postgres"}')).toMatchObject({ status: 404 });
    const made = await post("/control/database", { [header]: token }, '{"template":"template1"}');
    expect(made.status).toBe(200);
    const { database } = JSON.parse(made.body) as { database: string };
    expect(await neon(postgres.superuserUrl(database))`select current_database()::text as name`).toEqual([
      { name: database },
    ]);
    expect(await post("/control/database", { [header]: token }, '{"template":"x; drop"}')).toMatchObject({
      status: 400,
    });
    expect(await post("/control/fault", { [header]: token }, '{"kind":"refuse","times":1}')).toMatchObject({
      status: 200,
    });
    await expect(sql`select 1`).rejects.toThrow();
  });
});

import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { chmod } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Client } from "pg";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { isAlive, untilGone } from "./os-process.ts";
import { type LocalPostgres, startPostgres } from "./postgres.ts";

const POSTGRES_MODULE = join(import.meta.dirname, "postgres.ts");

let folder = "";
let said: string[] = [];
const dataDir = () => join(folder, "postgres");

beforeEach(async () => {
  said = [];
  folder = mkdtempSync(join(tmpdir(), "ebb-postgres-test-"));
  // PostgreSQL's account has to get through when root runs the tests.
  await chmod(folder, 0o711);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function start(): Promise<LocalPostgres> {
  return await startPostgres({ dataDir: dataDir(), logFile: join(folder, "log"), say: (line) => said.push(line) });
}

async function ask(postgres: LocalPostgres, sql: string): Promise<unknown> {
  const client = new Client(postgres.superuserUrl());
  await client.connect();
  try {
    return Object.values((await client.query<Record<string, unknown>>(sql)).rows[0] ?? {})[0];
  } finally {
    await client.end();
  }
}

/** Makes the data folder, with a table in it, and stops the server. */
async function madeBefore(): Promise<void> {
  const postgres = await start();
  await ask(postgres, "create table kept as select 42 as answer");
  await postgres.stop();
}

/** Starts PostgreSQL from another process, which is then killed with all its means to clean up. */
async function killedRun(): Promise<number> {
  const script = `
    const { startPostgres } = await import(${JSON.stringify(POSTGRES_MODULE)});
    const postgres = await startPostgres({ dataDir: ${JSON.stringify(dataDir())}, logFile: ${JSON.stringify(join(folder, "log"))} });
    console.log("ready");
    await postgres.exited;`;
  const runner = spawn(process.execPath, ["--input-type=module", "-e", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(createInterface(runner.stdout), "line");
  const server = Number(readFileSync(join(dataDir(), "postmaster.pid"), "utf8").split("\n")[0]);
  runner.kill("SIGKILL");
  await once(runner, "close");
  return server;
}

describe("a data folder", { timeout: 60_000 }, () => {
  it("is made on the first start and keeps data and port over a restart", async () => {
    const first = await start();
    expect(await ask(first, "show server_version_num")).toMatch(/^18/);
    expect(
      await ask(
        first,
        "select current_setting('timezone') || ' ' || pg_encoding_to_char(encoding) || ' ' || datcollate from pg_database where datname = 'postgres'",
      ),
    ).toBe("UTC UTF8 C");
    await ask(first, "create table kept as select 42 as answer");
    await first.stop();
    const second = await start();
    expect(await ask(second, "select answer from kept")).toBe(42);
    expect(second.port).toBe(first.port);
    expect(await ask(second, "show fsync")).toBe("on");
    await second.stop();
    expect(existsSync(join(dataDir(), "postmaster.pid"))).toBe(false);
  });

  it("refuses a wrong password", async () => {
    const postgres = await start();
    const client = new Client(`postgres://postgres:wrong@127.0.0.1:${postgres.port}/postgres`);
    await expect(client.connect()).rejects.toMatchObject({ code: "28P01" });
    await postgres.stop();
  });

  it("ends its server when the runner is killed", async () => {
    await madeBefore();
    const server = await killedRun();
    expect(await untilGone(server, 10_000)).toBe(true);
    const postgres = await start();
    expect(await ask(postgres, "select answer from kept")).toBe(42);
    await postgres.stop();
  });

  it("is taken over from a server that still runs", async () => {
    const server = await start();
    await ask(server, "create table kept as select 42 as answer");
    const pid = Number(readFileSync(join(dataDir(), "postmaster.pid"), "utf8").split("\n")[0]);
    const second = await start();
    expect(isAlive(pid)).toBe(false);
    expect(said.join()).toContain("Stopped the PostgreSQL");
    await server.exited;
    expect(await ask(second, "select answer from kept")).toBe(42);
    await second.stop();
  });

  it("is not blocked by a pid that now names another program, which survives", async () => {
    await madeBefore();
    const other = spawn("/bin/sh", ["-c", "read -r _"], { stdio: ["pipe", "ignore", "ignore"] });
    writeFileSync(
      join(dataDir(), "postmaster.pid"),
      `${other.pid}\n${dataDir()}\n1\n5432\n\n127.0.0.1\n  1 1\nready\n`,
    );
    const postgres = await start();
    expect(await ask(postgres, "select answer from kept")).toBe(42);
    await postgres.stop();
    expect(isAlive(other.pid ?? 0)).toBe(true);
    other.stdin.end();
    await once(other, "close");
  });

  it("is not blocked by an empty lock file", async () => {
    await madeBefore();
    writeFileSync(join(dataDir(), "postmaster.pid"), "");
    const postgres = await start();
    await postgres.stop();
  });

  it("whose server cannot start fails with one sentence that names the log", async () => {
    await madeBefore();
    const config = join(dataDir(), "postgresql.conf");
    const whole = readFileSync(config, "utf8");
    writeFileSync(config, `${whole}\nnonsense = = 1\n`);
    await expect(start()).rejects.toThrow(/^PostgreSQL did not start \(.*\): see .*log\.$/);
    truncateSync(config, whole.length);
    const postgres = await start();
    await postgres.stop();
  });

  it("left half-made is kept aside, and the drafts of a killed first start are removed", async () => {
    await madeBefore();
    rmSync(join(dataDir(), "global/pg_control"));
    mkdirSync(join(folder, "postgres.draft-1/data"), { recursive: true });
    const postgres = await start();
    expect(await ask(postgres, "select to_regclass('kept') is null")).toBe(true);
    await postgres.stop();
    expect(said.join()).toContain("was incomplete");
    const names = readdirSync(folder);
    expect(names.filter((name) => name.startsWith("postgres.draft"))).toEqual([]);
    expect(names.filter((name) => name.startsWith("postgres.incomplete"))).toHaveLength(1);
  });

  it("is not left half-made when the first start is interrupted", async () => {
    const interrupt = new AbortController();
    const started = startPostgres({
      dataDir: dataDir(),
      logFile: join(folder, "log"),
      signal: interrupt.signal,
      say: () => interrupt.abort(),
    });
    await expect(started).rejects.toThrow();
    expect(readdirSync(folder).filter((name) => /^postgres($|\.draft)/.test(name))).toEqual([]);
  });
});

it("a throw-away database does not wait for the disk and leaves nothing", { timeout: 60_000 }, async () => {
  const away = join(folder, "away");
  const postgres = await startPostgres({ dataDir: away, logFile: join(folder, "log"), throwaway: true });
  expect(await ask(postgres, "show fsync")).toBe("off");
  await postgres.stop();
  expect(existsSync(away)).toBe(false);
});

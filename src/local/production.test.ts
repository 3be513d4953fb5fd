import { sql } from "drizzle-orm";
import { beforeEach, expect, inject, test } from "vitest";
import { loadRoutingKeys, openRoutingId } from "../access/routing-id.ts";
import { loadTokenKeys } from "../access/token-keys.ts";
import { httpSql } from "../db/connect.ts";
import { databaseUrls } from "../testing/world.ts";
import { asOwner } from "./owner-connection.ts";
import { prepareProduction } from "./production.ts";

// Databases of this file's own, empty at first. Their roles are the whole cluster's, so only one test makes a password
// anew, and puts the old one back.
const NAMES = ["DATABASE_URL_APP", "DATABASE_URL_INGEST", "DATABASE_URL_PURGE", "DATABASE_URL_JOBS"];

let ownerUrl = "";
const said: string[] = [];

beforeEach(async ({ onTestFinished }) => {
  databaseUrls();
  said.length = 0;
  const { superuserUrl } = inject("database");
  const database = `ebb_production_${crypto.randomUUID().slice(0, 8)}`;
  const server = new URL(superuserUrl);
  server.pathname = "/postgres";
  const run = (statement: string) => asOwner(server.toString(), (db) => db.execute(sql.raw(statement)));
  await run(`create database ${database} owner ebb_owner`);
  onTestFinished(async () => void (await run(`drop database ${database} with (force)`)));
  const here = new URL(databaseUrls().owner);
  here.pathname = `/${database}`;
  ownerUrl = here.toString();
});

const prepare = (stored: string[]) =>
  prepareProduction({
    ownerUrl,
    publicUrl: "https://ebb.example",
    firstOperator: "ada@ebb.example",
    providers: null,
    mailFrom: "ebb@ebb.example",
    stored,
    log: (line) => said.push(line),
  });

const rows = (text: string) =>
  asOwner(ownerUrl, async (db) => (await db.$client.query<Record<string, unknown>>(text)).rows);

test("an empty database gets its tables, its partitions, a platform and a key; a second run makes nothing anew", async () => {
  const first = await prepare(NAMES);
  expect(Object.keys(first.secrets).sort()).toEqual([
    ...["FIRST_OPERATOR", "MAIL_FROM", "PUBLIC_URL", "ROUTING_HMAC_KEYS", "SEALING_KEYS", "TOKEN_SIGNING_KEYS"],
  ]);
  expect(first.secrets["PUBLIC_URL"]).toBe("https://ebb.example");
  await loadTokenKeys(first.secrets["TOKEN_SIGNING_KEYS"] as string);
  const routing = await loadRoutingKeys(first.secrets["ROUTING_HMAC_KEYS"] as string);
  const [platform, ...others] = await rows("select kind, gate_id from tenants");
  expect(others).toEqual([]);
  expect(platform?.["kind"]).toBe("platform");
  expect(await openRoutingId("api-key", first.operatorKey as string, routing)).toBe(platform?.["gate_id"]);
  expect(await rows("select name from credentials")).toEqual([{ name: "operator" }]);
  expect(await rows("select count(*)::int as n from pg_inherits i where inhparent = 'pings'::regclass")).toEqual([
    { n: expect.toSatisfy((n: number) => n > 30) },
  ]);

  const again = await prepare([...NAMES, "ROUTING_HMAC_KEYS", "SEALING_KEYS", "TOKEN_SIGNING_KEYS", "PUBLIC_URL"]);
  expect(again).toEqual({
    secrets: { PUBLIC_URL: "https://ebb.example", FIRST_OPERATOR: "ada@ebb.example", MAIL_FROM: "ebb@ebb.example" },
    operatorKey: null,
  });
  expect(await rows("select count(*)::int as n from credentials")).toEqual([{ n: 1 }]);
});

test("lost routing keys are made anew, with an operator's key that works with them, and the same platform", async () => {
  await prepare(NAMES);
  const [before] = await rows("select id from tenants");
  const { secrets, operatorKey } = await prepare([...NAMES, "TOKEN_SIGNING_KEYS", "SEALING_KEYS"]);
  expect(Object.keys(secrets).sort()).toEqual(["FIRST_OPERATOR", "MAIL_FROM", "PUBLIC_URL", "ROUTING_HMAC_KEYS"]);
  const routing = await loadRoutingKeys(secrets["ROUTING_HMAC_KEYS"] as string);
  expect(await openRoutingId("api-key", operatorKey as string, routing)).not.toBeNull();
  expect(await rows("select id from tenants")).toEqual([before]);
  expect(said.join("\n")).toContain("is refused from now on");
});

test("a role whose URL is not stored gets a new password, and its URL works", async ({ onTestFinished }) => {
  const old = new URL(databaseUrls().jobs).password;
  onTestFinished(async () => void (await rows(`alter role ebb_jobs password '${old}'`)));
  const { secrets } = await prepare(NAMES.filter((name) => name !== "DATABASE_URL_JOBS"));
  const url = secrets["DATABASE_URL_JOBS"] as string;
  expect(new URL(url).password).not.toBe(old);
  expect(await httpSql(url).query("select current_user::text as role")).toEqual([{ role: "ebb_jobs" }]);
  expect(Object.keys(secrets)).not.toContain("DATABASE_URL_APP");
});

test("another deployment's database is refused before anything is changed in it", async () => {
  await expect(prepare([...NAMES, "ROUTING_HMAC_KEYS", "TOKEN_SIGNING_KEYS"])).rejects.toThrow("without a platform");
  expect(await rows("select nspname::text from pg_namespace where nspname = 'ebb'")).toEqual([]);
});

test("a clock that is not the database's own is refused", async () => {
  await prepare(NAMES);
  await rows(
    "create or replace function ebb.clock() returns timestamptz language sql stable return now() + interval '1 day'",
  );
  await expect(prepare(NAMES)).rejects.toThrow(/^ebb\.clock\(\) is not what every promise about time rests on/);
});

test("a worker's role that could get round the policies is refused", async () => {
  await prepare(NAMES);
  const superuser = new URL(inject("database").superuserUrl);
  superuser.pathname = new URL(ownerUrl).pathname;
  await asOwner(superuser.toString(), (db) => db.execute(sql`alter table people owner to ebb_app`));
  await expect(prepare(NAMES)).rejects.toThrow("ebb_app owns table public.people.");
});

test("an owner without the rights of Neon's is refused", async () => {
  const weak = new URL(databaseUrls().app);
  weak.pathname = new URL(ownerUrl).pathname;
  ownerUrl = weak.toString();
  await expect(prepare(NAMES)).rejects.toThrow("needs CREATEROLE and BYPASSRLS");
});

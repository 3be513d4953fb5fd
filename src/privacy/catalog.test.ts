import { Pool } from "@neondatabase/serverless";
import { afterAll, beforeAll, expect, test } from "vitest";
import { migratedFunctions } from "../local/migrated-functions.ts";
import { type ScratchDatabase, scratchDatabase } from "../testing/scratch-database.ts";
import { type CatalogExpectation, catalogDifferences, PRODUCTION } from "./catalog.ts";

/** The test database's clock can be moved; all else of it is what a deployment has. */
const EXPECTED: CatalogExpectation = {
  clock: "RETURN ebb_test.now()",
  moreSchemas: ["ebb_test"],
  functions: migratedFunctions(),
};

let scratch: ScratchDatabase;
let pool: Pool;
beforeAll(async () => {
  scratch = await scratchDatabase();
  pool = new Pool({ connectionString: scratch.url("superuser"), max: 1 });
});
afterAll(async () => {
  await pool.end();
  await scratch.drop();
});

/** What the comparison says after these statements, which are then undone. */
async function differencesAfter(statements: readonly string[], expected = EXPECTED): Promise<string[]> {
  const client = await pool.connect();
  try {
    await client.query("begin");
    for (const statement of statements) await client.query(statement);
    return await catalogDifferences(async (text, params) => (await client.query(text, params)).rows, expected);
  } finally {
    await client.query("rollback");
    client.release();
  }
}

test("a migrated database is what the inventory declares, and stays so after the comparison", async () => {
  expect(await differencesAfter([])).toEqual([]);
  const twice = await scratch.session("owner", async (client) => {
    const query = async (text: string, params?: unknown[]) => (await client.query(text, params)).rows;
    await client.query("begin");
    const first = await catalogDifferences(query, EXPECTED);
    return [...first, ...(await catalogDifferences(query, EXPECTED))];
  });
  expect(twice).toEqual([]);
});

test("the test database's clock is not production's", async () => {
  expect(await differencesAfter([], { ...PRODUCTION, moreSchemas: ["ebb_test"] })).toEqual([
    "ebb.clock() is not what every promise about time rests on: it says RETURN ebb_test.now(), not RETURN now().",
  ]);
});

/** The oldest partition of pings, whatever its name is today. */
const onPartition = (statement: string) =>
  `do $$ begin execute format('${statement}', (select min(inhrelid::regclass::text) from pg_inherits where inhparent = 'public.pings'::regclass)); end $$`;
const PARTITION = String.raw`public\.pings_\d{4}_\d\d_\d\d`;

/** The function as it is, but for this. */
const onFunction = (name: string, from: string, to: string) =>
  `do $$ begin execute (select replace(pg_get_functiondef('${name}'::regprocedure), '${from}', '${to}')); end $$`;

/**
 * What is said of each: the one place that lists them. Beside these, where code and not a database is changed: an
 * undeclared column does not compile (declared-type.test.ts); a schedule other than the one promised
 * (schedule-table.test.ts), a database made from another (`npm run check`: generated); an undeclared key or table of a
 * Durable Object (workers/tenant-gate.test.ts).
 */
const MUTATIONS: [name: string, statements: string[], sentence: RegExp][] = [
  [
    "an undeclared column",
    ["alter table public.pings add column host_name text"],
    /^public\.pings\.host_name is not declared\.$/,
  ],
  [
    "a column renamed",
    ["alter table public.profiles rename column language to tongue"],
    /^public\.profiles\.language is declared but does not exist\.$/,
  ],
  ["an undeclared table", ["create table public.notes (text text)"], /^public\.notes is not declared\.$/],
  [
    "an undeclared view",
    ["create view public.everything as select * from public.pings"],
    /^public\.everything is not declared\.$/,
  ],
  ["a table elsewhere", ["create schema side", "create table side.copy ()"], /^side\.copy is in no schema for data\.$/],
  ["a dropped table", ["drop table public.dead_letters"], /^public\.dead_letters is declared but does not exist\.$/],
  [
    "an expiry that may be null",
    ["alter table public.outbox alter expires_at drop not null"],
    /^public\.outbox\.expires_at may be null\.$/,
  ],
  [
    "another owner",
    ["alter table public.people owner to ebb_app"],
    /^public\.people belongs to ebb_app, not to ebb_owner\.$/,
  ],
  [
    "a default partition",
    ["create table public.pings_rest partition of public.pings default"],
    /^public\.pings_rest is a default partition: nothing would forget its rows\.$/,
  ],
  [
    "row-level security disabled",
    ["alter table public.people disable row level security"],
    /^public\.people has row-level security disabled\.$/,
  ],
  [
    "row-level security not forced",
    ["alter table public.people no force row level security"],
    /^public\.people does not force row-level security on its owner\.$/,
  ],
  [
    "row-level security not forced on a partition",
    [onPartition("alter table %s no force row level security")],
    new RegExp(`^${PARTITION} does not force row-level security on its owner\\.$`),
  ],
  [
    "a dropped policy",
    ["drop policy people_ebb_app_select on public.people"],
    /^The policy people_ebb_app_select on public\.people is declared but does not exist\.$/,
  ],
  [
    "a widened policy",
    ["alter policy pings_ebb_app_select on public.pings using (tenant_id = (select ebb.tenant()))"],
    /^The policy pings_ebb_app_select on public\.pings is not what is declared: .*declared is: .*expires_at > .*$/,
  ],
  [
    "a policy for another role",
    ["alter policy pings_ebb_app_select on public.pings to ebb_app, ebb_jobs"],
    /^The policy pings_ebb_app_select on public\.pings is not what is declared: for select to ebb_app, ebb_jobs, /,
  ],
  [
    "one policy more",
    ["create policy more on public.pings for select to ebb_app using (true)"],
    /^The policy more on public\.pings is not declared\.$/,
  ],
  [
    "a policy on a partition",
    [onPartition("create policy more on %s using (true)")],
    new RegExp(`^The policy more on ${PARTITION} is not declared\\.$`),
  ],
  [
    "a grant too many",
    ["grant delete on public.pings to ebb_app"],
    /^ebb_app may delete on public\.pings, which is not declared\.$/,
  ],
  [
    "a grant of a column too many",
    ["grant select (secret_hash) on public.credentials to ebb_app"],
    /^ebb_app may select \(secret_hash\) on public\.credentials, which is not declared\.$/,
  ],
  [
    "a grant to everybody",
    ["grant select on public.people to public"],
    /^PUBLIC may select on public\.people, which is not declared\.$/,
  ],
  [
    "a grant too few",
    ["revoke select on public.pings from ebb_app"],
    /^ebb_app may not select on public\.pings, but should\.$/,
  ],
  [
    "a grant on a partition",
    [onPartition("grant select on %s to ebb_app")],
    new RegExp(`^ebb_app may select on ${PARTITION}, which is not declared\\.$`),
  ],
  [
    "a grant of the context's key",
    ["grant select on ebb.context_key to ebb_app"],
    /^ebb_app may select on ebb\.context_key, which is not declared\.$/,
  ],
  [
    "a schema open to making",
    ["grant create on schema public to ebb_app"],
    /^ebb_app may create on schema public, which is not declared\.$/,
  ],
  [
    "temporary tables",
    ["grant temporary on database %d to public"],
    /^PUBLIC may temporary on the database, which is not declared\.$/,
  ],
  [
    "default privileges",
    ["alter default privileges for role ebb_owner grant select on tables to ebb_app"],
    /^Whatever ebb_owner makes is from then on open to ebb_app: default privileges say so\.$/,
  ],
  [
    "a function for everybody",
    ["grant execute on function ebb.outbox_pending(text, bigint, integer) to public"],
    /^PUBLIC may execute ebb\.outbox_pending\(text,bigint,integer\), which is not declared\.$/,
  ],
  [
    "a function for nobody",
    ["revoke execute on function ebb.enter(bytea, uuid, text, text) from ebb_app"],
    /^ebb_app may not execute ebb\.enter\(bytea,uuid,text,text\), but should\.$/,
  ],
  [
    "an undeclared function",
    ["create function public.peek() returns int language sql return 1"],
    /^The function public\.peek\(\) is not declared\.$/,
  ],
  [
    "a dropped function",
    ["drop function ebb.silent_gates(interval, integer)"],
    /^The function ebb\.silent_gates\(interval, integer\) is declared but does not exist\.$/,
  ],
  [
    "a definer's function without a search_path",
    ["alter function ebb.enter(bytea, uuid, text, text) reset search_path"],
    /^The function ebb\.enter\(bytea,uuid,text,text\) runs as its definer without an empty search_path of its own\.$/,
  ],
  [
    "a definer's function of another owner",
    ["alter function ebb.enter(bytea, uuid, text, text) owner to ebb_owner"],
    /^The function ebb\.enter\(bytea,uuid,text,text\) runs as its definer and belongs to ebb_owner, not to ebb_maint\.$/,
  ],
  [
    "a changed clock",
    ["create or replace function ebb.clock() returns timestamptz language sql stable return now() - interval '1 day'"],
    /^ebb\.clock\(\) is not what every promise about time rests on: it says RETURN \(now\(\) - /,
  ],
  [
    "a clock that only looks right",
    [
      "create function public.now() returns timestamptz language sql stable return pg_catalog.now()",
      "create or replace function ebb.clock() returns timestamptz language sql stable return public.now()",
    ],
    /^ebb\.clock\(\) is not .*: it says RETURN public\.now\(\), not /,
  ],
  [
    "a changed expiry",
    [
      "create or replace function ebb.expiry(anchor timestamptz, kept_for interval) returns timestamptz language sql immutable return anchor + kept_for",
    ],
    /^ebb\.expiry\(timestamp with time zone,interval\) is not what every promise about time rests on/,
  ],
  [
    "a dropped trigger",
    ["drop trigger pings_expires_at on public.pings"],
    /^The trigger pings_expires_at on public\.pings is declared but does not exist\.$/,
  ],
  [
    "a trigger switched off",
    ["alter table public.outbox disable trigger outbox_expires_at"],
    /^The trigger outbox_expires_at on public\.outbox is not what is declared: .*\(switched off\)/,
  ],
  [
    "a trigger switched off on a partition",
    [onPartition("alter table %s disable trigger pings_expires_at")],
    new RegExp(`^The trigger pings_expires_at on ${PARTITION} is switched off\\.$`),
  ],
  [
    "one trigger more",
    ["create trigger more before delete on public.people for each row execute function ebb.people_expires_at()"],
    /^The trigger more on public\.people is not declared\.$/,
  ],
  [
    "a trigger that keeps rows longer",
    [
      "create or replace function ebb.outbox_expires_at() returns trigger language plpgsql set search_path = '' as $$ begin new.expires_at := 'infinity'; return new; end $$",
    ],
    /^The function ebb\.outbox_expires_at\(\) is not what is declared: /,
  ],
  [
    "a row that forgets when its subscription ended",
    ["drop trigger instances_anchor on public.instances"],
    /^The trigger instances_anchor on public\.instances is declared but does not exist\.$/,
  ],
  [
    "a subscription whose end nobody hears of",
    ["drop trigger subscriptions_end on public.subscriptions"],
    /^The trigger subscriptions_end on public\.subscriptions is declared but does not exist\.$/,
  ],
  [
    "an end of a subscription that leaves tables out",
    [
      "create or replace function ebb.subscription_end() returns trigger language plpgsql security definer set search_path = '' as $$ begin return null; end $$",
    ],
    /^The function ebb\.subscription_end\(\) is not what is declared: /,
  ],
  [
    "a wrong window",
    [onFunction("ebb.pings_expires_at()", "30 days", "31 days")],
    /^The function ebb\.pings_expires_at\(\) is not what is declared: .*31 days.*declared is: .*30 days/,
  ],
  [
    "a wrong window in what callers are told",
    [
      "create or replace function ebb.pings_expiry(anchor timestamptz) returns timestamptz language sql immutable parallel safe return ebb.expiry(anchor, interval '31 days')",
    ],
    /^The function ebb\.pings_expiry\(timestamp with time zone\) is not what is declared: /,
  ],
  [
    "another bound for what a tenant may vary",
    [onFunction("ebb.varying(text)", "12, 1, 24", "12, 1, 120")],
    /^The function ebb\.varying\(text\) is not what is declared: /,
  ],
  [
    "a purge that takes a table's rows of closed accounts for anybody's",
    [onFunction("ebb.purge_plan()", "''tenant_id'', true", "''tenant_id'', false")],
    /^The function ebb\.purge_plan\(\) is not what is declared: /,
  ],
  [
    "a policy of the purge that forgets holds",
    ["alter policy pings_ebb_purge_delete on public.pings using (expires_at <= (select ebb.clock()))"],
    /^The policy pings_ebb_purge_delete on public\.pings is not what is declared: .*declared is: .*ebb\.holds/,
  ],
  [
    "holds that hold nothing",
    [
      "create or replace function ebb.holds(class text) returns text[] language plpgsql stable security definer set search_path = '' as $$ begin return null; end $$",
    ],
    /^The function ebb\.holds\(text\) is not what the migrations say\.$/,
  ],
  [
    "a shorter time until a closed account is gone",
    [onFunction("ebb.gone_tenants()", "30 days", "1 day")],
    /^The function ebb\.gone_tenants\(\) is not what the migrations say\.$/,
  ],
  [
    "windows of a tenant's own that nobody asks for",
    [onFunction("ebb.windows_of(text, uuid)", "r.months", "1200")],
    /^The function ebb\.windows_of\(text,uuid\) is not what the migrations say\.$/,
  ],
  [
    "a purge that asks for no lock",
    [onFunction("ebb.purge_batch(uuid, regclass, text, uuid, text[], integer)", "perform ebb.exclude_holds();", "")],
    /^The function ebb\.purge_batch\(.*\) is not what the migrations say\.$/,
  ],
  ...[
    ["tenants_closing", "tenants", "a tenant's row that goes before all else of it"],
    ["dead_letters_late", "dead_letters", "a dead letter that brings a tenant back"],
    ["website_visits_anonymise", "website_visits", "an anonymised visit that takes values again"],
    ["memberships_gone", "memberships", "a person whose last membership is forgotten, and who is not"],
    ["memberships_come", "memberships", "a person who comes again and is forgotten"],
  ].map(([trigger, table, name]): [string, string[], RegExp] => [
    name as string,
    [`drop trigger ${trigger} on public.${table}`],
    new RegExp(`^The trigger ${trigger} on public\\.${table} is declared but does not exist\\.$`),
  ]),
  ["a role that bypasses", ["alter role ebb_app bypassrls"], /^ebb_app bypasses row-level security\.$/],
  ["a superuser", ["alter role ebb_purge superuser"], /^ebb_purge is a superuser\.$/],
  ["a role that makes roles", ["alter role ebb_jobs createrole"], /^ebb_jobs may make roles\.$/],
  ["a maintenance role that logs in", ["alter role ebb_maint login"], /^ebb_maint can log in\.$/],
  ["a role within another", ["grant ebb_maint to ebb_app"], /^ebb_app is a member of ebb_maint\.$/],
  ["an undeclared role", ["create role ebb_more"], /^The role ebb_more is not declared\.$/],
  ["a worker that owns", ["create schema side authorization ebb_app"], /^ebb_app owns schema side\.$/],
];

test.each(MUTATIONS)("%s is caught", async (_, statements, sentence) => {
  const database = new URL(scratch.url("owner")).pathname.slice(1);
  const found = await differencesAfter(statements.map((statement) => statement.replace("%d", database)));
  expect(found).toContainEqual(expect.stringMatching(sentence));
});

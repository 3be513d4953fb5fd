import type { CatalogExpectation, Query } from "./catalog.ts";
import { FUNCTIONS } from "./functions.ts";
import { declaredTables } from "./inventory.ts";

const LIVE = `
  select p.oid::regprocedure::text as name, n.nspname as schema, p.prosecdef as definer,
         coalesce(array_to_string(p.proconfig, ' '), '') as settings, pg_get_userbyid(p.proowner) as owner,
         l.lanname as language, coalesce(pg_get_function_sqlbody(p.oid), p.prosrc) as body,
         array(select case x.grantee when 0 then 'PUBLIC' else pg_get_userbyid(x.grantee)::text end
                 from aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) x
                where x.grantee <> p.proowner) as open_to
    from pg_proc p join pg_namespace n on n.oid = p.pronamespace join pg_language l on l.oid = p.prolang
   where n.nspname !~ '^pg_' and n.nspname <> 'information_schema' and n.nspname <> all ($1::text[])
   order by 1`;

/** A declared signature as Postgres prints it; null where there is no such function. */
const PRINTED = "select s.name, to_regprocedure('ebb.' || s.name)::text as printed from unnest($1::text[]) as s (name)";

/** The other function on which every promise about time rests. */
const EXPIRY =
  "RETURN COALESCE((((anchor AT TIME ZONE 'UTC'::text) + kept_for) AT TIME ZONE 'UTC'::text), 'infinity'::timestamp with time zone)";

interface LiveFunction {
  name: string;
  schema: string;
  definer: boolean;
  settings: string;
  owner: string;
  language: string;
  body: string;
  open_to: string[];
}

/** Functions and who may execute them; that no definer's function can be led astray; the definition of time. */
export async function functionDifferences(query: Query, expected: CatalogExpectation): Promise<string[]> {
  const live = (await query(LIVE, [expected.moreSchemas])) as unknown as LiveFunction[];
  const { declared, missing } = await declaredFunctions(query);
  const found = missing.map((name) => `The function ebb.${name} is declared but does not exist.`);
  for (const fn of live) {
    const roles = declared.get(fn.name);
    if (roles === undefined) found.push(`The function ${fn.name} is not declared.`);
    found.push(...access(fn, roles ?? []));
    if (
      fn.definer &&
      fn.settings.split(" ").find((setting) => setting.startsWith("search_path=")) !== 'search_path=""'
    ) {
      found.push(`The function ${fn.name} runs as its definer without an empty search_path of its own.`);
    }
    if (fn.definer && fn.owner !== "ebb_maint") {
      found.push(`The function ${fn.name} runs as its definer and belongs to ${fn.owner}, not to ebb_maint.`);
    }
  }
  const bodies: [string, string][] = [
    ["ebb.clock()", expected.clock],
    ["ebb.expiry(timestamp with time zone,interval)", EXPIRY],
  ];
  for (const [name, body] of bodies) found.push(...definition(live, name, body));
  return found;
}

/** Whether `ebb.clock()` is the database's own clock, for a deployment to ask. */
export async function clockDifferences(query: Query, expected: CatalogExpectation): Promise<string[]> {
  await query("set local search_path = ''");
  const live = (await query(LIVE, [expected.moreSchemas])) as unknown as LiveFunction[];
  return definition(live, "ebb.clock()", expected.clock);
}

async function declaredFunctions(
  query: Query,
): Promise<{ declared: Map<string, readonly string[]>; missing: string[] }> {
  const wanted: Record<string, readonly string[]> = { ...FUNCTIONS };
  for (const { table, layout, anonymise } of declaredTables()) {
    wanted[`${table}_expires_at()`] = [];
    if (layout.kind === "partitioned") wanted[`${table}_expiry(timestamptz)`] = [];
    if (anonymise !== undefined) wanted[`${table}_anonymise()`] = [];
  }
  const printed = await query(PRINTED, [Object.keys(wanted)]);
  const there = printed.filter((row) => row["printed"] !== null);
  return {
    declared: new Map(there.map((row) => [row["printed"] as string, wanted[row["name"] as string] ?? []])),
    missing: printed.filter((row) => row["printed"] === null).map((row) => row["name"] as string),
  };
}

/** ebb_maint may execute all of them: it owns most, and they call each other. */
function access({ name, open_to }: LiveFunction, roles: readonly string[]): string[] {
  return [
    ...open_to
      .filter((role) => role !== "ebb_maint" && !roles.includes(role))
      .map((role) => `${role} may execute ${name}, which is not declared.`),
    ...roles.filter((role) => !open_to.includes(role)).map((role) => `${role} may not execute ${name}, but should.`),
  ];
}

function definition(live: readonly LiveFunction[], name: string, body: string): string[] {
  const fn = live.find((candidate) => candidate.name === name);
  if (fn === undefined) return [`The function ${name} does not exist.`];
  if (fn.language === "sql" && fn.body === body && !fn.definer && fn.settings === "") return [];
  return [`${name} is not what every promise about time rests on: it says ${fn.body}, not ${body}.`];
}

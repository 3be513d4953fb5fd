import type { Query } from "./catalog.ts";

/** Those that are generated are compared with what is declared, and the clock with what every promise rests on. */
const BODIES = `
  select p.oid::regprocedure::text as name, pg_get_functiondef(p.oid) as form
    from pg_proc p
   where p.pronamespace = 'ebb'::regnamespace and p.proname <> 'clock'`;

/**
 * Functions that are not what the migrations make: policies and the purge ask them who is held, who is gone and what is
 * cut short. They are made anew, printed by Postgres itself, and all of that undone.
 */
export async function bodyDifferences(query: Query, statements: readonly string[]): Promise<string[]> {
  const forms = async () => new Map((await query(BODIES)).map((row) => [row["name"] as string, row["form"] as string]));
  const live = await forms();
  await query("savepoint bodies");
  // The clock may be another in a test: who made it is asked elsewhere.
  const others = statements.filter((statement) => !/function ebb\.clock\(/.test(statement));
  await query(others.map((text) => text.replace(/^create function /, "create or replace function ")).join("\n;\n"));
  const migrated = await forms();
  await query("rollback to savepoint bodies");
  return [...live]
    .filter(([name, form]) => migrated.get(name) !== form)
    .map(([name]) => `The function ${name} is not what the migrations say.`);
}

import type { Query } from "./catalog.ts";
import { policyStatements } from "./policy-migration.ts";

const POLICIES = `
  select format('The policy %s on %s.%s', policyname, schemaname, tablename) as thing,
         format('for %s to %s, %s, using %s, with check %s', lower(cmd), array_to_string(roles, ', '), lower(permissive),
           coalesce(qual, 'nothing'), coalesce(with_check, 'nothing')) as form
    from pg_policies`;

/** Those of partitions are clones; a trigger that has been switched off is told by its form. */
const TRIGGERS = `
  select format('The trigger %s on %s', t.tgname, t.tgrelid::regclass) as thing,
         pg_get_triggerdef(t.oid) || case t.tgenabled when 'O' then '' else ' (switched off)' end as form
    from pg_trigger t
   where not t.tgisinternal and t.tgparentid = 0`;

const TRIGGER_FUNCTIONS = `
  select format('The function %s', p.oid::regprocedure) as thing, pg_get_functiondef(p.oid) as form
    from pg_proc p
   where p.pronamespace = 'ebb'::regnamespace and p.proname ~ '_(expires_at|expiry|anonymise)$|^subscription_(anchor|end)$|^membership_(gone|come)$|^tenants_(closing|late)$|^purge_plan$|^varying$'`;

const SILENCED = `
  select format('The trigger %s on %s is switched off.', t.tgname, t.tgrelid::regclass) as sentence
    from pg_trigger t
   where t.tgenabled <> 'O' and t.tgparentid <> 0`;

/** The one policy that guards no data: see …_forgetting.sql. */
const SENTINEL: [string, string] = [
  "The policy sentinel_ebb_maint on ebb.sentinel",
  "for select to ebb_maint, permissive, using true, with check nothing",
];

/** Policies, triggers and the functions behind these, each as Postgres prints it. */
export async function policyDifferences(query: Query): Promise<string[]> {
  const live = await forms(query);
  const { declared, failures } = await declaredForms(query, live);
  const found = [...failures, ...(await query(SILENCED)).map((row) => row["sentence"] as string)];
  for (const [thing, form] of live) {
    const wanted = declared.get(thing);
    if (wanted === undefined) found.push(`${thing} is not declared.`);
    else if (wanted !== form) found.push(`${thing} is not what is declared: ${form}; declared is: ${wanted}.`);
  }
  for (const thing of declared.keys()) if (!live.has(thing)) found.push(`${thing} is declared but does not exist.`);
  return found.map((sentence) => sentence.replaceAll(/\s+/g, " "));
}

async function forms(query: Query): Promise<Map<string, string>> {
  const rows = [];
  for (const text of [POLICIES, TRIGGERS, TRIGGER_FUNCTIONS]) rows.push(...(await query(text)));
  return new Map(rows.map((row) => [row["thing"] as string, row["form"] as string]));
}

/** Takes away all that the inventory makes, makes it, has it printed, and undoes everything. */
async function declaredForms(
  query: Query,
  live: ReadonlyMap<string, string>,
): Promise<{ declared: Map<string, string>; failures: string[] }> {
  const drops = [...live.keys()].map(
    (thing) => `drop ${thing.replace(/^The (policy|trigger|function) (\S+)/, "$1 $2")};`,
  );
  await query("savepoint catalog");
  await query(drops.join("\n"));
  const failures = await made(query, policyStatements());
  const declared = await forms(query);
  await query("rollback to savepoint catalog");
  return { declared: new Map([...declared, SENTINEL]), failures };
}

/** Makes all of it in one go, or, where that fails, whatever can be made: a sentence for each statement that cannot. */
async function made(query: Query, statements: readonly string[]): Promise<string[]> {
  const failures: string[] = [];
  const attempt = async (text: string): Promise<string | null> => {
    await query("savepoint attempt");
    try {
      await query(text);
      return null;
    } catch (error) {
      await query("rollback to savepoint attempt");
      return error instanceof Error ? error.message : String(error);
    }
  };
  if ((await attempt(statements.join(";\n"))) === null) return failures;
  for (const statement of statements) {
    const failure = await attempt(statement);
    if (failure !== null) failures.push(`What is declared cannot be made: ${failure}.`);
  }
  return failures;
}

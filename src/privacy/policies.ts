import type { Access, Reach, Role } from "./declaration.ts";
import { FUNCTIONS } from "./functions.ts";
import { type DeclaredTable, declaredTables } from "./inventory.ts";
import { intervalSql, SCHEDULE } from "./schedule.ts";
import { anchorTriggerSql, subscriptionEndFunctions } from "./subscription-end.ts";

/** A row-level-security policy as the inventory wants it. */
export interface Policy {
  name: string;
  table: string;
  role: Role;
  command: Access["command"];
  using: string | null;
  check: string | null;
}

/** A privilege of a role on a table; `columns` null means the whole table. */
export interface Grant {
  table: string;
  role: Role;
  command: Access["command"];
  columns: readonly string[] | null;
}

const UNEXPIRED = "expires_at > (select ebb.clock())";
const EXPIRED = "expires_at <= (select ebb.clock())";

/** What a reach means as SQL. Functions stand in a sub-select so that they run once a statement, not once a row. */
function condition(reach: Reach, table: DeclaredTable): { tenant: string | null; time: string | null } {
  switch (reach) {
    case "entered-tenant":
      return { tenant: "tenant_id = (select ebb.tenant())", time: UNEXPIRED };
    case "entered-subtree":
      return { tenant: "path @> array[(select ebb.tenant())]", time: UNEXPIRED };
    case "members-of-entered-tenant":
      return {
        tenant: `exists (select from public.memberships m where m.person_id = ${table.table}.id and m.tenant_id = (select ebb.tenant()))`,
        time: UNEXPIRED,
      };
    case "unexpired":
      return { tenant: null, time: UNEXPIRED };
    case "live":
      return { tenant: "removed_at is null", time: UNEXPIRED };
    case "expired":
      return { tenant: null, time: EXPIRED };
    case "all":
      return { tenant: null, time: null };
  }
}

/** Expired rows are deleted one by one where a partition can outlive them; daily partitions are dropped whole. */
export function isPurgedByRow(table: DeclaredTable): boolean {
  return !(table.layout.kind === "partitioned" && table.layout.by === "day");
}

/** What each role may do with a table; the purge's part follows from the layout. */
export function accessOf(table: DeclaredTable): [Role, Access][] {
  const declared = Object.entries(table.access).flatMap(([role, list]) =>
    list.map((access): [Role, Access] => [role as Role, access]),
  );
  if (!isPurgedByRow(table)) return declared;
  const columns = [...new Set([...table.key, "expires_at"])];
  // A DELETE reads rows to find them: without the SELECT part it silently hits nothing.
  return [
    ...declared,
    ["ebb_purge", { command: "select", reach: "expired", columns }],
    ["ebb_purge", { command: "delete", reach: "expired" }],
  ];
}

export function policiesOf(table: DeclaredTable): Policy[] {
  return accessOf(table).map(([role, access]) => {
    const { tenant, time } = condition(access.reach, table);
    const both = [tenant, time].filter((part) => part !== null).join(" and ") || "true";
    // What a role writes must lie where it may read, but may already have its end set: no time in the check.
    const written = access.reach === "unexpired" ? both : (tenant ?? "true");
    return {
      name: `${table.table}_${role}_${access.command}`,
      table: table.table,
      role,
      command: access.command,
      using: access.command === "insert" ? null : both,
      check: access.command === "insert" || access.command === "update" ? written : null,
    };
  });
}

export function grantsOf(table: DeclaredTable): Grant[] {
  return accessOf(table).map(([role, access]) => ({
    table: table.table,
    role,
    command: access.command,
    columns: access.columns ?? null,
  }));
}

/** The expression, over `new.`, from which a row of this table is kept. */
function anchorSql(table: DeclaredTable): string {
  if (table.anchor.at === "bucket") {
    return `date_trunc('${table.anchor.granularity}', new.${table.anchor.column}, 'UTC')`;
  }
  const columns = table.anchor.columns.map((column) => `new.${column}`);
  return columns.length === 1 ? (columns[0] as string) : `least(${columns.join(", ")})`;
}

/**
 * An end that has come stays, and comes now: whoever serves requests can neither undo a removal nor put it off, and so
 * cannot keep a row longer than the schedule says.
 */
function endsOnce(table: DeclaredTable): string {
  const columns = table.anchor.at === "column" ? table.anchor.columns : [];
  const updatable = (table.access.ebb_app ?? []).flatMap((access) =>
    access.command === "update" ? (access.columns ?? []) : [],
  );
  return columns
    .filter((column) => updatable.includes(column))
    .map(
      (column) =>
        `if tg_op = 'UPDATE' and current_user = 'ebb_app' and new.${column} is distinct from old.${column} and (old.${column} is not null or new.${column} > ebb.clock() + interval '5 minutes') then raise exception 'an end is set once' using errcode = 'EB002'; end if; `,
    )
    .join("");
}

/** State tables have `expires_at` set for them; a partition key cannot be set by a trigger, so there it is verified. */
function triggerSql(table: DeclaredTable): string[] {
  const kept = intervalSql(SCHEDULE[table.retention].window);
  const expected = `ebb.expiry(${anchorSql(table)}, ${kept})`;
  const name = `ebb.${table.table}_expires_at`;
  const body =
    table.layout.kind === "state"
      ? `${endsOnce(table)}new.expires_at := ${expected};`
      : `if new.expires_at is distinct from ${expected} then raise exception 'expires_at is not what the schedule says' using errcode = 'EB001'; end if;`;
  const events = table.layout.kind === "state" ? "insert or update" : "insert";
  return [
    `create or replace function ${name}() returns trigger language plpgsql set search_path = '' as $$ begin ${body} return new; end $$`,
    `create or replace trigger ${table.table}_expires_at before ${events} on public.${table.table} for each row execute function ${name}()`,
    ...(table.layout.kind === "partitioned"
      ? [
          `create or replace function ebb.${table.table}_expiry(anchor timestamptz) returns timestamptz language sql immutable parallel safe return ebb.expiry(anchor, ${kept})`,
          `alter function ebb.${table.table}_expiry(timestamptz) owner to ebb_maint`,
          // Attaching a partition clones the trigger, which takes the right to execute its function.
          `alter function ${name}() owner to ebb_maint`,
        ]
      : []),
  ];
}

function grantSql(grant: Grant): string {
  const columns = grant.columns === null ? "" : ` (${grant.columns.join(", ")})`;
  return `grant ${grant.command}${columns} on public.${grant.table} to ${grant.role}`;
}

function policySql(policy: Policy): string {
  const using = policy.using === null ? "" : ` using (${policy.using})`;
  const check = policy.check === null ? "" : ` with check (${policy.check})`;
  return `create policy ${policy.name} on public.${policy.table} for ${policy.command} to ${policy.role}${using}${check}`;
}

const ROLES = "ebb_app, ebb_ingest, ebb_purge, ebb_jobs, ebb_maint";

/** Drops every policy on a table, known to the inventory or not: what is left is what is declared. */
function dropPolicies(table: string): string {
  return `do $$ declare old name; begin for old in select polname from pg_catalog.pg_policy where polrelid = 'public.${table}'::regclass loop execute format('drop policy %I on public.${table}', old); end loop; end $$`;
}

/** The statements that make the database what the inventory declares, whatever it was before. */
export function policyStatements(): string[] {
  const declared = declaredTables();
  const tables = declared.flatMap((table) => {
    const owned = table.layout.kind === "partitioned";
    const privileges = [
      `revoke all on public.${table.table} from public, ${owned ? ROLES.replace(", ebb_maint", "") : ROLES}`,
      ...grantsOf(table)
        .filter((grant) => !(owned && grant.role === "ebb_maint"))
        .map(grantSql),
    ];
    return [
      dropPolicies(table.table),
      `alter table public.${table.table} enable row level security, force row level security`,
      ...policiesOf(table).map(policySql),
      ...privileges,
      ...anchorTriggerSql(table),
      ...triggerSql(table),
    ];
  });
  const functions = Object.entries(FUNCTIONS).flatMap(([signature, roles]) => [
    `revoke all on function ebb.${signature} from public, ebb_app, ebb_ingest, ebb_purge, ebb_jobs`,
    ...(roles.length > 0 ? [`grant execute on function ebb.${signature} to ${roles.join(", ")}`] : []),
  ]);
  return [...subscriptionEndFunctions(declared), ...tables, ...functions];
}

/** The text of the migration, for `npm run generate` to write or compare. */
export function policyMigration(): string {
  const header = `-- Generated by \`npm run generate\` from src/privacy/inventory.ts; do not edit.
-- Policies, grants and expiry triggers, all of them anew. Takes an exclusive lock on each table in turn, for
-- milliseconds: nothing is scanned or rewritten.
`;
  return `${header}${policyStatements().join(";\n--> statement-breakpoint\n")};\n`;
}

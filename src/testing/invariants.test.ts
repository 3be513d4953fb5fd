import { afterEach, beforeEach, expect, it } from "vitest";
import { uuidFromId } from "../core/id.ts";
import { addAgedRows, stopAtNoon } from "./aged-rows.ts";
import { brokenInvariants, checkInvariants, type Ledger, ledgerOf } from "./invariants.ts";
import { type RowMaker, rowMaker } from "./rows.ts";
import { type ScratchDatabase, scratchDatabase } from "./scratch-database.ts";

/** The checker that runs after every scenario finds each kind of damage, and nothing where there is none. */

let database: ScratchDatabase;
let ledger: Ledger;
let make: RowMaker;
let mine: string;
let other: string;
beforeEach(async () => {
  database = await scratchDatabase();
  mine = uuidFromId("tenant", (await database.tenant()).id);
  other = uuidFromId("tenant", (await database.tenant()).id);
  make = await rowMaker(database, mine);
  await stopAtNoon(database);
  await addAgedRows(database, make);
  ledger = ledgerOf(database);
  await ledger.remember();
});
afterEach(() => database.drop());

const damage = (...statements: string[]) =>
  database.as("superuser").query(`do $$ begin ${statements.join("; ")}; end $$`);
const oldest = (table: string, statement: string) =>
  `execute (select format('${statement}', min(tableoid::regclass::text)) from ${table})`;
const hold = () =>
  `insert into legal_holds (id, tenant_id, reason, placed_by, placed_at, review_at) values (gen_random_uuid(), '${mine}', 'r', gen_random_uuid(), ebb.clock(), ebb.clock())`;

/** That each damage is named by its sentence, and that nothing else is. */
async function expectNamed(damages: readonly (readonly [statements: string[], sentences: RegExp[]])[]): Promise<void> {
  await damage(...damages.flatMap(([statements]) => statements));
  const found = await brokenInvariants(database, { ledger });
  const sentences = damages.flatMap(([, expected]) => expected);
  for (const sentence of sentences) expect(found).toContainEqual(expect.stringMatching(sentence));
  expect(found.filter((one) => !sentences.some((sentence) => sentence.test(one)))).toEqual([]);
}

it("finds nothing where nothing is wrong: rows of every age in every table, a hold, a closed account, a window", async () => {
  await checkInvariants(database, { ledger });
  const theirs = await rowMaker(database, other);
  for (const table of ["dead_letters", "pings", "tool_executions", "credentials"]) {
    await theirs.add(table, new Date(Date.now() - 3_600_000).toISOString());
  }
  await damage(
    `update tenants set closed_at = ebb.clock() - interval '31 days' where id = '${other}'`,
    `insert into retention_windows (id, tenant_id, retention_class, months, set_at, effective_at) values (gen_random_uuid(), '${mine}', 'tool-execution-logs', 1, ebb.clock(), ebb.clock())`,
    hold(),
  );
  await ledger.remember();
  await checkInvariants(database, { ledger });
});

it("names what is read that should not be, and what is not and should", async () => {
  await expectNamed([
    [
      [
        "drop policy dead_letters_ebb_app_select on dead_letters",
        "create policy p on dead_letters for select to ebb_app using (true)",
      ],
      [
        /^ebb_app reads without entering \d+ rows of dead_letters that/,
        /^ebb_app in .* reads \d+ rows of dead_letters that/,
      ],
    ],
    [
      [
        "drop policy gate_heartbeats_ebb_app_select on gate_heartbeats",
        "create policy p on gate_heartbeats for select to ebb_app using (tenant_id = (select ebb.tenant()))",
      ],
      [/^ebb_app in .* reads \d+ rows of gate_heartbeats that it should not/],
    ],
    [
      ["drop policy workspaces_ebb_app_select on workspaces"],
      [/^ebb_app in .* reads not \d+ rows of workspaces that it should/],
    ],
    [
      [
        "drop policy people_ebb_purge_select on people",
        "create policy p on people for select to ebb_purge using (true)",
      ],
      [/^ebb_purge reads \d+ rows of people that it should not/],
    ],
    [["drop policy outbox_ebb_purge_select on outbox"], [/^ebb_purge reads not \d+ rows of outbox that it should/]],
    [
      [
        "drop policy instances_ebb_ingest_select on instances",
        "create policy p on instances for select to ebb_ingest using (true)",
      ],
      [/^ebb_ingest reads \d+ rows of instances that it should not/],
    ],
    [
      ["grant select on sessions to ebb_jobs", "create policy p on sessions for select to ebb_jobs using (true)"],
      [/^ebb_jobs reads \d+ rows of sessions that it should not/],
    ],
    [
      [
        oldest("pings", "grant select on %s to ebb_ingest"),
        oldest("pings", "create policy p on %s for select to ebb_ingest using (true)"),
      ],
      [/^ebb_ingest reads \d+ rows of pings_\d+_\d+_\d+ that it should not/],
    ],
    [
      ["create view everybody as select id from people", "grant select on everybody to ebb_app"],
      [
        /^everybody\.id is not in the inventory/,
        /^ebb_app reads without entering \d+ rows of everybody that/,
        /^ebb_app in .* reads \d+ rows of everybody that/,
      ],
    ],
    // A window of a month, of which a policy that lost its cut knows nothing.
    [
      [
        `insert into retention_windows (id, tenant_id, retention_class, months, set_at, effective_at) values (gen_random_uuid(), '${mine}', 'tool-execution-logs', 1, ebb.clock(), ebb.clock())`,
        "drop policy tool_executions_ebb_app_select on tool_executions",
        "create policy p on tool_executions for select to ebb_app using (tenant_id = (select ebb.tenant()) and expires_at > (select ebb.clock()))",
      ],
      [/^ebb_app in .* reads \d+ rows of tool_executions that it should not/],
    ],
  ]);
});

it("names what is read of an account that was closed 30 days ago, where that can be entered still", async () => {
  await damage(
    "alter table tenants disable trigger user",
    "create or replace function ebb.refused_for(tenant uuid) returns text language sql stable security definer set search_path = '' begin atomic select null::text; end",
    `update tenants set closed_at = ebb.clock() - interval '30 days' where id = '${mine}'`,
  );
  const found = await brokenInvariants(database, { ledger });
  for (const table of ["dead_letters", "pings", "workspaces"]) {
    expect(found).toContainEqual(
      expect.stringMatching(new RegExp(`^ebb_app in ${mine} reads \\d+ rows of ${table} that`)),
    );
  }
});

it("names what is not declared, and what is declared and gone", async () => {
  await expectNamed([
    [["alter table pings add column host_name text"], [/^pings\.host_name is not in the inventory/]],
    [["create table notes (text text)"], [/^notes\.text is not in the inventory/]],
    [["create schema side", "create table side.copy (id uuid)"], [/^side\.copy\.id is not in the inventory/]],
    [["alter table profiles drop column language"], [/^profiles\.language of the inventory is not there/]],
    [
      ["drop table mail_outbox cascade"],
      [/^mail_outbox\.\w+ of the inventory is not there/, /^mail_outbox .* is missing before its end/],
    ],
  ]);
});

it("names what is missing, and what lies outside its tenant or its partition", async () => {
  await damage(hold());
  await ledger.remember();
  await expectNamed([
    [["delete from dead_letters where expires_at > ebb.clock()"], [/^dead_letters .* is missing, and was held/]],
    [
      ["delete from idempotency_records where expires_at > ebb.clock()"],
      [/^idempotency_records .* is missing before its end/],
    ],
    [
      ["execute (select format('drop table %s', max(tableoid::regclass::text)) from active_instance_counts)"],
      [/^active_instance_counts .* is missing before its end/],
    ],
    [
      ["update authorization_codes set tenant_id = gen_random_uuid()"],
      [/^authorization_codes has rows of a tenant that there is not/],
    ],
    [
      [
        `insert into instances (id, tenant_id, workspace_id, client_id, scope, grant_types, registered_at)
         select gen_random_uuid(), tenant_id, id, 'c', '', '{}', ebb.clock() from workspaces where tenant_id = '${other}'`,
        `update token_families set instance_id = (select id from instances where tenant_id = '${other}')`,
      ],
      [/^token_families has rows with a instance_id of another tenant/],
    ],
    [
      [
        "alter table registration_keys drop constraint registration_keys_workspace_fk",
        `update registration_keys set workspace_id = (select id from workspaces where tenant_id = '${other}') where tenant_id = '${mine}'`,
      ],
      [/^registration_keys has rows with a workspace_id of another tenant/],
    ],
    [
      [
        "alter table outbox drop constraint outbox_tenant_id_gate_id_tenants_id_gate_id_fk",
        `update outbox set gate_id = (select gate_id from tenants where id = '${other}') where tenant_id = '${mine}'`,
      ],
      [/^outbox has rows with the gate of another tenant/],
    ],
    [
      [
        `update tenants set path = array[gen_random_uuid(), '${mine}', id], parent_id = '${mine}' where id = '${other}'`,
      ],
      [/^tenants has rows whose path is not their parent's/],
    ],
    [
      [
        "create table stray (like pings including all)",
        "alter table stray enable row level security, force row level security",
        "alter table stray owner to ebb_maint",
        `insert into stray (tenant_id, instance_id, kind, bucket, expires_at) values ('${mine}', gen_random_uuid(), 'alive', ebb.clock(), '2090-01-01')`,
        // A constraint of which Postgres has been told that it is valid: it does not look.
        "alter table stray add constraint told check (expires_at is not null and expires_at >= '2080-01-01' and expires_at < '2080-01-02') not valid",
        "update pg_constraint set convalidated = true where conname = 'told'",
        "alter table pings attach partition stray for values from ('2080-01-01') to ('2080-01-02')",
      ],
      [/^stray holds rows that expire outside its bounds/],
    ],
  ]);
});

it("throws with all that it found", async () => {
  await damage("create table notes (text text)", "create table more (text text)");
  await expect(checkInvariants(database)).rejects.toThrow(/notes\.text is not in the inventory[\s\S]*more\.text/);
});

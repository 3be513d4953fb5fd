import { describe, expect, it } from "vitest";
import { httpSql } from "../src/db/connect.ts";
import { ROLE_COULD_BYPASS } from "../src/db/role-check.ts";
import { databaseUrls } from "../src/testing/world.ts";

/**
 * Every privilege that the Worker's roles hold, from the catalog, against a list written here by hand: the inventory
 * derives the grants, and must not be able to widen them without somebody changing this file too.
 */

const ROLES = ["ebb_app", "ebb_ingest", "ebb_jobs", "ebb_purge"] as const;
const owner = () => httpSql(databaseUrls().owner);

const purged = (key: string) => ["delete", `select(${key})`];
const TABLES: Record<(typeof ROLES)[number], Record<string, string[]>> = {
  ebb_app: {
    audit_entries: ["select"],
    authentication_events: ["select"],
    brands: ["select"],
    credentials: [
      "insert",
      "select(allowed_networks, allowed_origins, calls_per_hour, created_at, expires_at, id, instance_id, kind, last_used_at, name, permissions, person_id, revoked_at, tenant_id, valid_until, workspace_id)",
      "update(allowed_networks, allowed_origins, calls_per_hour, name, revoked_at)",
    ],
    dead_letters: ["select"],
    gate_heartbeats: ["select"],
    idempotency_records: ["insert", "select"],
    identity_providers: [
      "insert",
      "select(client_id, created_at, expires_at, id, issuer, name, removed_at, tenant_id)",
      "update(removed_at)",
    ],
    instances: ["insert", "select", "update(name, removed_at, revoked_at, workspace_id)"],
    invitations: [
      "select(accepted_at, created_at, email, expires_at, id, invited_by, revoked_at, role, tenant_id, updated_at, use_seat, valid_until)",
    ],
    limit_allotments: ["select"],
    limit_overrides: ["select"],
    mail_outbox: ["insert"],
    memberships: ["select"],
    outbox: ["insert"],
    people: ["select"],
    pings: ["select"],
    // Of nobody's data, and so of every tenant's.
    purge_receipts: ["select"],
    registration_keys: [
      "insert",
      "select(created_at, expires_at, id, max_uses, name, name_prefix, reusable, revoked_at, tenant_id, used_up_at, uses, valid_until, workspace_id)",
      "update(revoked_at, used_up_at, uses)",
    ],
    retention_windows: ["select"],
    subscriptions: ["select"],
    tenants: ["select"],
    token_families: ["select"],
    tool_executions: ["select"],
    vouchers: [
      "insert",
      "select(claimed_at, claimed_tenant_id, created_at, expires_at, id, months, name, plan, revoked_at, seats, tenant_id, valid_until)",
      "update(revoked_at)",
    ],
    workspaces: ["insert", "select", "update(claim_code_required, name)"],
  },
  ebb_ingest: {
    dead_letters: ["insert"],
    instances: ["select(expires_at, id, removed_at, tenant_id)"],
    pings: ["insert"],
    profile_fetches: ["insert"],
    user_sessions: ["insert"],
  },
  ebb_jobs: {},
  // Its key and its expiry, by which a table is gone through; its tenant, for what goes with a closed account; the moment
  // from which it is kept, where a tenant's own window or the time to be anonymised counts from there. Nothing of content.
  ebb_purge: {
    active_instance_counts: purged("day, expires_at, version"),
    ai_usage: purged("expires_at, id, tenant_id"),
    audit_entries: purged("expires_at, id, tenant_id"),
    authentication_events: purged("expires_at, id"),
    authorization_codes: purged("expires_at, id, tenant_id"),
    billing_records: purged("expires_at, id, tenant_id"),
    brands: purged("expires_at, id, tenant_id"),
    connections: purged("expires_at, id, tenant_id"),
    credentials: purged("expires_at, id, tenant_id"),
    dead_letters: purged("expires_at, id, tenant_id"),
    device_codes: purged("expires_at, id, tenant_id"),
    encrypted_credentials: purged("expires_at, id, tenant_id"),
    error_reports: purged("expires_at, id, tenant_id"),
    feature_usage: purged("bucket, expires_at, feature, instance_id, tenant_id"),
    gate_heartbeats: purged("expires_at, gate_id, tenant_id"),
    idempotency_records: purged("actor_id, expires_at, key, recorded_at, tenant_id"),
    identity_providers: purged("expires_at, id, tenant_id"),
    instances: purged("expires_at, id, tenant_id"),
    invitations: purged("expires_at, id, tenant_id"),
    legal_holds: purged("expires_at, id"),
    limit_allotments: purged("expires_at, id, tenant_id"),
    limit_overrides: purged("expires_at, id, tenant_id"),
    login_states: purged("expires_at, id"),
    mail_outbox: purged("expires_at, id, tenant_id"),
    memberships: purged("expires_at, id, tenant_id"),
    metrics: purged("expires_at, id, tenant_id"),
    outbox: purged("expires_at, id, tenant_id"),
    people: purged("expires_at, id"),
    performance_samples: purged("expires_at, id, tenant_id"),
    pings: purged("bucket, expires_at, instance_id, kind, tenant_id"),
    profile_fetches: purged("bucket, expires_at, instance_id, person_id, tenant_id"),
    profiles: purged("expires_at, id, tenant_id"),
    purge_progress: purged("expires_at, run_id, table_name"),
    purge_receipts: purged("expires_at, id"),
    refresh_tokens: purged("expires_at, id, tenant_id"),
    registration_keys: purged("expires_at, id, tenant_id"),
    retention_windows: purged("expires_at, id, tenant_id"),
    rights_requests: purged("expires_at, id"),
    security_events: purged("expires_at, id"),
    sessions: purged("expires_at, id"),
    straight_windows: purged("expires_at, minute, tenant_id"),
    subscriptions: purged("expires_at, id, tenant_id"),
    tenants: purged("expires_at, id"),
    token_families: purged("expires_at, id, tenant_id"),
    tool_executions: purged("expires_at, id, recorded_at, tenant_id"),
    unclaimed_registrations: purged("expires_at, id"),
    user_sessions: purged("bucket, expires_at, instance_id, person_id, tenant_id"),
    vouchers: purged("expires_at, id, tenant_id"),
    // It says that a row is to be anonymised; what becomes of the columns is the trigger's.
    website_visits: [...purged("anonymised_at, expires_at, id, recorded_at"), "update(anonymised_at)"],
    workspaces: purged("expires_at, id, tenant_id"),
  },
};

const FUNCTIONS: Record<(typeof ROLES)[number], string[]> = {
  ebb_app: [
    "accept_invitation",
    "acting_key",
    "acting_person",
    "allot_limit",
    "append_audit",
    "approve_device",
    "asking_person",
    "begin_device",
    "begin_sign_in",
    "change_client",
    "change_plan",
    // That of the version before.
    "change_plan",
    "change_role",
    "claim_instance",
    "claim_target",
    "claim_voucher",
    "claim_voucher_of_sign_in",
    "claimed_gate",
    "client_of",
    "clock",
    "close_tenant",
    "code_by_hash",
    "create_tenant",
    // Asked by the policy on what a tenant's own window cuts short, as is kept_windows: of the tenant entered alone.
    "cut_at",
    "cut_bound",
    "deny_device",
    "device_by_code",
    "device_request",
    "end_instance",
    "end_instances_of_key",
    "end_own_sessions",
    "end_provider_sessions",
    // Of whoever has proven a token of the sign-in, as are profile_of and workspace_of_instance: ids name what is asked.
    "end_sign_in",
    "end_sign_ins",
    "enter",
    "expiry",
    "instance_moved",
    "invitation_of",
    "invite",
    // That of the version before.
    "invite",
    "issue_code",
    "kept_windows",
    "lease_facts",
    "limit_family",
    "list_holds",
    "lock_members",
    // Before a tenant is known: one key, or one person, by a secret's hash.
    "look_up_key",
    "look_up_person",
    "move_tenant",
    "note_poll",
    "note_refusal",
    "override_limit",
    "own_events",
    "own_person",
    "own_sessions",
    "own_tenants",
    "own_workspaces",
    "person_of_sign_in",
    "place_hold",
    "post",
    "post_revoked_key",
    "post_tenants",
    "profile_of",
    "provider_for_sign_in",
    "providers_of",
    "redeem_code",
    "redeem_device",
    "refresh_by_hash",
    "refuse_sign_in",
    "register_again",
    "register_unclaimed",
    "register_unclaimed_again",
    "release_hold",
    "remove_member",
    "remove_workspace",
    "rename_tenant",
    "renew_invitation",
    "retention_status",
    "revoke_access_token",
    "rotate_key",
    "rotate_refresh",
    "seats",
    "set_brand",
    "set_offline_lease",
    "set_seat",
    "set_window",
    "show_tenant",
    "sign_in",
    // Asked of each sign-in that is listed: of the tenant entered alone.
    "sign_in_stands",
    "suspend_tenant",
    "take_login_state",
    "target",
    "tenant",
    "transfer_ownership",
    "try_claim_code",
    "unclaimed_by_idempotency",
    "withdraw_invitation",
    "workspace_of_instance",
  ],
  ebb_ingest: [
    "clock",
    "expiry",
    // Asked by the policies on what it inserts: nothing comes to an account that is gone.
    "gone_tenants",
    "heartbeat",
    "straight_ping",
    "straight_ping",
  ],
  ebb_jobs: [
    "claim_mail",
    "clock",
    "create_partitions",
    "end_due_subscriptions",
    "expiry",
    "gate_emptied",
    "gates_to_empty",
    "mail_sent",
    "outbox_delivered",
    "outbox_gates",
    "outbox_pending",
    "partitions",
    "silent_gates",
  ],
  // The purge's own functions run as itself, so that its policies bind them: what they call it may call too.
  ebb_purge: [
    "abandoned_purges",
    "assert_purge_sees",
    "begin_purge",
    "clock",
    "cut_at",
    "cut_before",
    "cut_bound",
    "drop_expired_partition",
    "exclude_holds",
    "expiry",
    "gone_at",
    "gone_tenants",
    "holds",
    "kept_windows",
    "oldest_due",
    "progress_of",
    "purge_batch",
    "purge_plan",
    "record_receipt",
    "start_progress",
    "tally",
  ],
};

describe.each(ROLES)("%s", (role) => {
  it("may do with tables what is listed, partitions and the other schemas included", async () => {
    const rows = await owner().query(
      `with privilege as (
         select c.oid, c.oid::regclass::text as table, p.name,
                has_table_privilege($1, c.oid, p.name) as whole,
                (select string_agg(a.attname, ', ' order by a.attname) from pg_attribute a
                  where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and p.name in ('select', 'insert', 'update', 'references')
                    and has_column_privilege($1, c.oid, a.attnum, p.name)) as columns
           from pg_class c, unnest(array['select', 'insert', 'update', 'delete', 'truncate', 'references', 'trigger', 'maintain']) as p (name)
          where c.relnamespace in (select oid from pg_namespace where nspname in ('public', 'ebb', 'drizzle')) and c.relkind in ('r', 'p', 'v', 'm', 'f'))
       select "table", array_agg(name || case when whole then '' else '(' || columns || ')' end order by name) as may
         from privilege where whole or columns is not null group by 1`,
      [role],
    );
    expect(Object.fromEntries(rows.map((row) => [row["table"], row["may"]]))).toEqual(TABLES[role]);
  });

  it("may call what is listed", async () => {
    const rows = await owner().query(
      "select proname from pg_proc where pronamespace = 'ebb'::regnamespace and has_function_privilege($1, oid, 'execute') order by 1",
      [role],
    );
    expect(rows.map((row) => row["proname"])).toEqual(FUNCTIONS[role]);
  });

  it("has no way to more: no attribute, no membership, nothing of its own, nowhere to make anything", async () => {
    const url = databaseUrls()[role.slice("ebb_".length) as "app"];
    expect(await httpSql(url).query(ROLE_COULD_BYPASS)).toEqual([{ could_bypass: false }]);
    const [row] = await owner().query(
      `select rolsuper or rolcreaterole or rolcreatedb or rolbypassrls or rolreplication as attribute,
              exists (select from pg_auth_members where member = r.oid) as membership,
              exists (select from pg_shdepend where refobjid = r.oid and deptype = 'o') as owns,
              has_database_privilege(r.oid, current_database(), 'create') or has_database_privilege(r.oid, current_database(), 'temporary') as database,
              exists (select from pg_namespace where has_schema_privilege(r.oid, oid, 'create')) as schema,
              exists (select from pg_class s where case when s.relkind = 'S' then has_sequence_privilege(r.oid, s.oid, 'usage, select, update') end) as sequence
         from pg_roles r where rolname = $1`,
      [role],
    );
    expect(row).toEqual({
      attribute: false,
      membership: false,
      owns: false,
      database: false,
      schema: false,
      sequence: false,
    });
  });
});

describe("everybody else", () => {
  it("PUBLIC holds nothing of ours, and no privilege can be handed on", async () => {
    const rows = await owner().query(
      `select c.oid::regclass::text as object from pg_class c, aclexplode(coalesce(c.relacl, acldefault('r', c.relowner))) a
        where c.relnamespace in (select oid from pg_namespace where nspname in ('public', 'ebb', 'drizzle'))
          and (a.grantee = 0 or (a.is_grantable and a.grantee <> c.relowner))
       union all
       select p.oid::regprocedure::text from pg_proc p, aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
        where p.pronamespace in (select oid from pg_namespace where nspname in ('public', 'ebb'))
          and (a.grantee = 0 or (a.is_grantable and a.grantee <> p.proowner))`,
    );
    expect(rows).toEqual([]);
  });

  it("every table forces row-level security, each partition too, and a partition has no policy", async () => {
    const loose = await owner().query(
      `select oid::regclass::text as table from pg_class c where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')
        and (not (relrowsecurity and relforcerowsecurity) or (relispartition and exists (select from pg_policy where polrelid = c.oid)))`,
    );
    expect(loose).toEqual([]);
  });

  it("every SECURITY DEFINER function has a fixed search_path and belongs to ebb_maint, who cannot log in or bypass policies", async () => {
    const rows = await owner().query(
      `select oid::regprocedure::text as function from pg_proc where pronamespace = 'ebb'::regnamespace and prosecdef
        and (proowner <> 'ebb_maint'::regrole or not coalesce(proconfig, '{}') @> array['search_path=""'])`,
    );
    expect(rows).toEqual([]);
    const [maint] = await owner().query(
      "select rolcanlogin or rolsuper or rolbypassrls or rolcreaterole as more from pg_roles where rolname = 'ebb_maint'",
    );
    expect(maint).toEqual({ more: false });
  });
});

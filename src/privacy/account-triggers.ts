/** Of each table the columns that people see: a change of one of them, and of nothing else, is when it was last changed. */
const SEEN = {
  tenants: ["name", "kind", "status", "closed_at", "offline_lease_days"],
  subscriptions: ["status", "ends_at", "seats", "trial"],
  people: ["name", "email"],
  memberships: ["role", "use_seat"],
  workspaces: ["name", "claim_code_required"],
  invitations: ["valid_until", "accepted_at", "revoked_at"],
} as const satisfies Record<string, readonly string[]>;

/**
 * Triggers of account tables: `updated_at`, and that what is put into a workspace is put into one that was not removed.
 * Their functions stand in drizzle/0023_team.sql.
 */
export function accountTriggers(): string[] {
  return [
    ...Object.entries(SEEN).map(([table, columns]) => {
      const changed = columns.map((column) => `old.${column} is distinct from new.${column}`).join(" or ");
      return `create or replace trigger ${table}_updated before update on public.${table} for each row when (${changed}) execute function ebb.updated()`;
    }),
    ...["instances", "registration_keys"].map(
      (table) =>
        `create or replace trigger ${table}_placed before insert or update of workspace_id on public.${table} for each row execute function ebb.placed_in_workspace()`,
    ),
  ];
}

import { sql } from "drizzle-orm";
import type { TenantMessage } from "../core/gate-message.ts";
import { type Id, idFromUuid, uuidFromId } from "../core/id.ts";
import { Problem } from "../core/problem.ts";
import type { Writer } from "../db/app-database.ts";
import { type LimitFamily, type LimitSettings, overdrawn } from "../limits/settings.ts";

/** A tenant with all that decides its limits. */
export interface Member extends LimitSettings {
  tenantId: Id<"tenant">;
  kind: "platform" | "reseller" | "direct" | "client";
  status: TenantMessage["status"];
  gateId: string;
  ancestors: string[];
}

/** A tenant and the tenants right below it; settings of one family are made one after the other. */
export interface Family {
  parent: Member;
  children: Member[];
}

interface MemberRow extends Record<string, unknown> {
  tenant_id: string;
  kind: Member["kind"];
  status: Member["status"];
  gate_id: string;
  ancestors: string[];
  plan: Member["plan"];
  overrides: Record<string, number>;
  allotments: Record<string, number>;
}

/** Reads a family as it is in this transaction, and keeps it so until the end. Throws `not-found`. */
export async function familyOf(tx: Writer, parentId: Id<"tenant">): Promise<Family> {
  const { rows } = await tx.execute<MemberRow>(
    sql`select * from ebb.limit_family(${uuidFromId("tenant", parentId)}::uuid)`,
  );
  const members = rows.map((row): Member => {
    const { kind, status, ancestors, plan, overrides, allotments } = row;
    const tenantId = idFromUuid("tenant", row.tenant_id);
    return { tenantId, kind, status, gateId: row.gate_id, ancestors, plan, overrides, allotments };
  });
  const parent = members.find(({ tenantId }) => tenantId === parentId);
  if (parent === undefined) throw new Problem("not-found");
  return { parent, children: members.filter((member) => member !== parent) };
}

/** Refuses what would have a reseller's clients together get more than it has. The platform owner divides nothing. */
export function refuseOverdrawn(before: Family, after: LimitFamily): void {
  if (before.parent.kind !== "reseller") return;
  const policies = overdrawn(before, after);
  if (policies.length > 0) throw new Problem("allotments-exceed-total", { members: { policies } });
}

/** All that the tenant's gate is to know of it. */
export function tenantMessage(member: Member): TenantMessage {
  const { tenantId, status, plan, overrides, allotments, ancestors } = member;
  return { kind: "tenant", tenantId, status, plan, overrides, allotments, ancestors };
}

/** The same settings with one of them set, or with null taken back. */
export function withSetting(
  member: Member,
  kind: "overrides" | "allotments",
  policy: string,
  atMost: number | null,
): Member {
  const { [policy]: _, ...others } = member[kind];
  return { ...member, [kind]: atMost === null ? others : { ...others, [policy]: atMost } };
}

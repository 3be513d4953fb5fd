import { and, eq, isNull } from "drizzle-orm";
import type { Id } from "../core/id.ts";
import { Problem } from "../core/problem.ts";
import type { Reader, Writer } from "../db/app-database.ts";
import { memberships, people } from "../db/schema.ts";

/** A person in a tenant, as the people who may see its members see them. */
export interface Member {
  id: Id<"membership">;
  personId: Id<"person">;
  name: string | null;
  email: string | null;
  role: MemberRole;
  /** Whether the membership takes one of the subscription's seats. */
  useSeat: boolean;
  /** ms since 1970. */
  since: number;
  /** When role or seat were last changed; null for never. */
  updatedAt: number | null;
}

/** What somebody can be made: `operator` in the platform's tenant alone. */
export const MEMBER_ROLES = ["owner", "admin", "member", "operator"] as const;
export type MemberRole = (typeof MEMBER_ROLES)[number];

const COLUMNS = {
  id: memberships.id,
  personId: memberships.personId,
  name: people.name,
  email: people.email,
  role: memberships.role,
  useSeat: memberships.useSeat,
  since: memberships.createdAt,
  updatedAt: memberships.updatedAt,
};

/** The live members of the tenant entered. */
export function selectMembers(db: Reader | Writer) {
  return db.select(COLUMNS).from(memberships).innerJoin(people, eq(people.id, memberships.personId)).$dynamic();
}

export const live = (id?: Id<"membership">) =>
  and(isNull(memberships.removedAt), id === undefined ? undefined : eq(memberships.id, id));

/** The one that was looked for. Throws `not-found`. */
export function theOne([found]: readonly Member[]): Member {
  if (found === undefined) throw new Problem("not-found");
  return found;
}

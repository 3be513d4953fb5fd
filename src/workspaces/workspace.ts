import { and, eq, isNull, type SQL, sql } from "drizzle-orm";
import type { Id } from "../core/id.ts";
import { Problem } from "../core/problem.ts";
import type { Reader, Writer } from "../db/app-database.ts";
import { instances, workspaces } from "../db/schema.ts";

/** A group of a tenant's instances. */
export interface Workspace {
  id: Id<"workspace">;
  name: string;
  /** Whether claiming an instance into it takes the code that the instance prints. */
  claimCodeRequired: boolean;
  /** Raised whenever membership, roles or access change; the same in all workspaces of a tenant. */
  generation: number;
  /** How many instances are in it. */
  instances: number;
  /** ms since 1970; null for never. */
  createdAt: number;
  updatedAt: number | null;
}

/** Selects workspaces of the tenant entered. */
export function selectWorkspaces(db: Reader | Writer) {
  // The outer column by its table: within the sub-select a bare id would be the instance's.
  const inIt = sql`${instances.workspaceId} = "workspaces"."id" and ${instances.removedAt} is null`;
  return db
    .select({
      id: workspaces.id,
      name: workspaces.name,
      claimCodeRequired: workspaces.claimCodeRequired,
      generation: workspaces.generation,
      instances: sql<number>`(select count(*)::int from instances where ${inIt})`,
      createdAt: workspaces.createdAt,
      updatedAt: workspaces.updatedAt,
    })
    .from(workspaces)
    .$dynamic();
}

/** Those that were not removed, or the one of this id. */
export function live(id?: Id<"workspace">): SQL | undefined {
  return and(isNull(workspaces.removedAt), id === undefined ? undefined : eq(workspaces.id, id));
}

/** The one that was looked for. Throws `not-found`. */
export function theOne([found]: readonly Workspace[]): Workspace {
  if (found === undefined) throw new Problem("not-found");
  return found;
}

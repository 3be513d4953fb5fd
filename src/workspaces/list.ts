import { and, asc, gt } from "drizzle-orm";
import type { Id } from "../core/id.ts";
import { type Page, type PageRequest, pageOf } from "../db/page.ts";
import { workspaces } from "../db/schema.ts";
import { type Context, read } from "../verb.ts";
import { live, selectWorkspaces, type Workspace } from "./workspace.ts";

/** The tenant's workspaces, oldest first: into the first of them goes what names none. */
export async function listWorkspaces(context: Context, page: PageRequest<Id<"workspace">>): Promise<Page<Workspace>> {
  const after = page.after === null ? undefined : gt(workspaces.id, page.after);
  const [rows] = await read(context, "workspaces:read", (db) => [
    selectWorkspaces(db)
      .where(and(live(), after))
      .orderBy(asc(workspaces.id))
      .limit(page.limit + 1),
  ]);
  return pageOf(rows, page.limit);
}

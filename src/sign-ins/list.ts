import { and, asc, eq, gt, isNull, sql } from "drizzle-orm";
import type { Id } from "../core/id.ts";
import { Problem } from "../core/problem.ts";
import { type Page, type PageRequest, pageOf } from "../db/page.ts";
import { instances, tokenFamilies } from "../db/schema.ts";
import { type Context, read } from "../verb.ts";

/** That a person is signed in on an instance. */
export interface SignIn {
  id: Id<"tokenFamily">;
  personId: Id<"person">;
  scope: string;
  /** Times in ms since 1970. */
  startedAt: number;
  /** When tokens were last issued. */
  renewedAt: number;
}

/**
 * The live sign-ins on an instance, those that a refresh would be accepted of, oldest first: who was signed in where and
 * when is authentication history, and for those who may see that. Throws `not-found` for an instance that is not there.
 */
export async function listSignIns(
  context: Context,
  instanceId: Id<"instance">,
  page: PageRequest<Id<"tokenFamily">>,
): Promise<Page<SignIn>> {
  const [found, rows] = await read(context, "events:read", (db) => [
    db
      .select({ id: instances.id })
      .from(instances)
      .where(and(eq(instances.id, instanceId), isNull(instances.removedAt))),
    db
      .select({
        id: tokenFamilies.id,
        personId: tokenFamilies.personId,
        scope: tokenFamilies.scope,
        startedAt: tokenFamilies.startedAt,
        renewedAt: tokenFamilies.renewedAt,
      })
      .from(tokenFamilies)
      .where(
        and(
          eq(tokenFamilies.instanceId, instanceId),
          isNull(tokenFamilies.endedAt),
          sql`ebb.sign_in_stands(${tokenFamilies.id})`,
          page.after === null ? undefined : gt(tokenFamilies.id, page.after),
        ),
      )
      .orderBy(asc(tokenFamilies.id))
      .limit(page.limit + 1),
  ]);
  if (found.length === 0) throw new Problem("not-found");
  return pageOf(rows, page.limit);
}

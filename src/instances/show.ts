import { and, eq, isNull } from "drizzle-orm";
import type { Id } from "../core/id.ts";
import { Problem } from "../core/problem.ts";
import { instances } from "../db/schema.ts";
import { type Context, read } from "../verb.ts";
import { type Instance, instanceColumns } from "./list.ts";

/** One instance of the tenant. Throws `not-found` for another tenant's, a removed one and one that never was. */
export async function showInstance(context: Context, id: Id<"instance">): Promise<Instance> {
  const [rows] = await read(context, "instances:read", (db) => [
    db
      .select(instanceColumns)
      .from(instances)
      .where(and(eq(instances.id, id), isNull(instances.removedAt))),
  ]);
  const [instance] = rows;
  if (instance === undefined) throw new Problem("not-found");
  return instance;
}

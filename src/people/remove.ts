import { and, eq, isNull, sql } from "drizzle-orm";
import { type Id, idFromUuid, parseId, uuidFromId } from "../core/id.ts";
import type { Writer } from "../db/app-database.ts";
import { memberships } from "../db/schema.ts";
import { type Context, mutate } from "../verb.ts";
import { tellGates } from "./tell-gates.ts";

interface Removed extends Record<string, unknown> {
  person_id: string;
  previous: string;
  gates: string[];
}

/**
 * Ends a membership, named by itself or by its person: they no longer enter the tenant, and their personal access tokens
 * and sign-ins on instances there end. Whoever asks in person may end their own without being allowed to manage people, which is for the database to see. `effective` says
 * whether the gates have heard it. Throws `forbidden`, `not-found` and `last-owner`.
 */
export async function removeMember(
  context: Context,
  named: Id<"membership"> | Id<"person">,
): Promise<{ effective: boolean }> {
  const { gates } = await mutate(context, "members:read", async (tx, { personId }) => {
    const id = parseId("membership", named) ?? (await membershipOf(tx, named as Id<"person">));
    // Of nobody's the database says so, to whoever may know.
    const uuid = id === null ? null : uuidFromId("membership", id);
    const { rows } = await tx.execute<Removed>(sql`select * from ebb.remove_member(${uuid}::uuid)`);
    const [removed] = rows as [Removed];
    const person = idFromUuid("person", removed.person_id);
    return {
      result: { gates: removed.gates },
      audit: {
        action: person === personId ? "member.left" : "member.removed",
        subject: id ?? named,
        detail: { person_id: person, role: removed.previous },
      },
    };
  });
  return { effective: await tellGates(context.deps, gates) };
}

async function membershipOf(tx: Writer, personId: Id<"person">): Promise<Id<"membership"> | null> {
  const [found] = await tx
    .select({ id: memberships.id })
    .from(memberships)
    .where(and(eq(memberships.personId, personId), isNull(memberships.removedAt)));
  return found?.id ?? null;
}

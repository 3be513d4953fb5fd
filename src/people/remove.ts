import { sql } from "drizzle-orm";
import { type Id, idFromUuid, uuidFromId } from "../core/id.ts";
import { type Context, mutate } from "../verb.ts";
import { tellGates } from "./tell-gates.ts";

interface Removed extends Record<string, unknown> {
  person_id: string;
  previous: string;
  gates: string[];
}

/**
 * Ends a membership: the person no longer enters the tenant, and personal access tokens there are revoked. Whoever asks
 * in person may end their own without being allowed to manage people, which is for the database to see. `effective` says
 * whether the gates have heard it. Throws `forbidden`, `not-found` and `last-owner`.
 */
export async function removeMember(context: Context, id: Id<"membership">): Promise<{ effective: boolean }> {
  const { gates } = await mutate(context, "members:read", async (tx, { personId }) => {
    const uuid = uuidFromId("membership", id);
    const { rows } = await tx.execute<Removed>(sql`select * from ebb.remove_member(${uuid}::uuid)`);
    const [removed] = rows as [Removed];
    const person = idFromUuid("person", removed.person_id);
    return {
      result: { gates: removed.gates },
      audit: {
        action: person === personId ? "member.left" : "member.removed",
        subject: id,
        detail: { person_id: person, role: removed.previous },
      },
    };
  });
  return { effective: await tellGates(context.deps, gates) };
}

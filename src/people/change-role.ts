import { sql } from "drizzle-orm";
import { type Id, idFromUuid, uuidFromId } from "../core/id.ts";
import type { Precondition } from "../core/precondition.ts";
import { type Context, mutate } from "../verb.ts";
import { live, type Member, type MemberRole, selectMembers, theOne } from "./member.ts";
import { tellGates } from "./tell-gates.ts";

interface Changed extends Record<string, unknown> {
  person_id: string;
  previous: MemberRole;
  gates: string[];
}

/**
 * Gives a member another role; the database decides who may give and take which. What keys and tokens of that person may
 * do shrinks or grows with it. Throws `forbidden`, `not-found`, `last-owner` and `precondition-failed`.
 */
export async function changeRole(
  context: Context,
  id: Id<"membership">,
  role: MemberRole,
  precondition?: Precondition<Member>,
): Promise<Member> {
  const { member, gates } = await mutate(context, "members:write", async (tx) => {
    await tx.execute(sql`select ebb.lock_members()`);
    const before = theOne(await selectMembers(tx).where(live(id)));
    await precondition?.(before);
    const uuid = uuidFromId("membership", id);
    const { rows } = await tx.execute<Changed>(sql`select * from ebb.change_role(${uuid}::uuid, ${role}::text)`);
    const [changed] = rows as [Changed];
    const detail = { person_id: idFromUuid("person", changed.person_id), role, previous: changed.previous };
    return {
      result: { member: { ...before, role }, gates: changed.gates },
      audit: { action: "member.role-changed", subject: id, detail },
    };
  });
  await tellGates(context.deps, gates);
  return member;
}

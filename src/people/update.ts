import { sql } from "drizzle-orm";
import { type Id, idFromUuid, uuidFromId } from "../core/id.ts";
import type { Precondition } from "../core/precondition.ts";
import { type Context, mutate } from "../verb.ts";
import { live, type Member, type MemberRole, selectMembers, theOne } from "./member.ts";
import { tellGates } from "./tell-gates.ts";

interface ChangedRole extends Record<string, unknown> {
  person_id: string;
  previous: MemberRole;
  gates: string[];
}

interface ChangedSeat extends Record<string, unknown> {
  previous: boolean;
}

/** What is left out stays. */
export interface MemberChange {
  role?: MemberRole;
  useSeat?: boolean;
}

/**
 * Gives a member another role, or gives or takes a seat; the database decides who may give and take which. What keys and
 * tokens of that person may do shrinks or grows with the role. Throws `forbidden`, `not-found`, `last-owner`,
 * `no-seat-left` and `precondition-failed`.
 */
export async function updateMember(
  context: Context,
  id: Id<"membership">,
  { role, useSeat }: MemberChange,
  precondition?: Precondition<Member>,
): Promise<Member> {
  const { member, gates } = await mutate(context, "members:write", async (tx) => {
    await tx.execute(sql`select ebb.lock_members()`);
    const before = theOne(await selectMembers(tx).where(live(id)));
    await precondition?.(before);
    const uuid = uuidFromId("membership", id);
    const detail: Record<string, string | boolean> = { person_id: before.personId };
    let gates: string[] = [];
    if (role !== undefined) {
      const { rows } = await tx.execute<ChangedRole>(sql`select * from ebb.change_role(${uuid}::uuid, ${role}::text)`);
      const [changed] = rows as [ChangedRole];
      gates = changed.gates;
      Object.assign(detail, { person_id: idFromUuid("person", changed.person_id), role, previous: changed.previous });
    }
    if (useSeat !== undefined) {
      const { rows } = await tx.execute<ChangedSeat>(
        sql`select * from ebb.set_seat(${uuid}::uuid, ${useSeat}::boolean)`,
      );
      const [changed] = rows as [ChangedSeat];
      Object.assign(detail, { use_seat: useSeat, had_seat: changed.previous });
    }
    return {
      result: { member: theOne(await selectMembers(tx).where(live(id))), gates },
      audit: { action: role === undefined ? "member.seat-changed" : "member.role-changed", subject: id, detail },
    };
  });
  await tellGates(context.deps, gates);
  return member;
}

import { sql } from "drizzle-orm";
import { type Id, idFromUuid, uuidFromId } from "../core/id.ts";
import { type Context, mutate } from "../verb.ts";
import { live, type Member, type MemberRole, selectMembers, theOne } from "./member.ts";
import { tellGates } from "./tell-gates.ts";

interface Transferred extends Record<string, unknown> {
  person_id: string;
  previous: MemberRole;
  gates: string[];
}

/**
 * Makes this member an owner and the caller, who must be one in person, an admin: both or neither. Throws `forbidden`,
 * `not-found`, and `conflict` for handing over to oneself.
 */
export async function transferOwnership(context: Context, id: Id<"membership">): Promise<Member> {
  const { member, gates } = await mutate(context, "owners:write", async (tx) => {
    const uuid = uuidFromId("membership", id);
    const { rows } = await tx.execute<Transferred>(sql`select * from ebb.transfer_ownership(${uuid}::uuid)`);
    const [heir] = rows as [Transferred];
    const member = theOne(await selectMembers(tx).where(live(id)));
    const detail = { person_id: idFromUuid("person", heir.person_id), previous: heir.previous };
    return {
      result: { member, gates: heir.gates },
      audit: { action: "ownership.transferred", subject: id, detail },
    };
  });
  await tellGates(context.deps, gates);
  return member;
}

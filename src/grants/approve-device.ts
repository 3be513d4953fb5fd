import { sql } from "drizzle-orm";
import { type Id, uuidFromId } from "../core/id.ts";
import type { Context } from "../verb.ts";
import { approve, type Consent } from "./approve.ts";
import { deviceRequest } from "./device-request.ts";

export interface ApprovedDevice {
  instanceId: Id<"instance">;
  scope: string;
  claimed: boolean;
}

/**
 * Lets the person who asks sign in on the instance that shows this user code, in person or with a personal access token
 * that holds `device:approve` (RFC 8628 section 3.3). Throws `conflict` where it was answered before, and as `approve` does.
 */
export async function approveDevice(context: Context, userCode: string, consent: Consent): Promise<ApprovedDevice> {
  const request = await deviceRequest(context.deps, userCode);
  const { instanceId, tenantId } = request.client;
  // Said in the result: when the request is repeated the instance is nobody's no more.
  const { scope, claimed } = await approve(context, request, consent, async (tx, granted) => {
    const id = uuidFromId("deviceCode", request.id);
    await tx.execute(sql`select ebb.approve_device(${id}::uuid, ${granted.scope})`);
    return { result: { claimed: tenantId === null } };
  });
  return { instanceId, scope, claimed };
}

import { uuidFromId } from "../core/id.ts";
import { bytesToSql } from "../db/columns.ts";
import type { Deps } from "../deps.ts";
import { deviceRequest } from "./device-request.ts";
import type { Whence } from "./sign-in-tokens.ts";

/**
 * Turns a device's request down: whoever knows its user code and is somebody may, in person or with a token that holds
 * `device:approve`. Its device hears it at the next poll. Throws `not-found`, `forbidden`, `conflict` where it was answered
 * before, and what proves no credential.
 */
export async function denyDevice(
  deps: Deps,
  credentialHash: Uint8Array,
  userCode: string,
  { requestId, place }: Whence,
): Promise<void> {
  const { id } = await deviceRequest(deps, userCode);
  await deps.app.ask("select ebb.deny_device($1, $2, $3, $4)", [
    bytesToSql(credentialHash),
    uuidFromId("deviceCode", id),
    place,
    requestId,
  ]);
}

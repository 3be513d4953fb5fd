import { Problem } from "../core/problem.ts";
import { type GrantableScope, grantableScopes, parseScope } from "../oauth/scope.ts";
import { type Context, enter } from "../verb.ts";
import { type DeviceRequest, deviceRequest, type RequestingClient } from "./device-request.ts";

export interface InspectedRequest {
  request: DeviceRequest;
  /** Each scope asked for, and whether whoever asks may grant it. */
  scopes: GrantableScope[];
}

/**
 * What whoever may approve sees of a device's request: of an instance of their own tenant, or one that nobody has claimed.
 * Throws `not-found` for any other code, alike, and `forbidden` for who may not approve.
 */
export async function inspectDevice(context: Context, userCode: string): Promise<InspectedRequest> {
  const request = await deviceRequest(context.deps, userCode);
  const { entered } = await enter(towards(context, request.client), "device:approve", () => []);
  // Nobody in person approves with an API key (RFC 8628 section 3.3), so there is nothing for it to see.
  if (entered.actorKind !== "person" && entered.actorKind !== "personal-access-token") throw new Problem("forbidden");
  const scopes = grantableScopes({
    requested: parseScope(request.scope),
    registered: parseScope(request.client.scope),
    permissions: entered.permissions,
  });
  return { request, scopes };
}

/** The context in the tenant of the instance, where it has one. Throws `not-found` where the caller names another. */
export function towards(context: Context, client: Pick<RequestingClient, "tenantId">): Context {
  if (client.tenantId === null) return context;
  if (context.target !== null && context.target !== client.tenantId) throw new Problem("not-found");
  return { ...context, target: client.tenantId };
}

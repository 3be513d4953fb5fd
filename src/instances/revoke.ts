import type { Id } from "../core/id.ts";
import type { Context } from "../verb.ts";
import { endInstance } from "./end.ts";

/**
 * Revokes an instance for good, and keeps it in the list: its secret, its tokens and the sign-ins on it end. Changes
 * nothing where it is so already. Throws `not-found`, also for a removed one, and `forbidden`.
 */
export async function revokeInstance(context: Context, id: Id<"instance">): Promise<{ effective: boolean }> {
  return await endInstance(context, id, { removing: false });
}

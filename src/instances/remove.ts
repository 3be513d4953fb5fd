import type { Id } from "../core/id.ts";
import type { Context } from "../verb.ts";
import { endInstance } from "./end.ts";

/**
 * Removes an instance, with its secret and the sign-ins on it; all of it is forgotten 90 days later. Throws `not-found`,
 * `forbidden`.
 */
export async function removeInstance(context: Context, id: Id<"instance">): Promise<{ effective: boolean }> {
  return await endInstance(context, id, { removing: true });
}

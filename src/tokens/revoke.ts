import type { Id } from "../core/id.ts";
import { revokeWhere } from "../keys/revoke.ts";
import type { Context } from "../verb.ts";
import { isOwnToken } from "./list.ts";

/** Revokes a token of whoever asks, also the one that asks. As `revokeApiKey`. Throws `not-found` for anybody else's. */
export async function revokeToken(context: Context, id: Id<"credential">): Promise<{ effective: boolean }> {
  return await revokeWhere(context, "tokens:write", id, isOwnToken);
}

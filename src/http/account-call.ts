import * as z from "zod";
import type { ApiKeyCredential } from "../access/credential.ts";
import { toHex } from "../core/bytes.ts";
import { type Id, type IdKind, parseId } from "../core/id.ts";
import type { Deps } from "../deps.ts";
import { takeOrRefuse } from "../gate/limit.ts";
import type { Context } from "../verb.ts";
import { plainText } from "./text-schema.ts";

/**
 * What every account route does first: takes from the key's limits, and makes the context of its verb, on the key's own
 * tenant or on one below it.
 */
export async function accountCall(
  input: { deps: Deps; requestId: string; credential: ApiKeyCredential },
  target: Id<"tenant"> | null = null,
): Promise<{ context: Context; headers: Record<string, string> }> {
  const { deps, credential, requestId } = input;
  const headers = await takeOrRefuse(deps, credential.gateId, {
    requestId,
    routeClass: "account",
    subjects: { key: toHex(credential.hash) },
  });
  const context: Context = {
    deps,
    requestId: requestId as Id<"request">,
    credentialHash: credential.hash,
    target,
  };
  return { context, headers };
}

/** A typed id as a parameter or field: refused when malformed, before anything is looked up. */
export function idSchema<K extends IdKind>(kind: K) {
  return z
    .custom<Id<K>>((value) => typeof value === "string" && parseId(kind, value) !== null)
    .meta({ type: "string" });
}

/** What a person calls a key. */
export const keyName = plainText(100).min(1);
/** When a key ends: seconds since 1970, which its verb has in the future; year 9999 at the latest. */
export const validUntil = z.int().min(1).max(253_402_300_799).nullish();

/** `?limit=…&cursor=…` of a list; the cursor is the last id of the page before. */
export function pageQuery<K extends IdKind>(kind: K) {
  return z.object({
    limit: z.coerce.number().int().min(1).max(200).default(50),
    cursor: idSchema(kind).optional(),
  });
}

/** A list as it goes out: one page, and the cursor of the next, null at the end. */
export function listBody<T, U>(page: { items: readonly T[]; next: string | null }, show: (item: T) => U) {
  return { object: "list", data: page.items.map(show), next_cursor: page.next };
}

export function listSchema<T extends z.ZodType>(item: T) {
  return z.object({ object: z.literal("list"), data: z.array(item), next_cursor: z.string().nullable() });
}

/** Times on /api/v1 are whole seconds since 1970. */
export function seconds(ms: number): number {
  return Math.floor(ms / 1000);
}

export function secondsOrNull(ms: number | null): number | null {
  return ms === null ? null : seconds(ms);
}

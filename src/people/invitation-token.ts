import type { RoutingKeys } from "../access/routing-id.ts";
import { hashSecret } from "../access/secret.ts";
import { concat, equalConstantTime, fromHex, toBase64Url } from "../core/bytes.ts";
import { type Id, uuidFromId } from "../core/id.ts";

/** `ebbi_` and base64url of 48 bytes: the invitation's id and its HMAC-SHA256. */
export const INVITATION_TOKEN = /^ebbi_[A-Za-z0-9_-]{64}$/;

/**
 * The one-time token of an invitation. It follows from the id and a key of ours, so that the outbox of mails holds no
 * secret: whoever sends the mail makes it anew. Its SHA-256 is what the invitation keeps.
 */
export async function invitationToken(id: Id<"invitation">, { current, keys }: RoutingKeys): Promise<string> {
  return await tokenWith(id, keys.get(current) as CryptoKey);
}

/**
 * The same token again, with the key it was made with, which need not be the current one any more: the one that has this
 * SHA-256. Null where we have that key no longer.
 */
export async function invitationTokenAgain(
  id: Id<"invitation">,
  { keys }: RoutingKeys,
  hash: Uint8Array,
): Promise<string | null> {
  for (const key of keys.values()) {
    const token = await tokenWith(id, key);
    if (equalConstantTime(await hashSecret(token), hash)) return token;
  }
  return null;
}

async function tokenWith(id: Id<"invitation">, key: CryptoKey): Promise<string> {
  const bytes = fromHex(uuidFromId("invitation", id).replaceAll("-", ""));
  const message = concat(new TextEncoder().encode("invitation"), bytes);
  const mac = await crypto.subtle.sign("HMAC", key, message);
  return `ebbi_${toBase64Url(concat(bytes, new Uint8Array(mac)))}`;
}

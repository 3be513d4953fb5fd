import { toBase64Url } from "../core/bytes.ts";

/** A new secret: 256 random bits as base64url. It is shown once and kept as its SHA-256. */
export function newSecret(): string {
  return toBase64Url(crypto.getRandomValues(new Uint8Array(32)));
}

/** SHA-256 of a secret, which is all that is stored of it. */
export async function hashSecret(secret: string): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(secret)));
}

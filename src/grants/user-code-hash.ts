import { hashSecret } from "../access/secret.ts";

/** SHA-256 of a user code as it is shown. Short as it is, the hash hides it from whoever only sees the table for minutes. */
export function userCodeHash(userCode: string): Promise<Uint8Array> {
  return hashSecret(`user code ${userCode}`);
}

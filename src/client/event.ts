import type { ClientError } from "./result.ts";

/**
 * What the client reports. Being offline is no event: it is as usual as night.
 * `registered`: print the claim code, without which nobody can claim the instance; null when a key has claimed it.
 */
export type ClientEvent =
  | { type: "registered"; clientId: string; claimCode: string | null; registrationExpiresAtMs: number | null }
  | { type: "registration-refused"; error: ClientError }
  | { type: "pinged"; collect: boolean; nextAtMs: number | null }
  | { type: "ping-failed"; error: ClientError; nextAtMs: number | null }
  | { type: "signed-in"; scope: string }
  | { type: "refreshed"; scope: string }
  | { type: "signed-out"; reason: string }
  | { type: "store-failed"; during: "read" | "write" }
  | { type: "store-unreadable" };

import type { Id } from "./id.ts";

/**
 * What a gate hears of the account side, in the order of the outbox. Each is idempotent; a later message about the same
 * thing wins, and a removal is final.
 */
export type GateMessage =
  | {
      kind: "tenant";
      tenantId: Id<"tenant">;
      status: "active" | "suspended" | "closed";
      plan: "free" | "team" | "enterprise";
    }
  | {
      kind: "client";
      clientId: string;
      instanceId: Id<"instance">;
      /** SHA-256 of the client's secret, base64url. */
      secretHash: string;
      scope: string;
    }
  | { kind: "instance-removed"; instanceId: Id<"instance">; clientId: string; removedAtMs: number };

/** A message with its place in the outbox. */
export interface Posted {
  id: number;
  message: GateMessage;
}

import type { Declared } from "../declared-type.ts";
import { addsAny, attempt, operational, processors, reads, retention, seesAll, suspect } from "./shorthand.ts";

/** Who tried to come in and what was refused. Written by functions alone. */
const recorded = {
  retention: "security-events",
  anchor: { at: "column", columns: ["recorded_at"] },
  layout: { kind: "partitioned", by: "month" },
  subject: "actor_id",
  key: ["id", "expires_at"],
  access: { ebb_maint: [seesAll, addsAny] },
  holds: "honoured",
  recipients: processors,
} as const;

export const authenticationEvents: Declared<"authenticationEvents"> = {
  what: "A sign-in, a sign-out, the use of a key or the issue of a token, and whether it was refused.",
  ...recorded,
  access: { ...recorded.access, ebb_app: [reads()] },
  columns: {
    id: suspect,
    tenantId: suspect,
    recordedAt: attempt,
    event: attempt,
    outcome: attempt,
    actorKind: attempt,
    actorId: suspect,
    personId: suspect,
    place: attempt,
    reason: attempt,
    requestId: operational,
    expiresAt: retention,
  },
};

export const securityEvents: Declared<"securityEvents"> = {
  what: "Something that may endanger an account, or that was done to protect it.",
  ...recorded,
  columns: {
    id: suspect,
    tenantId: suspect,
    recordedAt: attempt,
    kind: attempt,
    severity: attempt,
    actorKind: attempt,
    actorId: suspect,
    detail: attempt,
    requestId: operational,
    expiresAt: retention,
  },
};

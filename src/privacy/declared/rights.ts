import type { Declared } from "../declared-type.ts";
import { addsAny, ends, processors, request, requester, retention, seesAll } from "./shorthand.ts";

/** What people asked of us, and what must not be deleted meanwhile. Holds are written by functions alone. */
const untilClosed = {
  retention: "rights-requests",
  anchor: { at: "column", columns: ["closed_at"] },
  layout: { kind: "state" },
  key: ["id"],
  access: {},
  holds: "honoured",
  recipients: processors,
} as const;

export const rightsRequests: Declared<"rightsRequests"> = {
  what: "A request under GDPR articles 15 to 21, and what came of it.",
  ...untilClosed,
  subject: "person_id",
  columns: {
    id: requester,
    tenantId: requester,
    personId: requester,
    kind: request,
    requestedAt: request,
    dueAt: request,
    closedAt: request,
    outcome: request,
    expiresAt: retention,
  },
};

const hold = { ...request, purpose: "LegalCompliance" } as const;
const held = { ...requester, purpose: "LegalCompliance" } as const;

export const legalHolds: Declared<"legalHolds"> = {
  what: "What the purge must leave alone: by tenant, subject or class, with the reason and who placed it.",
  ...untilClosed,
  access: { ebb_maint: [seesAll, addsAny, ends("closed_at", "outcome")] },
  subject: "subject_id",
  columns: {
    id: held,
    tenantId: held,
    subjectId: held,
    subjectKind: hold,
    retentionClass: hold,
    reason: hold,
    placedBy: held,
    placedAt: hold,
    reviewAt: hold,
    closedAt: hold,
    outcome: hold,
    expiresAt: retention,
  },
};

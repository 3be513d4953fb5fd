import type { Declared } from "../declared-type.ts";
import { account, id, mail, operational, processors, retention, secretHash } from "./shorthand.ts";

/** What outlives the request that made it, by hours or days. Nobody writes or reads these yet. */
const fresh = { layout: { kind: "state" }, access: {}, holds: "ignored" } as const;

export const unclaimedRegistrations: Declared<"unclaimedRegistrations"> = {
  what: "An instance that registered itself and that no tenant has claimed.",
  ...fresh,
  retention: "unclaimed-registrations",
  anchor: { at: "column", columns: ["registered_at"] },
  subject: "id",
  key: ["id"],
  recipients: processors,
  columns: { id, clientId: id, secretHash, gateId: operational, registeredAt: account, expiresAt: retention },
};

export const idempotencyRecords: Declared<"idempotencyRecords"> = {
  what: "An answer that a repeat of its request gets again.",
  ...fresh,
  retention: "idempotency-records",
  anchor: { at: "column", columns: ["recorded_at"] },
  subject: "tenant_id",
  key: ["tenant_id", "key"],
  recipients: processors,
  columns: {
    tenantId: id,
    key: operational,
    route: operational,
    requestHash: operational,
    status: operational,
    response: account,
    recordedAt: operational,
    expiresAt: retention,
  },
};

export const mailOutbox: Declared<"mailOutbox"> = {
  what: "Mail to be sent.",
  ...fresh,
  retention: "dead-letters",
  anchor: { at: "column", columns: ["recorded_at"] },
  subject: "recipient",
  key: ["id"],
  recipients: [...processors, "mail-provider"],
  columns: {
    id: mail,
    tenantId: id,
    recipient: { ...mail, category: "EmailAddress" },
    template: mail,
    parameters: mail,
    attempts: operational,
    recordedAt: operational,
    sentAt: operational,
    expiresAt: retention,
  },
};

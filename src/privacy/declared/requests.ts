import type { Declared } from "../declared-type.ts";
import {
  account,
  adds,
  addsAny,
  addsTarget,
  attempt,
  ends,
  id,
  mail,
  operational,
  processors,
  readsTarget,
  retention,
  secretHash,
  seesAll,
} from "./shorthand.ts";

/** What outlives the request that made it, by hours or days. */
const fresh = { layout: { kind: "state" }, access: {}, holds: "ignored" } as const;

export const unclaimedRegistrations: Declared<"unclaimedRegistrations"> = {
  what: "An instance that registered itself and that no tenant has claimed.",
  ...fresh,
  retention: "unclaimed-registrations",
  anchor: { at: "column", columns: ["registered_at"] },
  subject: "id",
  key: ["id"],
  access: {
    ebb_maint: [
      seesAll,
      addsAny,
      ends(
        ...["country", "network_operator", "claim_attempts", "claimed_at", "scope", "grant_types", "redirect_uris"],
        // A registration that is repeated has another secret and another claim code.
        ...["secret_hash", "claim_code_hash", "idempotency_hash"],
      ),
    ],
  },
  recipients: processors,
  columns: {
    id,
    clientId: id,
    secretHash,
    gateId: operational,
    name: account,
    scope: account,
    grantTypes: account,
    redirectUris: account,
    tokenEndpointAuthMethod: account,
    country: attempt,
    networkOperator: attempt,
    claimCodeHash: secretHash,
    claimCodeDemanded: account,
    claimAttempts: attempt,
    idempotencyHash: secretHash,
    requestHash: operational,
    registeredAt: account,
    claimedAt: account,
    expiresAt: retention,
  },
};

export const idempotencyRecords: Declared<"idempotencyRecords"> = {
  what: "An answer that a repeat of its request gets again.",
  ...fresh,
  retention: "idempotency-records",
  anchor: { at: "column", columns: ["recorded_at"] },
  subject: "tenant_id",
  key: ["tenant_id", "actor_id", "key", "recorded_at"],
  // Of a registration that is repeated, by a key that may be used up and so enters no tenant.
  access: { ebb_app: [readsTarget, addsTarget], ebb_maint: [seesAll] },
  recipients: processors,
  columns: {
    tenantId: id,
    actorId: id,
    key: operational,
    route: operational,
    requestHash: operational,
    result: account,
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
  access: { ebb_app: [adds], ebb_maint: [seesAll, addsAny, ends("attempts", "sent_at")] },
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

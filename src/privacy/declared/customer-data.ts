import type { Declared } from "../declared-type.ts";
import { account, entrusted, id, language, name, preference, processors, retention, seesAndEnds } from "./shorthand.ts";

/** What customers entrust to us. Nobody reads it yet; its end follows from the subscription's. */
const whileSubscribed = {
  retention: "customer-data",
  anchor: { at: "column", columns: ["removed_at", "subscription_ended_at"] },
  layout: { kind: "state" },
  key: ["id"],
  access: { ebb_maint: seesAndEnds },
  holds: "honoured",
  recipients: processors,
} as const;

export const profiles: Declared<"profiles"> = {
  what: "What a person has told a tenant of themselves, and their preferences.",
  ...whileSubscribed,
  subject: "person_id",
  columns: {
    id,
    tenantId: id,
    personId: id,
    displayName: name,
    language,
    preferences: preference,
    createdAt: account,
    removedAt: account,
    subscriptionEndedAt: account,
    expiresAt: retention,
  },
};

export const connections: Declared<"connections"> = {
  what: "An account elsewhere that a tenant lets its instances use.",
  ...whileSubscribed,
  subject: "tenant_id",
  columns: {
    id,
    tenantId: id,
    provider: account,
    name: account,
    scopes: account,
    createdAt: account,
    removedAt: account,
    subscriptionEndedAt: account,
    expiresAt: retention,
  },
};

export const encryptedCredentials: Declared<"encryptedCredentials"> = {
  what: "The secret of a connection, encrypted under the tenant's data key.",
  ...whileSubscribed,
  subject: "tenant_id",
  columns: {
    id,
    tenantId: id,
    connectionId: id,
    keyId: account,
    nonce: entrusted,
    ciphertext: entrusted,
    createdAt: account,
    removedAt: account,
    subscriptionEndedAt: account,
    expiresAt: retention,
  },
};

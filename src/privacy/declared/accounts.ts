import type { Declared } from "../declared-type.ts";
import { account, contact, id, name, processors, reads, retention, role, seesAll, seesAndEnds } from "./shorthand.ts";

/** Who: organisations, their subscriptions, people and workspaces. */
export const tenants: Declared<"tenants"> = {
  what: "An organisation: the platform owner, a reseller, a direct customer or a reseller's client.",
  retention: "account-information",
  anchor: { at: "column", columns: ["ended_at"] },
  layout: { kind: "state" },
  subject: "id",
  key: ["id"],
  access: {
    ebb_app: [{ command: "select", reach: "entered-subtree" }],
    ebb_maint: seesAndEnds,
  },
  holds: "honoured",
  recipients: processors,
  columns: {
    id,
    parentId: id,
    path: id,
    kind: account,
    name,
    status: account,
    homeRegion: account,
    gateId: id,
    createdAt: account,
    endedAt: account,
    subscriptionEndedAt: account,
    expiresAt: retention,
  },
};

export const subscriptions: Declared<"subscriptions"> = {
  what: "A tenant's plan and for how long it has run.",
  retention: "account-information",
  anchor: { at: "column", columns: ["ended_at"] },
  layout: { kind: "state" },
  subject: "tenant_id",
  key: ["id"],
  access: { ebb_app: [reads()], ebb_maint: [seesAll] },
  holds: "honoured",
  recipients: processors,
  columns: {
    id,
    tenantId: id,
    plan: account,
    status: account,
    startedAt: account,
    endedAt: account,
    expiresAt: retention,
  },
};

export const people: Declared<"people"> = {
  what: "A person who has signed in: (issuer, subject).",
  retention: "account-information",
  anchor: { at: "column", columns: ["removed_at"] },
  layout: { kind: "state" },
  subject: "id",
  key: ["id"],
  access: { ebb_app: [{ command: "select", reach: "members-of-entered-tenant" }] },
  holds: "honoured",
  recipients: processors,
  columns: {
    id,
    issuer: id,
    subject: id,
    email: contact,
    name,
    createdAt: account,
    removedAt: account,
    expiresAt: retention,
  },
};

export const memberships: Declared<"memberships"> = {
  what: "That a person belongs to a tenant, and as what.",
  retention: "account-information",
  anchor: { at: "column", columns: ["removed_at", "subscription_ended_at"] },
  layout: { kind: "state" },
  subject: "person_id",
  key: ["id"],
  access: { ebb_app: [reads()], ebb_maint: seesAndEnds },
  holds: "honoured",
  recipients: processors,
  columns: {
    id,
    tenantId: id,
    personId: id,
    role,
    createdAt: account,
    removedAt: account,
    subscriptionEndedAt: account,
    expiresAt: retention,
  },
};

export const workspaces: Declared<"workspaces"> = {
  what: "A group of a tenant's instances.",
  retention: "account-information",
  anchor: { at: "column", columns: ["removed_at", "subscription_ended_at"] },
  layout: { kind: "state" },
  subject: "tenant_id",
  key: ["id"],
  access: { ebb_app: [reads()], ebb_maint: seesAndEnds },
  holds: "honoured",
  recipients: processors,
  columns: {
    id,
    tenantId: id,
    name: account,
    generation: account,
    createdAt: account,
    removedAt: account,
    subscriptionEndedAt: account,
    expiresAt: retention,
  },
};

import type { Declared } from "../declared-type.ts";
import { account, addsAny, id, processors, readsTarget, retention, seesAll } from "./shorthand.ts";

/** Written by functions alone, which know who asks. */
const access: Declared<"limitOverrides">["access"] = {
  ebb_app: [readsTarget],
  ebb_maint: [seesAll, addsAny, { command: "update", reach: "all", columns: ["removed_at", "subscription_ended_at"] }],
};

/** What tenants may use, where it is not what their plan says. */
export const limitOverrides: Declared<"limitOverrides"> = {
  what: "A tenant's limit that the platform owner has set instead of its plan's.",
  retention: "account-information",
  anchor: { at: "column", columns: ["removed_at", "subscription_ended_at"] },
  layout: { kind: "state" },
  subject: "tenant_id",
  key: ["id"],
  access,
  holds: "honoured",
  recipients: processors,
  columns: {
    id,
    tenantId: id,
    policy: account,
    atMost: account,
    setAt: account,
    removedAt: account,
    subscriptionEndedAt: account,
    expiresAt: retention,
  },
};

export const limitAllotments: Declared<"limitAllotments"> = {
  what: "What a reseller allots to one of its clients out of its own limit.",
  retention: "account-information",
  anchor: { at: "column", columns: ["removed_at", "subscription_ended_at"] },
  layout: { kind: "state" },
  subject: "tenant_id",
  key: ["id"],
  access,
  holds: "honoured",
  recipients: processors,
  columns: {
    id,
    tenantId: id,
    clientId: id,
    policy: account,
    atMost: account,
    setAt: account,
    removedAt: account,
    subscriptionEndedAt: account,
    expiresAt: retention,
  },
};

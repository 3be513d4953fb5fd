import { getTableColumns, getTableName, is, type Table } from "drizzle-orm";
import { CasingCache } from "drizzle-orm/casing";
import { PgTable } from "drizzle-orm/pg-core";
import * as schema from "../db/schema.ts";
import type { Access, ColumnDeclaration, TableDeclaration } from "./declaration.ts";

type Tables = { [K in keyof typeof schema]: (typeof schema)[K] extends Table ? (typeof schema)[K] : never };
type Inventory = { [K in keyof Tables]: TableDeclaration<keyof Tables[K]["_"]["columns"] & string> };

const id: ColumnDeclaration = { category: "identifier", purpose: "provide-the-service", basis: "contract" };
const account: ColumnDeclaration = { category: "account-data", purpose: "provide-the-service", basis: "contract" };
const name: ColumnDeclaration = { category: "name", purpose: "provide-the-service", basis: "contract" };
const contact: ColumnDeclaration = { category: "contact-data", purpose: "provide-the-service", basis: "contract" };
const device: ColumnDeclaration = {
  category: "device-data",
  purpose: "service-statistics",
  basis: "legitimate-interests",
};
const usage: ColumnDeclaration = {
  category: "usage-data",
  purpose: "service-statistics",
  basis: "legitimate-interests",
};
const secretHash: ColumnDeclaration = {
  category: "authentication-secret-hash",
  purpose: "security",
  basis: "contract",
};
const evidence: ColumnDeclaration = { category: "audit-record", purpose: "accountability", basis: "legal-obligation" };
const operational: ColumnDeclaration = { category: "operational", purpose: "provide-the-service", basis: "none" };
const retention: ColumnDeclaration = { category: "operational", purpose: "retention", basis: "legal-obligation" };

const reads = (columns?: readonly string[]): Access => ({
  command: "select",
  reach: "entered-tenant",
  ...(columns && { columns }),
});
const adds: Access = { command: "insert", reach: "entered-tenant" };
const changes = (...columns: string[]): Access => ({ command: "update", reach: "entered-tenant", columns });
const seesAll: Access = { command: "select", reach: "all" };
const addsAny: Access = { command: "insert", reach: "all" };

/**
 * What Ebb knows, about whom, why and for how long: one declaration for every table and column. Policies, grants,
 * expiry triggers and the purge are generated from it (`npm run generate`). A column of the schema that is not declared
 * here does not compile.
 */
export const INVENTORY: Inventory = {
  tenants: {
    what: "An organisation: the platform owner, a reseller, a direct customer or a reseller's client.",
    retention: "account-information",
    anchor: { at: "column", columns: ["ended_at"] },
    layout: { kind: "state" },
    subject: "id",
    key: ["id"],
    access: {
      ebb_app: [{ command: "select", reach: "entered-subtree" }],
      ebb_maint: [seesAll],
    },
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
      expiresAt: retention,
    },
  },
  subscriptions: {
    what: "A tenant's plan and for how long it has run.",
    retention: "account-information",
    anchor: { at: "column", columns: ["ended_at"] },
    layout: { kind: "state" },
    subject: "tenant_id",
    key: ["id"],
    access: { ebb_app: [reads()] },
    columns: {
      id,
      tenantId: id,
      plan: account,
      status: account,
      startedAt: account,
      endedAt: account,
      expiresAt: retention,
    },
  },
  people: {
    what: "A person who has signed in: (issuer, subject).",
    retention: "account-information",
    anchor: { at: "column", columns: ["removed_at"] },
    layout: { kind: "state" },
    subject: "id",
    key: ["id"],
    access: { ebb_app: [{ command: "select", reach: "members-of-entered-tenant" }] },
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
  },
  memberships: {
    what: "That a person belongs to a tenant, and as what.",
    retention: "account-information",
    anchor: { at: "column", columns: ["removed_at"] },
    layout: { kind: "state" },
    subject: "person_id",
    key: ["id"],
    access: { ebb_app: [reads()] },
    columns: {
      id,
      tenantId: id,
      personId: id,
      role: account,
      createdAt: account,
      removedAt: account,
      expiresAt: retention,
    },
  },
  workspaces: {
    what: "A group of a tenant's instances.",
    retention: "account-information",
    anchor: { at: "column", columns: ["removed_at"] },
    layout: { kind: "state" },
    subject: "tenant_id",
    key: ["id"],
    access: { ebb_app: [reads()] },
    columns: {
      id,
      tenantId: id,
      name: account,
      generation: account,
      createdAt: account,
      removedAt: account,
      expiresAt: retention,
    },
  },
  instances: {
    what: "A copy of the software on somebody's machine, registered with us.",
    retention: "account-information",
    anchor: { at: "column", columns: ["removed_at"] },
    layout: { kind: "state" },
    subject: "id",
    key: ["id"],
    access: {
      ebb_app: [reads(), adds, changes("name", "removed_at")],
      ebb_ingest: [{ command: "select", reach: "live", columns: ["id", "tenant_id", "removed_at", "expires_at"] }],
      ebb_maint: [seesAll],
    },
    columns: {
      id,
      tenantId: id,
      workspaceId: id,
      name,
      clientId: id,
      scope: account,
      grantTypes: account,
      registeredAt: account,
      removedAt: account,
      expiresAt: retention,
    },
  },
  credentials: {
    what: "A secret by its hash: an API key, or the secret of an instance's OAuth client.",
    retention: "account-information",
    anchor: { at: "column", columns: ["revoked_at", "valid_until"] },
    layout: { kind: "state" },
    subject: "instance_id",
    key: ["id"],
    access: {
      // The hash is written but never read back: only `ebb.enter` compares it.
      ebb_app: [
        reads([
          "id",
          "tenant_id",
          "kind",
          "name",
          "instance_id",
          "person_id",
          "permissions",
          "created_at",
          "valid_until",
          "revoked_at",
          "expires_at",
        ]),
        adds,
        changes("name", "revoked_at"),
      ],
      ebb_maint: [seesAll],
    },
    columns: {
      id,
      tenantId: id,
      kind: account,
      name: account,
      instanceId: id,
      personId: id,
      secretHash,
      permissions: account,
      createdAt: account,
      validUntil: account,
      revokedAt: account,
      expiresAt: retention,
    },
  },
  registrationKeys: {
    what: "A key with which instances register into a workspace, by its hash.",
    retention: "registration-keys",
    anchor: { at: "column", columns: ["used_up_at", "valid_until", "revoked_at"] },
    layout: { kind: "state" },
    subject: "tenant_id",
    key: ["id"],
    access: {
      ebb_app: [
        reads([
          "id",
          "tenant_id",
          "workspace_id",
          "name",
          "reusable",
          "uses",
          "created_at",
          "used_up_at",
          "valid_until",
          "revoked_at",
          "expires_at",
        ]),
        adds,
        changes("uses", "used_up_at", "revoked_at"),
      ],
      ebb_maint: [seesAll],
    },
    columns: {
      id,
      tenantId: id,
      workspaceId: id,
      name: account,
      secretHash,
      reusable: account,
      uses: account,
      createdAt: account,
      usedUpAt: account,
      validUntil: account,
      revokedAt: account,
      expiresAt: retention,
    },
  },
  pings: {
    what: "That an instance was alive on a day, and its operating system.",
    retention: "alive-pings",
    anchor: { at: "bucket", column: "bucket" },
    layout: { kind: "partitioned", by: "day" },
    subject: "instance_id",
    key: ["tenant_id", "instance_id", "kind", "bucket", "expires_at"],
    access: {
      ebb_app: [reads()],
      ebb_ingest: [{ command: "insert", reach: "unexpired" }],
      ebb_maint: [seesAll, addsAny],
    },
    columns: {
      tenantId: id,
      instanceId: id,
      kind: usage,
      bucket: usage,
      receivedAt: usage,
      osKind: device,
      osName: device,
      osVersion: device,
      expiresAt: retention,
    },
  },
  deadLetters: {
    what: "A journal row that Postgres would not take, and why.",
    retention: "dead-letters",
    anchor: { at: "column", columns: ["recorded_at"] },
    layout: { kind: "state" },
    subject: "tenant_id",
    key: ["id"],
    access: { ebb_app: [reads()], ebb_ingest: [{ command: "insert", reach: "unexpired" }] },
    columns: {
      id,
      tenantId: id,
      gateId: id,
      reason: operational,
      body: usage,
      recordedAt: usage,
      expiresAt: retention,
    },
  },
  outbox: {
    what: "A change that a gate must hear of.",
    retention: "outbox-rows",
    anchor: { at: "column", columns: ["recorded_at"] },
    layout: { kind: "state" },
    subject: "tenant_id",
    key: ["id"],
    access: {
      ebb_app: [adds],
      ebb_maint: [seesAll, { command: "update", reach: "all", columns: ["delivered_at"] }],
    },
    columns: {
      id: operational,
      tenantId: id,
      gateId: id,
      message: secretHash,
      recordedAt: operational,
      deliveredAt: operational,
      expiresAt: retention,
    },
  },
  auditEntries: {
    what: "Who changed what, when: appended to by one function, never changed.",
    retention: "audit-entries",
    anchor: { at: "column", columns: ["recorded_at"] },
    layout: { kind: "partitioned", by: "quarter" },
    subject: "actor_id",
    key: ["tenant_id", "id", "expires_at"],
    access: { ebb_app: [reads()], ebb_maint: [seesAll, addsAny] },
    columns: {
      id: evidence,
      tenantId: evidence,
      recordedAt: evidence,
      actorKind: evidence,
      actorId: evidence,
      action: evidence,
      subject: evidence,
      detail: evidence,
      requestId: evidence,
      expiresAt: retention,
    },
  },
  gateHeartbeats: {
    what: "When a gate last flushed, what it counted, and how much it still held.",
    retention: "dead-letters",
    anchor: { at: "column", columns: ["heard_at"] },
    layout: { kind: "state" },
    subject: "tenant_id",
    key: ["gate_id"],
    access: {
      ebb_app: [reads()],
      ebb_maint: [
        seesAll,
        addsAny,
        {
          command: "update",
          reach: "all",
          columns: ["heard_at", "pending", "recorded", "repeated", "expired", "gone", "dead"],
        },
      ],
    },
    columns: {
      gateId: id,
      tenantId: id,
      heardAt: operational,
      pending: operational,
      recorded: operational,
      repeated: operational,
      expired: operational,
      gone: operational,
      dead: operational,
      expiresAt: retention,
    },
  },
  straightWindows: {
    what: "How many pings of a tenant took the straight way in one minute.",
    retention: "gate-windows",
    anchor: { at: "column", columns: ["minute"] },
    layout: { kind: "state" },
    subject: "tenant_id",
    key: ["tenant_id", "minute"],
    access: { ebb_maint: [seesAll, addsAny, { command: "update", reach: "all", columns: ["used"] }] },
    columns: { tenantId: id, minute: operational, used: operational, expiresAt: retention },
  },
};

/** A declared table by its SQL names, in the order in which the purge works: children before their parents. */
export interface DeclaredTable extends TableDeclaration<string> {
  table: string;
}

const casing = new CasingCache("snake_case");
const tables: Record<string, unknown> = { ...schema };

/** The inventory with SQL names in place of TypeScript's. */
export function declaredTables(): DeclaredTable[] {
  return Object.entries(INVENTORY).map(([key, declaration]) => {
    const table = tables[key];
    if (!is(table, PgTable)) throw new TypeError(`${key} is not a table`);
    const names = Object.entries(getTableColumns(table)).map(([property, column]) => {
      const declared = (declaration.columns as Record<string, ColumnDeclaration>)[property];
      if (declared === undefined) throw new TypeError(`${key}.${property} is not declared`);
      return [casing.getColumnCasing(column), declared] as const;
    });
    return { ...declaration, table: getTableName(table), columns: Object.fromEntries(names) };
  });
}

import type { Declared } from "../declared-type.ts";
import { account, adds, changes, id, name, reads, retention, secretHash, seesAll } from "./shorthand.ts";

/** What is registered with us, and the secrets (by their hashes) that prove it. */
export const instances: Declared<"instances"> = {
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
};

export const credentials: Declared<"credentials"> = {
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
};

export const registrationKeys: Declared<"registrationKeys"> = {
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
};

import type { Declared } from "../declared-type.ts";
import {
  account,
  adds,
  addsAny,
  attempt,
  changes,
  contact,
  ends,
  entrusted,
  id,
  operational,
  processors,
  reads,
  retention,
  role,
  secretHash,
  seesAll,
  seesAndEnds,
} from "./shorthand.ts";

/** Signing in. Before it nobody has entered a tenant: one function each looks up, and returns ids. */
const common = { layout: { kind: "state" }, key: ["id"], access: {}, recipients: processors } as const;
const code = {
  ...common,
  retention: "login-codes",
  anchor: { at: "column", columns: ["issued_at"] },
  holds: "ignored",
} as const;
const session = { ...code, retention: "sessions", holds: "honoured" } as const;

export const deviceCodes: Declared<"deviceCodes"> = {
  what: "A sign-in of a device that waits for its person's approval (RFC 8628).",
  ...code,
  subject: "person_id",
  access: {
    ebb_maint: [
      seesAll,
      addsAny,
      ends(
        "person_id",
        "tenant_id",
        "instance_id",
        "granted_scope",
        "credential_id",
        "approved_at",
        "denied_at",
        "polled_at",
        "interval_s",
        "used_at",
      ),
    ],
  },
  columns: {
    id,
    deviceCodeHash: secretHash,
    userCodeHash: secretHash,
    clientId: id,
    scope: account,
    personId: id,
    tenantId: id,
    instanceId: id,
    grantedScope: account,
    credentialId: id,
    issuedAt: attempt,
    approvedAt: attempt,
    deniedAt: attempt,
    polledAt: attempt,
    intervalS: operational,
    usedAt: attempt,
    expiresAt: retention,
  },
};

export const authorizationCodes: Declared<"authorizationCodes"> = {
  what: "A code that a client exchanges for tokens, by its hash.",
  ...code,
  subject: "person_id",
  access: { ebb_maint: [seesAll, addsAny, ends("used_at", "family_id")] },
  columns: {
    id,
    codeHash: secretHash,
    clientId: id,
    personId: id,
    tenantId: id,
    instanceId: id,
    redirectUri: account,
    codeChallenge: secretHash,
    scope: account,
    issuedAt: attempt,
    usedAt: attempt,
    familyId: id,
    expiresAt: retention,
  },
};

export const loginStates: Declared<"loginStates"> = {
  what: "A sign-in that is under way at an OpenID provider.",
  ...code,
  access: { ebb_maint: [seesAll, addsAny, ends("used_at")] },
  subject: null,
  columns: {
    id,
    stateHash: secretHash,
    provider: account,
    issuer: account,
    nonce: secretHash,
    codeVerifier: secretHash,
    returnTo: account,
    issuedAt: attempt,
    usedAt: attempt,
    expiresAt: retention,
  },
};

export const sessions: Declared<"sessions"> = {
  what: "A person's session in a browser, by the hash of its cookie.",
  ...session,
  alsoEnds: { column: "closed_at", retention: "cancelled-account" },
  subject: "person_id",
  access: { ebb_maint: [seesAll, addsAny, ends("closed_at", "ended_at")] },
  columns: {
    id,
    personId: id,
    secretHash,
    issuedAt: attempt,
    endedAt: attempt,
    closedAt: account,
    expiresAt: retention,
  },
};

export const tokenFamilies: Declared<"tokenFamilies"> = {
  what: "That a person signed in on an instance, with what was granted, and until when.",
  ...session,
  anchor: { at: "column", columns: ["renewed_at"] },
  subject: "person_id",
  access: { ebb_app: [reads()], ebb_maint: [seesAll, addsAny, ends("renewed_at", "ended_at")] },
  columns: {
    id,
    tenantId: id,
    instanceId: id,
    personId: id,
    clientId: id,
    scope: account,
    credentialId: id,
    startedAt: attempt,
    renewedAt: attempt,
    endedAt: attempt,
    expiresAt: retention,
  },
};

export const refreshTokens: Declared<"refreshTokens"> = {
  what: "A token with which new access tokens are got, by its hash.",
  ...session,
  subject: "person_id",
  access: { ebb_maint: [seesAll, addsAny, ends("used_at", "revoked_at")] },
  columns: {
    id,
    familyId: id,
    tenantId: id,
    personId: id,
    secretHash,
    predecessorId: id,
    issuedAt: attempt,
    usedAt: attempt,
    revokedAt: attempt,
    expiresAt: retention,
  },
};

export const invitations: Declared<"invitations"> = {
  what: "That somebody was invited to join a tenant.",
  ...common,
  retention: "registration-keys",
  anchor: { at: "column", columns: ["accepted_at", "valid_until", "revoked_at"] },
  holds: "honoured",
  subject: "email",
  access: {
    // The hash is compared by functions alone.
    ebb_app: [
      reads([
        "id",
        "tenant_id",
        "email",
        "role",
        "use_seat",
        "invited_by",
        "created_at",
        "updated_at",
        "accepted_at",
        "revoked_at",
        "valid_until",
        "expires_at",
      ]),
    ],
    ebb_maint: [seesAll, addsAny, ends("accepted_at", "revoked_at", "valid_until", "invited_by", "updated_at")],
  },
  columns: {
    id,
    tenantId: id,
    email: contact,
    role,
    useSeat: account,
    secretHash,
    invitedBy: id,
    createdAt: account,
    updatedAt: account,
    acceptedAt: account,
    revokedAt: account,
    validUntil: account,
    expiresAt: retention,
  },
};

export const identityProviders: Declared<"identityProviders"> = {
  what: "An OpenID provider that a tenant brings for its own members.",
  ...common,
  retention: "account-information",
  anchor: { at: "column", columns: ["removed_at", "subscription_ended_at"] },
  holds: "honoured",
  subject: "tenant_id",
  access: {
    ebb_app: [
      reads(["id", "tenant_id", "name", "issuer", "client_id", "created_at", "removed_at", "expires_at"]),
      adds,
      changes("removed_at"),
    ],
    ebb_maint: seesAndEnds,
  },
  columns: {
    id,
    tenantId: id,
    name: account,
    issuer: account,
    clientId: id,
    clientSecret: entrusted,
    createdAt: account,
    removedAt: account,
    subscriptionEndedAt: account,
    expiresAt: retention,
  },
};

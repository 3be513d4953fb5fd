import { sql } from "drizzle-orm";
import { boolean, check, index, integer, pgTable, text, uniqueIndex } from "drizzle-orm/pg-core";
import { bytes, idColumn, instant } from "../columns.ts";
import { tenants } from "./accounts.ts";

/**
 * Signing in: what lives for minutes, and what a person or an instance then holds. Secrets by their SHA-256. No
 * references from what is short-lived: it is gone before what it names is.
 */

/** RFC 8628. */
export const deviceCodes = pgTable(
  "device_codes",
  {
    id: idColumn("deviceCode").primaryKey(),
    deviceCodeHash: bytes().notNull(),
    userCodeHash: bytes().notNull(),
    clientId: text().notNull(),
    /** What the client asks for. */
    scope: text().notNull(),
    /** Set by approving it: who, for which instance of which tenant, what is granted, and with which token if with one. */
    personId: idColumn("person"),
    tenantId: idColumn("tenant"),
    instanceId: idColumn("instance"),
    grantedScope: text(),
    credentialId: idColumn("credential"),
    issuedAt: instant().notNull(),
    approvedAt: instant(),
    deniedAt: instant(),
    /** When it was last asked for, and how many seconds the client must let pass. */
    polledAt: instant(),
    intervalS: integer().notNull().default(5),
    usedAt: instant(),
    expiresAt: instant().notNull().default(sql`'infinity'`),
  },
  (t) => [
    uniqueIndex("device_codes_device_code_hash").on(t.deviceCodeHash),
    uniqueIndex("device_codes_user_code_hash").on(t.userCodeHash),
    index("device_codes_tenant").on(t.tenantId),
    index("device_codes_expires").on(t.expiresAt, t.id),
  ],
);

/** RFC 6749, with PKCE (RFC 7636). */
export const authorizationCodes = pgTable(
  "authorization_codes",
  {
    id: idColumn("authorizationCode").primaryKey(),
    codeHash: bytes().notNull(),
    clientId: text().notNull(),
    personId: idColumn("person").notNull(),
    tenantId: idColumn("tenant").notNull(),
    instanceId: idColumn("instance").notNull(),
    redirectUri: text().notNull(),
    /** S256 of the verifier; null where a confidential client sent none. */
    codeChallenge: text(),
    scope: text().notNull(),
    issuedAt: instant().notNull(),
    usedAt: instant(),
    /** What came of it: ends when the code is shown again. */
    familyId: idColumn("tokenFamily"),
    expiresAt: instant().notNull().default(sql`'infinity'`),
  },
  (t) => [
    uniqueIndex("authorization_codes_code_hash").on(t.codeHash),
    index("authorization_codes_tenant").on(t.tenantId),
    index("authorization_codes_expires").on(t.expiresAt, t.id),
  ],
);

/** A sign-in that is under way at an OpenID provider. */
export const loginStates = pgTable(
  "login_states",
  {
    id: idColumn("loginState").primaryKey(),
    stateHash: bytes().notNull(),
    /** Which provider: the deployment's by its name, a tenant's by the id of its row. */
    provider: text().notNull(),
    issuer: text().notNull(),
    nonce: text().notNull(),
    /** AES-256-GCM: it must be sent on. */
    codeVerifier: bytes().notNull(),
    returnTo: text(),
    issuedAt: instant().notNull(),
    /** A state is good for one answer. */
    usedAt: instant(),
    expiresAt: instant().notNull().default(sql`'infinity'`),
  },
  (t) => [uniqueIndex("login_states_state_hash").on(t.stateHash), index("login_states_expires").on(t.expiresAt, t.id)],
);

export const sessions = pgTable(
  "sessions",
  {
    id: idColumn("session").primaryKey(),
    personId: idColumn("person").notNull(),
    secretHash: bytes().notNull(),
    issuedAt: instant().notNull(),
    endedAt: instant(),
    /** When its person's last tenant was closed, if it was: as in the person's own row. */
    closedAt: instant(),
    expiresAt: instant().notNull().default(sql`'infinity'`),
  },
  (t) => [
    uniqueIndex("sessions_secret_hash").on(t.secretHash),
    index("sessions_person").on(t.personId),
    index("sessions_expires").on(t.expiresAt, t.id),
    check("sessions_hash_is_sha256", sql`octet_length(secret_hash) = 32`),
  ],
);

/** That a person signed in on an instance: all the tokens that came of one approval. */
export const tokenFamilies = pgTable(
  "token_families",
  {
    id: idColumn("tokenFamily").primaryKey(),
    tenantId: idColumn("tenant").notNull(),
    instanceId: idColumn("instance").notNull(),
    personId: idColumn("person").notNull(),
    clientId: text().notNull(),
    scope: text().notNull(),
    /** The personal access token by which it was approved: it ends with that one. */
    credentialId: idColumn("credential"),
    startedAt: instant().notNull(),
    /** When tokens were last issued. */
    renewedAt: instant().notNull(),
    endedAt: instant(),
    expiresAt: instant().notNull().default(sql`'infinity'`),
  },
  (t) => [
    index("token_families_tenant").on(t.tenantId, t.id),
    index("token_families_person").on(t.personId),
    index("token_families_instance").on(t.instanceId),
    index("token_families_credential").on(t.credentialId).where(sql`credential_id is not null`),
    index("token_families_expires").on(t.expiresAt, t.id),
  ],
);

/** Rotated at each use; one used twice ends its family (RFC 9700, section 4.14), but for an answer that was lost. */
export const refreshTokens = pgTable(
  "refresh_tokens",
  {
    id: idColumn("refreshToken").primaryKey(),
    familyId: idColumn("tokenFamily").notNull(),
    tenantId: idColumn("tenant").notNull(),
    personId: idColumn("person").notNull(),
    secretHash: bytes().notNull(),
    /** In whose place it came; null for the first of a family. */
    predecessorId: idColumn("refreshToken"),
    issuedAt: instant().notNull(),
    usedAt: instant(),
    /** Void: another came in its place before it was used, or its family has ended. */
    revokedAt: instant(),
    expiresAt: instant().notNull().default(sql`'infinity'`),
  },
  (t) => [
    uniqueIndex("refresh_tokens_secret_hash").on(t.secretHash),
    index("refresh_tokens_family").on(t.familyId),
    index("refresh_tokens_tenant").on(t.tenantId),
    index("refresh_tokens_expires").on(t.expiresAt, t.id),
    check("refresh_tokens_hash_is_sha256", sql`octet_length(secret_hash) = 32`),
  ],
);

export const invitations = pgTable(
  "invitations",
  {
    id: idColumn("invitation").primaryKey(),
    tenantId: idColumn("tenant")
      .notNull()
      .references(() => tenants.id),
    email: text().notNull(),
    role: text({ enum: ["owner", "admin", "member", "operator"] }).notNull(),
    useSeat: boolean().notNull().default(true),
    secretHash: bytes().notNull(),
    /** Null where a key of nobody's did. */
    invitedBy: idColumn("person"),
    createdAt: instant().notNull(),
    updatedAt: instant(),
    acceptedAt: instant(),
    revokedAt: instant(),
    validUntil: instant().notNull(),
    expiresAt: instant().notNull().default(sql`'infinity'`),
  },
  (t) => [
    uniqueIndex("invitations_secret_hash").on(t.secretHash),
    index("invitations_tenant").on(t.tenantId),
    index("invitations_expires").on(t.expiresAt, t.id),
    check("invitations_hash_is_sha256", sql`octet_length(secret_hash) = 32`),
  ],
);

/** An OpenID provider that a tenant brings for its own members. */
export const identityProviders = pgTable(
  "identity_providers",
  {
    id: idColumn("identityProvider").primaryKey(),
    tenantId: idColumn("tenant")
      .notNull()
      .references(() => tenants.id),
    name: text().notNull(),
    issuer: text().notNull(),
    clientId: text().notNull(),
    /** AES-256-GCM: it must be sent on. */
    clientSecret: bytes().notNull(),
    createdAt: instant().notNull(),
    removedAt: instant(),
    subscriptionEndedAt: instant(),
    expiresAt: instant().notNull().default(sql`'infinity'`),
  },
  (t) => [
    uniqueIndex("identity_providers_live").on(t.tenantId, t.issuer).where(sql`removed_at is null`),
    index("identity_providers_expires").on(t.expiresAt, t.id),
  ],
);

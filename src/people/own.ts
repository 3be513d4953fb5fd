import { type Id, idFromUuid, uuidFromId } from "../core/id.ts";
import { bytesToSql, instantFromSql } from "../db/columns.ts";
import { type Page, type PageRequest, pageOf } from "../db/page.ts";
import type { Deps } from "../deps.ts";

/**
 * What a person may see and end of their own, in person: the database resolves who it is from the credential's SHA-256,
 * which must be a session's. Each throws `unauthenticated`, `key-expired`, `key-revoked`, `not-found` for an API key, which
 * is nobody in person, `forbidden` for a personal access token, which is for one tenant, and `unavailable`.
 */
export interface OwnPerson {
  id: Id<"person">;
  issuer: string;
  email: string | null;
  /** By a provider that is trusted for it. */
  emailVerified: boolean;
  name: string | null;
  /** Of a tenant's own provider, which vouches for that tenant alone. */
  providerTenantId: Id<"tenant"> | null;
  createdAt: number;
}

export async function ownPerson(deps: Pick<Deps, "app">, hash: Uint8Array): Promise<OwnPerson> {
  const [row = {}] = await deps.app.ask("select * from ebb.own_person($1)", [bytesToSql(hash)]);
  const tenant = row["provider_tenant_id"] as string | null;
  return {
    id: idFromUuid("person", row["id"] as string),
    issuer: row["issuer"] as string,
    email: row["email"] as string | null,
    emailVerified: row["email_verified"] as boolean,
    name: row["name"] as string | null,
    providerTenantId: tenant === null ? null : idFromUuid("tenant", tenant),
    createdAt: instantFromSql(row["created_at"] as string),
  };
}

export interface OwnSession {
  id: Id<"session">;
  issuedAt: number;
  expiresAt: number;
  /** The one that asks. */
  current: boolean;
}

/** Live sessions, newest first; 200 at most. */
export async function ownSessions(deps: Pick<Deps, "app">, hash: Uint8Array): Promise<OwnSession[]> {
  const rows = await deps.app.ask("select * from ebb.own_sessions($1)", [bytesToSql(hash)]);
  return rows.map((row) => ({
    id: idFromUuid("session", row["id"] as string),
    issuedAt: instantFromSql(row["issued_at"] as string),
    expiresAt: instantFromSql(row["expires_at"] as string),
    current: row["is_current"] as boolean,
  }));
}

/** Ends one session, or all: they are refused from this instant on. Returns how many. Throws `not-found` besides. */
export async function endOwnSessions(
  deps: Pick<Deps, "app">,
  hash: Uint8Array,
  wanted: Id<"session"> | null,
  { place, requestId }: { place: string | null; requestId: string },
): Promise<number> {
  const uuid = wanted === null ? null : uuidFromId("session", wanted);
  const [row] = await deps.app.ask("select ebb.end_own_sessions($1, $2, $3, $4) as ended", [
    bytesToSql(hash),
    uuid,
    place,
    requestId,
  ]);
  return row?.["ended"] as number;
}

export interface OwnEvent {
  id: Id<"authenticationEvent">;
  recordedAt: number;
  event: string;
  outcome: string;
  /** The country, ISO 3166-1. */
  place: string | null;
  reason: string | null;
}

/** The person's own authentication history, newest first. */
export async function ownEvents(
  deps: Pick<Deps, "app">,
  hash: Uint8Array,
  { limit, after }: PageRequest<Id<"authenticationEvent">>,
): Promise<Page<OwnEvent>> {
  const uuid = after === null ? null : uuidFromId("authenticationEvent", after);
  const rows = await deps.app.ask("select * from ebb.own_events($1, $2, $3)", [bytesToSql(hash), uuid, limit + 1]);
  const events = rows.map((row) => ({
    id: idFromUuid("authenticationEvent", row["id"] as string),
    recordedAt: instantFromSql(row["recorded_at"] as string),
    event: row["event"] as string,
    outcome: row["outcome"] as string,
    place: row["place"] as string | null,
    reason: row["reason"] as string | null,
  }));
  return pageOf(events, limit);
}

export interface OwnTenant {
  id: Id<"tenant">;
  name: string;
  kind: string;
  status: string;
  role: string;
  since: number;
  /** Of a reseller's client: the reseller, who is the controller of its data, under its own name. */
  controller: {
    name: string;
    logoUrl: string | null;
    contact: string | null;
    privacyContact: string | null;
  } | null;
}

/** Where the person belongs, longest first; 200 at most. */
export async function ownTenants(deps: Pick<Deps, "app">, hash: Uint8Array): Promise<OwnTenant[]> {
  const rows = await deps.app.ask("select * from ebb.own_tenants($1)", [bytesToSql(hash)]);
  return rows.map((row) => ({
    id: idFromUuid("tenant", row["id"] as string),
    name: row["name"] as string,
    kind: row["kind"] as string,
    status: row["status"] as string,
    role: row["role"] as string,
    since: instantFromSql(row["since"] as string),
    controller:
      row["reseller"] === null
        ? null
        : {
            name: row["reseller"] as string,
            logoUrl: row["logo_url"] as string | null,
            contact: row["contact"] as string | null,
            privacyContact: row["privacy_contact"] as string | null,
          },
  }));
}

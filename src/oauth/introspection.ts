import { SECOND_MS } from "../core/clock.ts";

/** A token whose signature or hash, life and owner were checked; times in milliseconds since 1970. */
export interface IntrospectionFacts {
  /** A refresh token has no type (RFC 7662 section 2.2 means that of RFC 6749 section 5.1). */
  token: "access" | "refresh";
  scope: string;
  clientId: string;
  /** The person's id, or the instance's where it acts for itself. */
  subject: string;
  instanceId: string;
  workspaceId: string;
  issuedAtMs: number;
  expiresAtMs: number;
}

export type IntrospectionDocument =
  | { active: false }
  | {
      active: true;
      scope: string;
      client_id: string;
      token_type?: "Bearer";
      sub: string;
      /** Seconds since 1970. */
      iat: number;
      exp: number;
      iss: string;
      meta: { kind: "instance"; instance_id: string; workspace_id: string };
    };

/**
 * What introspection says of a token (RFC 7662 section 2.2). Of one that is unknown, expired, revoked, or not the
 * asker's to know (facts of null) it says `active: false` and nothing else, so that all of these look the same.
 * No clock skew is allowed for: both times are of our own clock.
 */
export function introspectionDocument(
  facts: IntrospectionFacts | null,
  issuer: string,
  nowMs: number,
): IntrospectionDocument {
  if (facts === null || nowMs >= facts.expiresAtMs) return { active: false };
  return {
    active: true,
    scope: facts.scope,
    client_id: facts.clientId,
    ...(facts.token === "access" ? { token_type: "Bearer" as const } : {}),
    sub: facts.subject,
    iat: Math.floor(facts.issuedAtMs / SECOND_MS),
    exp: Math.floor(facts.expiresAtMs / SECOND_MS),
    iss: issuer,
    meta: { kind: "instance", instance_id: facts.instanceId, workspace_id: facts.workspaceId },
  };
}

import type { TenantGate } from "./tenant-gate.ts";

/** What wrangler.toml binds and what `wrangler secret` (locally: the env file of `npm run dev`) provides. */
export interface Env {
  TENANT_GATE: DurableObjectNamespace<TenantGate>;

  /** Connection strings, one a role: what a part of the product cannot do, it cannot do by mistake either. */
  DATABASE_URL_APP: string;
  DATABASE_URL_INGEST: string;
  DATABASE_URL_PURGE: string;
  DATABASE_URL_JOBS: string;

  /** Private Ed25519 JWKs: `{current, next, previous}`. */
  TOKEN_SIGNING_KEYS: string;
  /** `{current, keys: {id: base64url}}`. */
  ROUTING_HMAC_KEYS: string;
  /** `{current, keys: {id: base64url of 32 bytes}}`: AES-256-GCM. */
  SEALING_KEYS: string;

  /** `[{id, name, issuer, client_id, client_secret, trusts_email?}]`; none when absent. */
  OIDC_PROVIDERS?: string;
  /** The e-mail address of who becomes the platform's first owner by signing in. */
  FIRST_OPERATOR?: string;

  /** Cloudflare's Email Service, and the address that our mail is from. */
  EMAIL?: SendEmail;
  MAIL_FROM?: string;

  /** Origin under which the service is reached; the issuer of tokens. */
  PUBLIC_URL: string;

  /** Only on a developer's machine: the stand-in for Neon's endpoint. */
  NEON_LOCAL_ENDPOINT?: string;
  /** Likewise: the local mailbox. */
  MAIL_LOCAL_ENDPOINT?: string;
}

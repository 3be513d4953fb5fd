import { isRegistrableRedirectUri } from "./redirect-uri.ts";
import { formatScope, intersectScopes, parseScope, SCOPES } from "./scope.ts";

export const DEVICE_CODE_GRANT = "urn:ietf:params:oauth:grant-type:device_code";

/** The grant types that a client may have, in the order in which they are shown. */
export const GRANT_TYPES = ["client_credentials", DEVICE_CODE_GRANT, "refresh_token", "authorization_code"] as const;
export type GrantType = (typeof GRANT_TYPES)[number];

/** How a client authenticates at the token endpoint; `none`: a public client (RFC 7591 section 2). */
export const AUTH_METHODS = ["client_secret_post", "client_secret_basic", "none"] as const;
export type AuthMethod = (typeof AUTH_METHODS)[number];

export const MAX_REDIRECT_URIS = 10;
const MAX_NAME = 100;
/** Control characters, and those which turn or hide what stands beside them: a name is shown to who approves. */
const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}]/u;

/** As it arrives: the contract's two fields, and of RFC 7591 section 2 those that mean something here. */
export interface ClientMetadataInput {
  scope: string;
  grant_types: readonly string[];
  redirect_uris?: readonly string[] | null | undefined;
  token_endpoint_auth_method?: string | null | undefined;
  client_name?: string | null | undefined;
}

export interface ClientMetadata {
  /** Of ours, in our order; may be empty. */
  scope: string;
  grantTypes: GrantType[];
  redirectUris: string[];
  authMethod: AuthMethod;
  name: string | null;
}

export type ClientMetadataReason = "redirect-uris" | "auth-method" | "grant-types" | "client-name";

/**
 * Reads what a client registers, or updates itself to. Scopes and grant types that are not ours are left out, which
 * RFC 7591 section 2 lets a server do and section 3.2.1 lets the client see. Every confidential client gets
 * client_credentials: it is how it pings; a public one cannot have it (RFC 6749 section 4.4). Without redirect URIs
 * there is no authorization_code. A public client that is left without any way to sign somebody in is refused.
 */
export function readClientMetadata(
  input: ClientMetadataInput,
): { ok: true; metadata: ClientMetadata } | { ok: false; reason: ClientMetadataReason } {
  const redirectUris = [...new Set(input.redirect_uris ?? [])];
  if (redirectUris.length > MAX_REDIRECT_URIS || !redirectUris.every(isRegistrableRedirectUri)) {
    return { ok: false, reason: "redirect-uris" };
  }
  const authMethod = input.token_endpoint_auth_method ?? AUTH_METHODS[0];
  if (!isAuthMethod(authMethod)) return { ok: false, reason: "auth-method" };
  const name = input.client_name ?? null;
  if (name !== null && !isPrintable(name)) return { ok: false, reason: "client-name" };

  const grantTypes = GRANT_TYPES.filter((grant) => {
    if (grant === "client_credentials") return authMethod !== "none";
    if (grant === "authorization_code" && redirectUris.length === 0) return false;
    return input.grant_types.includes(grant);
  });
  if (!grantTypes.some((grant) => grant !== "refresh_token")) return { ok: false, reason: "grant-types" };

  const scope = formatScope(intersectScopes(parseScope(input.scope), SCOPES));
  return { ok: true, metadata: { scope, grantTypes, redirectUris, authMethod, name } };
}

/** The response types that go with these grant types (RFC 7591 section 2.1). */
export function responseTypesOf(grantTypes: readonly string[]): string[] {
  return grantTypes.includes("authorization_code") ? ["code"] : [];
}

function isAuthMethod(text: string): text is AuthMethod {
  return (AUTH_METHODS as readonly string[]).includes(text);
}

function isPrintable(name: string): boolean {
  return name.trim() !== "" && name.length <= MAX_NAME && !UNPRINTABLE.test(name);
}

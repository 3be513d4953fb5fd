import { AUTH_METHODS, GRANT_TYPES } from "./client-metadata.ts";
import { SCOPES } from "./scope.ts";

/**
 * The document of `/.well-known/oauth-authorization-server` (RFC 8414 section 2). `publicUrl` is our issuer: an origin
 * without a path, so that this is where section 3 looks for it. Lists that would be empty are left out (section 3.2).
 */
export function serverMetadata(publicUrl: string) {
  return {
    issuer: publicUrl,
    authorization_endpoint: `${publicUrl}/oauth2/authorize`,
    token_endpoint: `${publicUrl}/oauth2/token`,
    device_authorization_endpoint: `${publicUrl}/oauth2/device/authorize`,
    registration_endpoint: `${publicUrl}/oauth2/register`,
    introspection_endpoint: `${publicUrl}/oauth2/introspect`,
    revocation_endpoint: `${publicUrl}/oauth2/revoke`,
    jwks_uri: `${publicUrl}/.well-known/jwks.json`,
    service_documentation: `${publicUrl}/docs`,
    scopes_supported: [...SCOPES],
    response_types_supported: ["code"],
    response_modes_supported: ["query"],
    grant_types_supported: [...GRANT_TYPES],
    token_endpoint_auth_methods_supported: [...AUTH_METHODS],
    // A public client proves nothing: it may give its own tokens back, but asks about none.
    introspection_endpoint_auth_methods_supported: AUTH_METHODS.filter((method) => method !== "none"),
    revocation_endpoint_auth_methods_supported: [...AUTH_METHODS],
    code_challenge_methods_supported: ["S256"],
    authorization_response_iss_parameter_supported: true,
  };
}

import * as oauth from "oauth4webapi";
import { boundedFetch } from "./bounded-fetch.ts";
import { type Identity, identityOf } from "./identity.ts";
import { isReachable } from "./origin.ts";
import type { Provider } from "./provider.ts";
import { type SignInRefusal, SignInRefused } from "./refusal.ts";

/** What one sign-in sends and expects back. */
export interface Challenge {
  state: string;
  nonce: string;
  codeVerifier: string;
  redirectUri: string;
}

export interface Circumstances {
  /** ms since 1970: against it the token's times are checked. */
  nowMs: number;
  /** On a developer's machine the loopback's http is allowed. */
  local: boolean;
}

/** A provider's metadata is asked for once in ten minutes by an isolate; tenants bring issuers, so it is bounded. */
const KEPT_MS = 600_000;
const KEPT_AT_MOST = 100;
const kept = new Map<string, { server: oauth.AuthorizationServer; atMs: number }>();

/** OpenID Connect Discovery 1.0. Throws SignInRefused `provider-unreachable`. */
export async function discover(
  { issuer }: Pick<Provider, "issuer">,
  circumstances: Circumstances,
): Promise<oauth.AuthorizationServer> {
  const { nowMs, local } = circumstances;
  const known = kept.get(issuer);
  if (known !== undefined && Math.abs(nowMs - known.atMs) < KEPT_MS) return known.server;
  try {
    const url = new URL(issuer);
    const response = await oauth.discoveryRequest(url, { algorithm: "oidc", ...options(circumstances) });
    const server = await oauth.processDiscoveryResponse(url, response);
    if (!isReachable(server.authorization_endpoint ?? "", local)) throw new Error("no endpoint");
    if (kept.size >= KEPT_AT_MOST) kept.clear();
    kept.set(issuer, { server, atMs: nowMs });
    return server;
  } catch (error) {
    throw new SignInRefused("provider-unreachable", error);
  }
}

/** Where the browser is sent: authorization code with PKCE (RFC 7636), `S256` always. */
export async function authorizationUrl(
  server: oauth.AuthorizationServer,
  { clientId }: Pick<Provider, "clientId">,
  { state, nonce, codeVerifier, redirectUri }: Challenge,
): Promise<string> {
  const url = new URL(server.authorization_endpoint as string);
  const parameters = {
    client_id: clientId,
    redirect_uri: redirectUri,
    response_type: "code",
    scope: "openid email profile",
    state,
    nonce,
    code_challenge: await oauth.calculatePKCECodeChallenge(codeVerifier),
    code_challenge_method: "S256",
  };
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
  return url.toString();
}

/**
 * Exchanges the provider's answer for who the person is: state and `iss` (RFC 9207), code with verifier, then the ID
 * token's issuer, audience, times, nonce and signature; userinfo where the token has no address. Throws SignInRefused.
 */
export async function identify(
  server: oauth.AuthorizationServer,
  provider: Provider,
  challenge: Challenge,
  answer: URLSearchParams,
  circumstances: Circumstances,
): Promise<Identity> {
  const skewS = Math.round((circumstances.nowMs - Date.now()) / 1000);
  const client: oauth.Client = { client_id: provider.clientId, [oauth.clockSkew]: skewS, [oauth.clockTolerance]: 30 };
  const how = options(circumstances);
  try {
    const parameters = oauth.validateAuthResponse(server, client, answer, challenge.state);
    const response = await oauth.authorizationCodeGrantRequest(
      server,
      client,
      authentication(server, provider.clientSecret),
      parameters,
      challenge.redirectUri,
      challenge.codeVerifier,
      how,
    );
    const tokens = await oauth.processAuthorizationCodeResponse(server, client, response, {
      expectedNonce: challenge.nonce,
      requireIdToken: true,
    });
    // TLS would do (Core 3.1.3.7 item 6); the signature holds where it ends too early.
    await oauth.validateApplicationLevelSignature(server, response, how);
    const claims = oauth.getValidatedIdTokenClaims(tokens) as oauth.IDToken;
    if (claims["email"] !== undefined || server.userinfo_endpoint === undefined) return identityOf(claims, provider);
    const userinfo = await oauth.userInfoRequest(server, client, tokens.access_token, how);
    return identityOf(
      { ...claims, ...(await oauth.processUserInfoResponse(server, client, claims.sub, userinfo)) },
      provider,
    );
  } catch (error) {
    throw new SignInRefused(reasonOf(error), error);
  }
}

/** What went wrong, in our words. */
function reasonOf(error: unknown): SignInRefusal {
  if (error instanceof oauth.AuthorizationResponseError) {
    return error.error === "access_denied" ? "denied" : "provider-error";
  }
  if (error instanceof oauth.ResponseBodyError)
    return error.error === "invalid_grant" ? "code-refused" : "provider-error";
  if (!(error instanceof oauth.OperationProcessingError)) return "provider-unreachable";
  switch (error.code) {
    case oauth.JWT_TIMESTAMP_CHECK:
      return "token-expired";
    case oauth.JWT_CLAIM_COMPARISON:
    case oauth.JSON_ATTRIBUTE_COMPARISON:
    case oauth.KEY_SELECTION:
      return "token-invalid";
    case oauth.RESPONSE_IS_NOT_CONFORM:
    case oauth.RESPONSE_IS_NOT_JSON:
    case oauth.PARSE_ERROR:
    case oauth.HTTP_REQUEST_FORBIDDEN:
      return "provider-unreachable";
    default:
      return "answer-invalid";
  }
}

/** `client_secret_basic` unless the provider names only the other (Core section 9). */
function authentication({ token_endpoint_auth_methods_supported: methods }: oauth.AuthorizationServer, secret: string) {
  const post = methods?.includes("client_secret_post") === true && !methods.includes("client_secret_basic");
  return post ? oauth.ClientSecretPost(secret) : oauth.ClientSecretBasic(secret);
}

function options({ local }: Circumstances) {
  return { [oauth.customFetch]: boundedFetch(local), [oauth.allowInsecureRequests]: local };
}

import { PROBLEMS } from "../core/problem.ts";
import { type ChallengeReason, readChallenge } from "./pkce.ts";
import { matchesRedirectUri } from "./redirect-uri.ts";
import { problemOf } from "./refusal.ts";
import { formatScope, type GrantReason, parseScope, requestScopes } from "./scope.ts";

/** The parameters of RFC 6749 section 4.1.1 and RFC 7636 section 4.3, each at most once; empty ones are omitted. */
export interface AuthorizationParameters {
  response_type?: string | undefined;
  redirect_uri?: string | undefined;
  scope?: string | null | undefined;
  state?: string | null | undefined;
  code_challenge?: string | undefined;
  code_challenge_method?: string | undefined;
  response_mode?: string | undefined;
}

/** What is known of the client that `client_id` names. */
export interface AuthorizationClient {
  redirectUris: readonly string[];
  grantTypes: readonly string[];
  authMethod: string;
  scope: string;
}

export interface AuthorizationRequest {
  /** As presented: with the port of a loopback address. */
  redirectUri: string;
  /** Of what the client has registered. */
  scope: string;
  state: string | null;
  /** S256; null where a confidential client sent none. */
  challenge: string | null;
}

export type AuthorizeRefusal = "unknown-client" | "no-redirect-uris" | "redirect-uri-missing" | "redirect-uri";
export type AuthorizeError =
  | "state"
  | "grant-type"
  | "response-type-missing"
  | "response-type"
  | "response-mode"
  | ChallengeReason
  | GrantReason;

export type AuthorizationDecision =
  /** Told to the person, and never redirected. */
  | { kind: "refuse"; reason: AuthorizeRefusal }
  /** Told to the client, at its redirect URI. `error` is the code of RFC 6749 section 4.1.2.1. */
  | { kind: "redirect-error"; redirectUri: string; reason: AuthorizeError; error: string; state: string | null }
  | { kind: "ok"; request: AuthorizationRequest };

const MAX_STATE = 1_000;

/**
 * Reads an authorization request in two stages (RFC 6749 section 4.1.2.1). Until the redirect URI is proven to be the
 * client's, nothing is redirected: what is wrong is told to the person. From then on all that is wrong is told to the
 * client. The redirect URI must be named, as the contract says, also by a client that has only one.
 */
export function readAuthorizationRequest(
  params: AuthorizationParameters,
  client: AuthorizationClient | null,
): AuthorizationDecision {
  if (client === null) return { kind: "refuse", reason: "unknown-client" };
  if (client.redirectUris.length === 0) return { kind: "refuse", reason: "no-redirect-uris" };
  const redirectUri = params.redirect_uri;
  if (redirectUri === undefined) return { kind: "refuse", reason: "redirect-uri-missing" };
  if (!matchesRedirectUri(client.redirectUris, redirectUri)) return { kind: "refuse", reason: "redirect-uri" };

  const said = params.state ?? null;
  // One that is not echoed whole would tell the client nothing.
  const state = said !== null && said.length > MAX_STATE ? null : said;
  const fail = (reason: AuthorizeError): AuthorizationDecision => {
    const error = PROBLEMS[problemOf(`authorize:${reason}`)].oauth;
    return { kind: "redirect-error", redirectUri, reason, error, state };
  };
  if (state !== said) return fail("state");
  if (!client.grantTypes.includes("authorization_code")) return fail("grant-type");
  if (params.response_type === undefined) return fail("response-type-missing");
  if (params.response_type !== "code") return fail("response-type");
  if (params.response_mode !== undefined && params.response_mode !== "query") return fail("response-mode");
  const challenge = readChallenge({ ...params, publicClient: client.authMethod === "none" });
  if (!challenge.ok) return fail(challenge.reason);
  const scopes = requestScopes(params.scope, parseScope(client.scope));
  if (!scopes.ok) return fail(scopes.reason);
  return {
    kind: "ok",
    request: { redirectUri, scope: formatScope(scopes.scope), state, challenge: challenge.challenge },
  };
}

export type AuthorizationAnswer = ({ code: string } | { error: string; description?: string | undefined }) & {
  state: string | null;
  /** Our issuer, by which a client of several servers tells whose answer it is (RFC 9207). */
  iss: string;
};

/**
 * The URL to which the person's browser is sent (RFC 6749 sections 4.1.2 and 4.1.2.1, RFC 9207 section 2): the redirect
 * URI as it was, its query kept, and the answer behind it.
 */
export function authorizationResponse(redirectUri: string, answer: AuthorizationAnswer): string {
  const query = new URLSearchParams();
  if ("code" in answer) {
    query.set("code", answer.code);
  } else {
    query.set("error", answer.error);
    if (answer.description !== undefined) query.set("error_description", answer.description);
  }
  if (answer.state !== null) query.set("state", answer.state);
  query.set("iss", answer.iss);
  const joint = redirectUri.includes("?") ? (/[?&]$/.test(redirectUri) ? "" : "&") : "?";
  return `${redirectUri}${joint}${query}`;
}

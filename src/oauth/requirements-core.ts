import { over, pure, type Requirement, requirementsOf } from "./requirement.ts";

/** RFC 6749: what a server owes at its two endpoints, and the errors of both. */
export const CORE_REQUIREMENTS: Requirement[] = requirementsOf(6749, [
  [
    "2.3.1",
    "A client with a secret may authenticate with HTTP Basic; it uses one way at a time.",
    over("token", "a client authenticates with HTTP Basic or in the body, and never with both"),
  ],
  ["2.3.1", "Secrets cannot be tried out without end.", over("token", "trying the secrets of a client out is limited")],
  [
    "3.1",
    "Unknown parameters of an authorization request are ignored.",
    pure("authorization-request", "unknown parameters are ignored"),
  ],
  [
    "3.1",
    "No parameter of an authorization request may be given twice.",
    over("code", "a repeated parameter of an authorization request is refused, and never redirected"),
  ],
  [
    "3.1.1",
    "A response type that is missing or unknown is an error.",
    pure("authorization-request", "told to the client at its redirect URI, with its state: %s"),
  ],
  [
    "3.1.2",
    "A redirect URI is absolute and has no fragment.",
    pure("redirect-uri", "no other redirect URI may be registered"),
  ],
  [
    "3.1.2",
    "The query of a redirect URI stays when the answer is added to it.",
    pure(
      "authorization-request",
      "every response names its issuer, and state and code come back exactly, whatever characters they have",
    ),
  ],
  [
    "3.1.2.2",
    "Clients register where they may be answered; one that did not is not answered by redirect.",
    pure("client-metadata", "without redirect URIs a client is not granted authorization_code"),
    pure("authorization-request", "an unknown client, or one without redirect URIs, is never redirected"),
  ],
  [
    "3.1.2.4",
    "A redirect URI that does not match is told to the person, and nobody is sent there.",
    pure(
      "authorization-request",
      "a redirect URI that is missing or not registered is never redirected to, whatever else is wrong",
    ),
    over("code", "a redirect URI that is not registered is told to the person, and nobody is sent there"),
  ],
  [
    "3.2",
    "The token endpoint takes POST alone, and no parameter twice.",
    over("token", "the token endpoint takes POST with a form alone, and no parameter twice"),
  ],
  [
    "3.3",
    "A scope is a list of tokens of certain characters, separated by spaces.",
    pure("scope", "a scope is a list of tokens, separated by spaces or, as clients of the contract do, by commas"),
    pure("scope", "what is no scope token is left out, and never becomes one"),
  ],
  [
    "3.3",
    "What is granted may be less than was asked for, never more, and the client is told.",
    pure("scope", "the scope granted is within what was requested, registered, permitted and chosen, whatever is sent"),
    over(
      "token",
      "the scope of a token is said with it, and is never wider than was asked for, registered and approved",
    ),
  ],
  [
    "4.1.2",
    "A code is short-lived, and bound to its client and its redirect URI.",
    pure("code-exchange", "a code is granted to its client, with its redirect URI and its verifier, before it expires"),
    pure("code-exchange", "another client's code is refused, and shown by another it ends nothing"),
    over("code", "a code is redeemed by its own client, within ten minutes, with the same redirect URI"),
  ],
  [
    "4.1.2",
    "A code is good once; shown again it ends what was issued for it.",
    pure("code-exchange", "a code shown again ends what came of it, also when it has expired or all else is wrong"),
    over("code", "a code shown again is refused, and the tokens that came of it end"),
    over("code", "of many that redeem one code at once at most one gets tokens"),
  ],
  [
    "4.1.2",
    "The state of the request comes back as it was.",
    pure("authorization-request", "a state of up to 1,000 characters comes back; a longer one is an error without it"),
  ],
  [
    "4.1.2.1",
    "Once the redirect URI is proven, errors go back to the client with the codes that are named there.",
    pure("authorization-request", "errors after the redirect URI is proven have the codes of RFC 6749 section 4.1.2.1"),
    over("code", "an approval and a denial both go back with state and issuer"),
  ],
  [
    "4.1.3",
    "The token request repeats the redirect URI of the authorization request, the very same string.",
    pure(
      "code-exchange",
      "the redirect URI must be the very string of the authorization request, and cannot be left out",
    ),
  ],
  [
    "4.4",
    "Only confidential clients get tokens by client_credentials.",
    pure(
      "client-metadata",
      "a public client never gets client_credentials, and one that could sign nobody in is refused",
    ),
    over("token", "a public client gets no token of its own"),
  ],
  [
    "4.4.3",
    "A token by client_credentials comes without a refresh token.",
    over("token", "client_credentials gives no refresh token"),
  ],
  [
    "5.1",
    "An answer that holds tokens is JSON, and is not stored.",
    over("token", "every answer of the token endpoint is JSON and is not stored"),
  ],
  [
    "5.2",
    "Errors of the token endpoint have the codes and the form that are named there, with status 400.",
    pure("refusal", "every reason has the code that its RFC names for it"),
    pure("refusal", "every refusal is a 400, and its text has only characters that error_description may have"),
    over("token", "every error of the token endpoint has the code, the status and the body of RFC 6749 section 5.2"),
  ],
  [
    "5.2",
    "A client that cannot be authenticated is invalid_client, a 401 that names the scheme.",
    over("token", "an unknown client and a wrong secret are invalid_client, a 401 with WWW-Authenticate"),
  ],
  [
    "5.2",
    "A client that is not registered for a grant type is unauthorized_client; an unknown grant type is unsupported.",
    over("token", "a grant type that the client has not registered is unauthorized_client, an unknown one unsupported"),
  ],
  [
    "6",
    "A refresh token is bound to its client, which authenticates if it has a secret.",
    pure("refresh", "another client's token is refused, and ends nothing even when it was used before"),
    over("refresh", "a refresh token is of no use to another client, or without the secret of its own"),
  ],
  [
    "6",
    "A refresh asks for no scope that was not granted.",
    pure(
      "refresh",
      "a scope wider than was granted is refused without spending the token; a narrower one is for the access token",
    ),
  ],
  [
    "6",
    "The scope of the new refresh token is that of the old one.",
    over("refresh", "a refresh with less scope narrows the access token alone"),
  ],
  [
    "10.10",
    "Codes, tokens and secrets cannot be guessed.",
    over("token", "secrets, authorization codes and refresh tokens have 256 random bits"),
  ],
  [
    "10.12",
    "Nobody is made to approve by a request that is not theirs.",
    over("consent", "approving and denying take the CSRF token of the person's own session"),
  ],
]);

/** RFC 9700: what of the security practice is the server's. */
export const PRACTICE_REQUIREMENTS: Requirement[] = requirementsOf(9700, [
  [
    "2.1.1",
    "Public clients use PKCE; whoever sent a challenge has its verifier checked.",
    pure("pkce", "a public client without a challenge is refused; a confidential one may do without"),
    over("code", "a public client that sends no challenge is told so at its redirect URI"),
  ],
  [
    "2.1.1",
    "The challenge does not give the verifier away, and the metadata say so.",
    pure("pkce", "S256 is the only method: plain, none at all and unknown ones are refused, of every client"),
    pure("server-metadata", "the metadata announce PKCE with S256 alone, and the issuer in responses"),
  ],
  [
    "2.4",
    "Passwords are no grant.",
    pure("client-metadata", "scopes and grant types that are not ours are left out of what is registered"),
    over("token", "a grant type that the client has not registered is unauthorized_client, an unknown one unsupported"),
  ],
  [
    "4.1.3",
    "Redirect URIs are compared as strings, but for the port of a loopback address.",
    pure(
      "redirect-uri",
      "a redirect URI matches a registered one character for character: any change of one is another URI",
    ),
  ],
  [
    "4.4.2",
    "A client of several servers can tell whose answer it has.",
    over("code", "an approval and a denial both go back with state and issuer"),
  ],
  [
    "4.8.2",
    "A verifier for a code that had no challenge is refused.",
    pure("pkce", "a verifier without a challenge, or a challenge without a verifier, is refused"),
    over("code", "a wrong, a missing and a superfluous verifier are invalid_grant"),
  ],
  [
    "4.11.2",
    "The server is no open redirector: it authenticates the person before it redirects them, with an error too.",
    pure(
      "authorization-request",
      "a redirect URI that is missing or not registered is never redirected to, whatever else is wrong",
    ),
    over(
      "code",
      "nobody is sent anywhere before they have signed in, nor by a client that nobody has claimed but by their own hand",
    ),
  ],
  [
    "4.12",
    "A redirect never makes the browser send a form on: no 307.",
    over("code", "whoever posted the consent form is sent back by a page that goes on, or to an application by a 303"),
  ],
  [
    "4.14.2",
    "Refresh tokens are rotated at every use.",
    pure("refresh", "an unused token is rotated, with the scope of its family"),
    over("refresh", "every refresh gives another refresh token, and the old one is used"),
  ],
  [
    "4.14.2",
    "A replayed refresh token is noticed, and ends all that came of the same approval.",
    pure("refresh", "no sequence in which an older token is shown survives it"),
    pure("refresh", "a thief and the client cannot both go on with the token that both hold, whoever is first"),
    pure("refresh", "a token used before ends its family when its successor was used, was voided, or never came"),
    pure("refresh", "a voided token ends its family"),
    over("refresh", "a refresh token shown again ends its family: no token of it is good any more"),
  ],
  [
    "4.14.2",
    "At any time one token of a family is good, also after an answer that was lost or requests at the same time.",
    pure(
      "refresh",
      "over any sequence a family has at most one unredeemed token, and does what a naive model of the rule does",
    ),
    pure("refresh", "within 60 s the predecessor of a token nobody has used mints another, and that one is void"),
    pure("refresh", "an honest client that loses answers, and tries again within 60 s, never loses its session"),
    over("refresh", "of parallel refreshes with one token one new token stays good"),
  ],
  [
    "4.14.2",
    "A refresh token is bound to the scope that was consented to.",
    over("refresh", "a refresh never gives more scope than was approved, or than its approver may give now"),
  ],
  [
    "4.14.2",
    "A token that tells its own family is protected against changes.",
    over("refresh", "a forged or changed refresh token is refused, and ends nothing"),
  ],
  [
    "4.14.2",
    "A refresh token that is not used expires.",
    pure("refresh", "an unknown, an expired and an ended token are refused"),
    over("refresh", "a refresh token is good for 90 days"),
  ],
  [
    "4.14.2",
    "Signing out, and leaving the tenant, end refresh tokens.",
    over("refresh", "a family ends with the sign-out, the instance, the membership or the token that approved it"),
  ],
  [
    "4.15",
    "No client can pass for a person.",
    over("introspection", "the subject of an instance's own token is the instance, and of a person's the person"),
  ],
  [
    "4.16",
    "The consent page cannot be framed by another site.",
    over("consent", "the consent page cannot be framed, and tells no other site its address"),
  ],
]);

import { over, pure, type Requirement, requirementsOf } from "./requirement.ts";

/** RFC 7636: PKCE. */
export const PKCE_REQUIREMENTS: Requirement[] = requirementsOf(7636, [
  [
    "4.1",
    "A verifier has 43 to 128 unreserved characters.",
    pure(
      "pkce",
      "a verifier of another form than RFC 7636 section 4.1 says is refused, though its hash is the challenge",
    ),
  ],
  [
    "4.2",
    "S256 is supported.",
    pure("pkce", "the example of RFC 7636 appendix B verifies"),
    over("code", "a public client signs somebody in with a code and PKCE"),
  ],
  [
    "4.3",
    "A challenge without a method is one of the method plain, which is refused here.",
    pure("pkce", "S256 is the only method: plain, none at all and unknown ones are refused, of every client"),
  ],
  [
    "4.4",
    "A code is bound to the challenge that came with its request.",
    over("code", "a code is bound to its challenge: another request's verifier does not redeem it"),
  ],
  [
    "4.4",
    "Nobody can read the challenge from the code.",
    over("code", "a code tells nothing of its request: it is kept as a hash alone, and is random"),
  ],
  [
    "4.4.1",
    "Where PKCE is required, a request without it, or with a method that is not supported, is invalid_request.",
    pure("pkce", "a public client without a challenge is refused; a confidential one may do without"),
    pure("authorization-request", "told to the client at its redirect URI, with its state: %s"),
  ],
  [
    "4.5",
    "The token request of a code that has a challenge carries its verifier.",
    pure("pkce", "a verifier without a challenge, or a challenge without a verifier, is refused"),
  ],
  [
    "4.6",
    "The hash of the verifier is the challenge; anything else is invalid_grant.",
    pure("pkce", "the verifier of a challenge verifies, and no other does"),
    over("code", "a wrong, a missing and a superfluous verifier are invalid_grant"),
  ],
  [
    "5",
    "A confidential client that does not know PKCE is served without it.",
    pure("authorization-request", "a request of a confidential client is read, with PKCE and without"),
  ],
]);

/** RFC 8252: redirect URIs of native applications. */
export const NATIVE_REQUIREMENTS: Requirement[] = requirementsOf(8252, [
  [
    "7.1",
    "A private-use scheme is a reversed domain name.",
    pure("redirect-uri", "https, a loopback IP literal or a private-use scheme with a dot may be registered"),
    pure("redirect-uri", "no other redirect URI may be registered"),
  ],
  [
    "7.3",
    "On a loopback address any port is allowed at the time of the request.",
    pure("redirect-uri", "of a registered loopback IP literal the port may be any, and nothing but the port"),
    pure("authorization-request", "of the redirect URIs registered the one that was named is answered at"),
  ],
]);

/** RFC 9207: whose answer it is. */
export const ISSUER_REQUIREMENTS: Requirement[] = requirementsOf(9207, [
  [
    "2",
    "Every authorization response names its issuer, an error too.",
    pure(
      "authorization-request",
      "every response names its issuer, and state and code come back exactly, whatever characters they have",
    ),
    over("code", "an approval and a denial both go back with state and issuer"),
  ],
  [
    "2.3",
    "The issuer in a response is the very one of the metadata.",
    over("metadata", "the issuer of the metadata is that of tokens and authorization responses"),
  ],
  [
    "3",
    "The metadata say that responses name their issuer.",
    pure("server-metadata", "the metadata announce PKCE with S256 alone, and the issuer in responses"),
  ],
]);

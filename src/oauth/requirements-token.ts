import { over, pure, type Requirement, requirementsOf } from "./requirement.ts";

/** RFC 7009: revocation. */
export const REVOCATION_REQUIREMENTS: Requirement[] = requirementsOf(7009, [
  [
    "2",
    "Refresh tokens can be revoked, and access tokens too.",
    over("revocation", "a refresh token and an access token can be revoked"),
  ],
  [
    "2",
    "It takes a POST with a form: no token stands in an address.",
    over("revocation", "revocation takes POST with a form alone"),
  ],
  [
    "2.1",
    "The client is authenticated first.",
    over("revocation", "revocation takes the client's own secret, or for a public client its id alone"),
  ],
  [
    "2.1",
    "A client revokes what was issued to it, and nothing else.",
    over("revocation", "the token of another client is not revoked"),
  ],
  [
    "2.1",
    "A wrong hint of the token's type is no obstacle.",
    over("revocation", "a wrong or unknown token_type_hint is no obstacle"),
  ],
  [
    "2.1",
    "A revoked token is refused from then on.",
    over("revocation", "a revoked token is refused at once, everywhere"),
  ],
  [
    "2.1",
    "With a refresh token go the access tokens of the same approval.",
    over("revocation", "with a refresh token all tokens of its family end"),
  ],
  [
    "2.2",
    "A token that is unknown or already ended is no error.",
    over("revocation", "an unknown, expired or revoked token answers 200, as a good one does"),
  ],
  [
    "2.2.1",
    "Errors are those of RFC 6749.",
    over("revocation", "a request without a token is invalid_request, a wrong secret invalid_client"),
  ],
  [
    "2.2.1",
    "When it cannot be done now, a 503 says so and when to try again.",
    over("revocation", "when the token cannot be ended now the answer is a 503 with Retry-After"),
  ],
]);

/** RFC 7662: introspection. */
export const INTROSPECTION_REQUIREMENTS: Requirement[] = requirementsOf(7662, [
  [
    "2.1",
    "It takes a POST with a form, and the token is required.",
    over("introspection", "introspection takes POST with a form alone, with a token"),
  ],
  [
    "2.1",
    "Whoever asks is authenticated, so that nobody tries tokens out.",
    over("introspection", "introspection takes the secret of a client: an anonymous, a public and a wrong one get 401"),
    pure("server-metadata", "introspection takes no public client; revocation does"),
  ],
  [
    "2.1",
    "A wrong hint of the token's type is no obstacle.",
    over("introspection", "a wrong or unknown token_type_hint is no obstacle"),
  ],
  [
    "2.2",
    "Of an active token it says so, and what the token is for.",
    pure("introspection", "of an active token it says what RFC 7662 and the contract name, times in seconds"),
    over("introspection", "of its own access and refresh tokens a client learns scope, subject, times and instance"),
  ],
  [
    "2.2",
    "Of any other token it says only that it is not active.",
    pure("introspection", "of every other token it says that it is not active, and nothing else"),
    over("introspection", "unknown, forged, expired, revoked and other tenants' tokens look the same"),
  ],
  [
    "2.3",
    "A token that is not active is no error; a client that is not authenticated is a 401.",
    over("introspection", "introspection takes the secret of a client: an anonymous, a public and a wrong one get 401"),
  ],
  [
    "4",
    "Active means: signed here, not expired, not revoked, and what it stands on still there.",
    over("introspection", "a token is not active once its family, its instance or its person's membership has ended"),
  ],
  [
    "4",
    "The answer is not stored on its way.",
    over("introspection", "the answer of introspection is JSON and is not stored"),
  ],
]);

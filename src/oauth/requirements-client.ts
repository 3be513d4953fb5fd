import { over, pure, type Requirement, requirementsOf } from "./requirement.ts";

/** RFC 7591: registration. */
export const REGISTRATION_REQUIREMENTS: Requirement[] = requirementsOf(7591, [
  ["2", "Metadata that are not known are ignored.", over("register", "unknown metadata are ignored")],
  [
    "2",
    "A client of a flow with redirects registers its redirect URIs.",
    pure("client-metadata", "without redirect URIs a client is not granted authorization_code"),
  ],
  [
    "2",
    "A client registers how it authenticates.",
    pure("client-metadata", "the authentication methods are client_secret_post, client_secret_basic and none"),
    over("register", "a client that registers the method none has no secret"),
  ],
  [
    "2.1",
    "Grant types and response types go together.",
    pure("client-metadata", "response types go with the grant types"),
  ],
  ["3.1", "Registration takes a POST with JSON.", over("register", "registration takes POST with JSON alone")],
  [
    "3.2.1",
    "The answer is a 201 with all that was registered, also where it is not what was sent; and it is not stored.",
    pure("client-metadata", "scopes and grant types that are not ours are left out of what is registered"),
    over("register", "the answer says all that was registered, is a 201 and is not stored"),
  ],
  [
    "3.2.1",
    "Every client_id is another, and a secret says when it expires.",
    over("register", "the answer says all that was registered, is a 201 and is not stored"),
  ],
  [
    "3.2.2",
    "A redirect URI that is refused is invalid_redirect_uri, everything else invalid_client_metadata; each a 400.",
    pure("refusal", "every reason has the code that its RFC names for it"),
    over(
      "register",
      "metadata that are refused are invalid_redirect_uri or invalid_client_metadata, and register nothing",
    ),
  ],
  [
    "5",
    "Redirect URIs are https, of the machine itself, or of the application's own scheme.",
    pure("redirect-uri", "https, a loopback IP literal or a private-use scheme with a dot may be registered"),
    pure("redirect-uri", "no other redirect URI may be registered"),
    pure("client-metadata", "one redirect URI that may not be registered refuses all, and so do more than ten"),
  ],
  [
    "5",
    "What a client says of itself cannot mislead who approves.",
    pure("client-metadata", "a client's name is 1 to 100 printable characters: it is shown to who approves"),
  ],
  [
    "5",
    "Open registration is limited, and what nobody claims is forgotten.",
    over("register", "open registration is limited, and an unclaimed client is gone after 24 hours"),
  ],
]);

/** RFC 7592, as far as the contract has it: a client updates itself with its secret. */
export const UPDATE_REQUIREMENTS: Requirement[] = requirementsOf(7592, [
  [
    "2.2",
    "A client updates itself alone, and names its own id.",
    over("register", "a client updates itself with its own id and secret, and no other"),
  ],
  [
    "2.2",
    "What an update does not name is what it is without; nothing becomes wider than what may be registered.",
    over("register", "an update is read as a registration is, and cannot claim, rename or move an instance"),
  ],
]);

/** RFC 8414: metadata. */
export const METADATA_REQUIREMENTS: Requirement[] = requirementsOf(8414, [
  [
    "2",
    "The issuer is an https URL without query and fragment, and the required members are there.",
    pure("server-metadata", "the metadata name the issuer that it was asked of, and every endpoint under it"),
  ],
  [
    "3",
    "The document lies at the well-known address of its issuer.",
    over("metadata", "the metadata lie at the well-known address, as JSON with status 200, and every endpoint answers"),
  ],
  ["3.2", "It is JSON, and has no empty lists.", pure("server-metadata", "no list in the metadata is empty")],
  [
    "3.3",
    "The issuer in it is the one that it was asked of.",
    over("metadata", "the issuer of the metadata is that of tokens and authorization responses"),
  ],
]);

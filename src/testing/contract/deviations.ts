import type { Difference } from "./compare.ts";

interface Deviation extends Difference {
  why: string;
}

/**
 * Where our document is no superset of the published one, each with its reason. The test fails for what is not listed,
 * and for what is listed and is so no more. What OpenAPI cannot say is told at the end, in words.
 */
export const DEVIATIONS: readonly Deviation[] = [
  {
    operation: "POST /oauth2/register",
    what: "answer 201 /client_secret: may be missing",
    why: "A public client (token_endpoint_auth_method none), which the contract does not know, has no secret. Whoever registers as the contract says gets one.",
  },
  {
    operation: "GET /oauth2/authorize",
    what: "answer 401 is not there",
    why: "An unknown client is a 400 like one without redirect URIs: a 401 has browsers ask the person for a password, and tells which clients there are.",
  },
];

/** Operations of the contract that come with a later issue: this list must shrink to nothing. */
export const LATER: readonly string[] = [
  "POST /instance/assistant/complete",
  "GET /instance/assistant/models",
  "GET /instance/assistant/usage",
  "GET /releases/latest",
  "GET /store/packages",
];

/** Deviations in what a route does, which the comparison of documents does not see. */
export const IN_BEHAVIOUR: readonly { operation: string; what: string; why: string }[] = [
  {
    operation: "POST /oauth2/introspect",
    what: "The client must authenticate.",
    why: "RFC 7662 section 2.1: whoever may ask about any token can try tokens until one is good.",
  },
  {
    operation: "PUT /oauth2/register/{id}",
    what: "The client must authenticate with the secret that it was given, and a public client cannot change itself.",
    why: "RFC 7592 section 2: whoever knows a client's id must not be able to change it.",
  },
  {
    operation: "GET /oauth2/authorize",
    what: "The redirect URI must have been registered; a client without any is refused and never redirected.",
    why: "RFC 9700 section 2.1: anything else is an open redirector that hands codes to whoever asks.",
  },
  {
    operation: "GET /oauth2/authorize",
    what: "A public client must use PKCE.",
    why: "RFC 9700 section 2.1.1: its code is all that an attacker would need.",
  },
  {
    operation: "*",
    what: "Texts and lists that are sent are bounded in length.",
    why: "What is stored or compared has a size; a client of the contract does not come near any bound.",
  },
];

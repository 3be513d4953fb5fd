import type { ProblemName } from "../core/problem.ts";
import type { AuthorizeError, AuthorizeRefusal } from "./authorization-request.ts";
import type { ClientMetadataReason } from "./client-metadata.ts";
import type { CodeReason } from "./code-exchange.ts";
import type { PollReason } from "./device-poll.ts";
import type { RefreshReason } from "./refresh.ts";
import type { GrantReason } from "./scope.ts";

/** Where it was refused, and why: the same word may mean another thing at another place. */
export type Refusal =
  | `register:${ClientMetadataReason}`
  | `grant:${GrantReason}`
  | `authorize:${AuthorizeRefusal | AuthorizeError}`
  | `poll:${PollReason}`
  | `code:${CodeReason}`
  | `refresh:${RefreshReason | "reuse"}`;

/**
 * The Problem, and with it the wire code, of every reason of these files: the one place where many reasons become few
 * codes. The compiler holds it complete. Why a code or token is not good is told to nobody beyond `invalid_grant`: a
 * used, another client's and an unknown one look the same (RFC 6749 section 5.2).
 */
export function problemOf(refusal: Refusal): ProblemName {
  switch (refusal) {
    case "register:redirect-uris":
      return "invalid-redirect-uri";
    case "register:auth-method":
    case "register:grant-types":
    case "register:client-name":
      return "invalid-client-metadata";

    case "grant:scope":
    case "authorize:scope":
    case "refresh:scope":
      return "invalid-scope";

    // One answer, so that it tells nobody which clients there are; and no 401, for which a browser asks for a password.
    case "authorize:unknown-client":
    case "authorize:no-redirect-uris":
    case "authorize:grant-type":
      return "unauthorized-client";
    case "authorize:redirect-uri-missing":
    case "authorize:redirect-uri":
      return "redirect-uri-mismatch";
    case "authorize:pkce-required":
      return "pkce-required";
    case "authorize:response-type":
      return "unsupported-response-type";
    case "authorize:state":
    case "authorize:response-type-missing":
    case "authorize:response-mode":
    case "authorize:challenge":
      return "invalid-field";

    case "poll:pending":
      return "authorization-pending";
    case "poll:slow-down":
      return "slow-down";
    case "poll:denied":
      return "access-denied";
    case "poll:expired":
      return "expired-token";

    case "poll:unknown":
    case "poll:used":
    case "poll:other-client":
    case "code:unknown":
    case "code:other-client":
    case "code:replayed":
    case "code:expired":
    case "code:other-redirect":
    case "code:pkce":
    case "refresh:unknown":
    case "refresh:other-client":
    case "refresh:ended":
    case "refresh:expired":
    case "refresh:reuse":
      return "invalid-grant";
  }
}

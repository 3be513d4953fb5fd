import { expect, test } from "vitest";
import { PROBLEMS } from "../core/problem.ts";
import { problemOf, type Refusal } from "./refusal.ts";

const wire = (refusal: Refusal) => PROBLEMS[problemOf(refusal)].oauth;

/** Every reason with its code: the compiler refuses a table that lacks one. */
const CODES: Record<Refusal, string> = {
  "register:redirect-uris": "invalid_redirect_uri",
  "register:auth-method": "invalid_client_metadata",
  "register:grant-types": "invalid_client_metadata",
  "register:client-name": "invalid_client_metadata",
  "grant:scope": "invalid_scope",
  "authorize:unknown-client": "unauthorized_client",
  "authorize:no-redirect-uris": "unauthorized_client",
  "authorize:redirect-uri-missing": "invalid_request",
  "authorize:redirect-uri": "invalid_request",
  "authorize:state": "invalid_request",
  "authorize:grant-type": "unauthorized_client",
  "authorize:response-type-missing": "invalid_request",
  "authorize:response-type": "unsupported_response_type",
  "authorize:response-mode": "invalid_request",
  "authorize:pkce-required": "invalid_request",
  "authorize:challenge": "invalid_request",
  "authorize:scope": "invalid_scope",
  "poll:pending": "authorization_pending",
  "poll:slow-down": "slow_down",
  "poll:denied": "access_denied",
  "poll:expired": "expired_token",
  "poll:unknown": "invalid_grant",
  "poll:used": "invalid_grant",
  "poll:other-client": "invalid_grant",
  "code:unknown": "invalid_grant",
  "code:other-client": "invalid_grant",
  "code:replayed": "invalid_grant",
  "code:expired": "invalid_grant",
  "code:other-redirect": "invalid_grant",
  "code:pkce": "invalid_grant",
  "refresh:unknown": "invalid_grant",
  "refresh:expired": "invalid_grant",
  "refresh:other-client": "invalid_grant",
  "refresh:ended": "invalid_grant",
  "refresh:scope": "invalid_scope",
  "refresh:reuse": "invalid_grant",
};
const REFUSALS = Object.keys(CODES) as Refusal[];

test("every reason has the code that its RFC names for it", () => {
  expect(Object.fromEntries(REFUSALS.map((refusal) => [refusal, wire(refusal)]))).toEqual(CODES);
});

test("a code or token that is unknown, used or another client's looks the same to who shows it", () => {
  for (const stage of ["poll", "code", "refresh"] as const) {
    expect(problemOf(`${stage}:unknown`)).toBe("invalid-grant");
    expect(problemOf(`${stage}:other-client`)).toBe("invalid-grant");
  }
  for (const used of ["poll:used", "code:replayed", "refresh:reuse"] as const)
    expect(problemOf(used)).toBe("invalid-grant");
});

test("every refusal is a 400, and its text has only characters that error_description may have", () => {
  for (const refusal of REFUSALS) {
    const { status, title } = PROBLEMS[problemOf(refusal)];
    expect(status, refusal).toBe(400);
    expect(title, refusal).toMatch(/^[\x20\x21\x23-\x5b\x5d-\x7e]+$/);
  }
});

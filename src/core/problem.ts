/**
 * Every way in which Ebb says no, with its wire form. `type` is the stable name (RFC 9457), `code` the number that
 * clients of the published contract read, `oauth` the code used on /oauth2/* (RFC 6749 section 5.2).
 * Texts are fixed: nothing that a caller sent, and nothing that a database said, is ever put into them.
 */
export const PROBLEMS = {
  "malformed-body": { status: 400, code: 4000, oauth: "invalid_request", title: "The body could not be parsed." },
  "invalid-field": {
    status: 400,
    code: 4001,
    oauth: "invalid_request",
    title: "A field is missing or has a value that is not allowed.",
  },
  "unsupported-grant-type": {
    status: 400,
    code: 4002,
    oauth: "unsupported_grant_type",
    title: "This grant type is not supported.",
  },
  "invalid-scope": {
    status: 400,
    code: 4003,
    oauth: "invalid_scope",
    title: "None of the requested scopes can be granted.",
  },
  "invalid-client-metadata": {
    status: 400,
    code: 4004,
    oauth: "invalid_client_metadata",
    title: "The client cannot be registered with these properties.",
  },
  "tenant-required": {
    status: 400,
    code: 4005,
    oauth: "invalid_request",
    title: "You belong to several tenants: say which one with tenant_id.",
  },
  "unauthorized-client": {
    status: 400,
    code: 4006,
    oauth: "unauthorized_client",
    title: "This client may not use this grant.",
  },
  "client-unclaimed": {
    status: 400,
    code: 4007,
    oauth: "unauthorized_client",
    title: "The instance is not claimed yet: approve its first login.",
  },
  "invalid-grant": {
    status: 400,
    code: 4008,
    oauth: "invalid_grant",
    title: "The code or token is unknown, was used or has ended, or is of another client.",
  },
  "authorization-pending": {
    status: 400,
    code: 4009,
    oauth: "authorization_pending",
    title: "The request waits for somebody to approve it.",
  },
  "slow-down": {
    status: 400,
    code: 40010,
    oauth: "slow_down",
    title: "Asked again too soon: wait five seconds longer between requests from now on.",
  },
  "access-denied": { status: 400, code: 40011, oauth: "access_denied", title: "The request was denied." },
  "expired-token": {
    status: 400,
    code: 40012,
    oauth: "expired_token",
    title: "The device code has expired: begin anew.",
  },
  "unsupported-response-type": {
    status: 400,
    code: 40013,
    oauth: "unsupported_response_type",
    title: "The only response type is code.",
  },
  "invalid-redirect-uri": {
    status: 400,
    code: 40014,
    oauth: "invalid_redirect_uri",
    title: "A redirect URI is not one that may be registered.",
  },
  "redirect-uri-mismatch": {
    status: 400,
    code: 40015,
    oauth: "invalid_request",
    title: "The redirect URI is not one that this client has registered.",
  },
  "pkce-required": {
    status: 400,
    code: 40016,
    oauth: "invalid_request",
    title: "A public client needs PKCE: send code_challenge with the method S256.",
  },
  "invalid-voucher": {
    status: 400,
    code: 40017,
    oauth: "invalid_request",
    title: "The voucher code is unknown, was used or has ended.",
  },
  "registration-key-unknown": {
    status: 403,
    code: 4030,
    oauth: "access_denied",
    title: "The registration key is not known.",
  },
  "registration-key-expired": {
    status: 403,
    code: 4031,
    oauth: "access_denied",
    title: "The registration key has expired.",
  },
  "registration-key-used": {
    status: 403,
    code: 4032,
    oauth: "access_denied",
    title: "The registration key has been used as often as it may be.",
  },
  "registration-key-revoked": {
    status: 403,
    code: 4033,
    oauth: "access_denied",
    title: "The registration key was revoked.",
  },
  "invalid-client": {
    status: 401,
    code: 4010,
    oauth: "invalid_client",
    title: "The client is unknown or its secret is wrong.",
  },
  "client-revoked": {
    status: 401,
    code: 4011,
    oauth: "invalid_client",
    title: "This client was revoked; its instance must register again.",
  },
  unauthenticated: { status: 401, code: 4012, oauth: "invalid_token", title: "A valid credential is required." },
  "token-expired": {
    status: 401,
    code: 4013,
    oauth: "invalid_token",
    title: "The access token has expired; request a new one.",
  },
  "token-not-yet-valid": {
    status: 401,
    code: 4014,
    oauth: "invalid_token",
    title: "The access token is not valid yet; check the clock against the Date header.",
  },
  "token-revoked": { status: 401, code: 4015, oauth: "invalid_token", title: "The access token was revoked." },
  "instance-deleted": {
    status: 401,
    code: 4016,
    oauth: "invalid_token",
    title: "The instance of this access token was deleted.",
  },
  "token-outdated": {
    status: 401,
    code: 4019,
    oauth: "invalid_token",
    title: "What this person may do has changed since the token was issued: refresh it.",
  },
  "sign-in-ended": {
    status: 401,
    code: 40110,
    oauth: "invalid_token",
    title: "This sign-in has ended: sign in again.",
  },
  "key-expired": { status: 401, code: 4017, oauth: "invalid_token", title: "This key has expired." },
  "key-revoked": { status: 401, code: 4018, oauth: "invalid_token", title: "This key was revoked." },
  forbidden: { status: 403, code: 4034, oauth: "access_denied", title: "The credential does not permit this." },
  "tenant-suspended": { status: 403, code: 4035, oauth: "access_denied", title: "The account is suspended." },
  "cost-above-limit": {
    status: 403,
    code: 4036,
    oauth: "access_denied",
    title: "The limits of the account never admit a call of this size; waiting does not help.",
  },
  "tenant-closed": { status: 403, code: 4037, oauth: "access_denied", title: "The account is closed." },
  "not-accepted-here": {
    status: 403,
    code: 4038,
    oauth: "access_denied",
    title: "This key is not accepted from this network or origin.",
  },
  "reason-required": {
    status: 403,
    code: 4039,
    oauth: "access_denied",
    title: "Opening the data of another tenant needs a reason: send it as Ebb-Reason.",
  },
  "cross-site": {
    status: 403,
    code: 40310,
    oauth: "access_denied",
    title: "A request with a session cookie must come from our own pages, with its CSRF token.",
  },
  "invitation-expired": { status: 403, code: 40311, oauth: "access_denied", title: "The invitation has expired." },
  "invitation-for-another": {
    status: 403,
    code: 40312,
    oauth: "access_denied",
    title: "The invitation is for another e-mail address, or for one that your provider has not verified.",
  },
  "insufficient-scope": {
    status: 403,
    code: 40313,
    oauth: "insufficient_scope",
    title: "The access token was not granted the scope that this needs.",
  },
  "claim-code-required": {
    status: 403,
    code: 40314,
    oauth: "access_denied",
    title: "Claiming this instance takes the code that it has printed, and the code given is not that one.",
  },
  "claim-code-locked": {
    status: 403,
    code: 40315,
    oauth: "access_denied",
    title: "Too many wrong claim codes were given for this instance: it must register again.",
  },
  "offline-lease-off": {
    status: 403,
    code: 40316,
    oauth: "access_denied",
    title: "The account has turned offline leases off.",
  },
  "not-found": {
    status: 404,
    code: 4040,
    oauth: "invalid_request",
    title: "There is nothing here, or nothing that this credential may see.",
  },
  "method-not-allowed": {
    status: 405,
    code: 4050,
    oauth: "invalid_request",
    title: "This method is not allowed here; see the Allow header.",
  },
  conflict: {
    status: 409,
    code: 4090,
    oauth: "invalid_request",
    title: "The request conflicts with the current state.",
  },
  "allotments-exceed-total": {
    status: 409,
    code: 4091,
    oauth: "invalid_request",
    title: "The clients of the reseller would together have more than the reseller has.",
  },
  "window-not-variable": {
    status: 409,
    code: 4092,
    oauth: "invalid_request",
    title: "The retention window of this class is the same for everybody.",
  },
  "plan-not-sufficient": {
    status: 409,
    code: 4093,
    oauth: "invalid_request",
    title: "The plan of the account does not include this.",
  },
  "already-subscribed": {
    status: 409,
    code: 4097,
    oauth: "invalid_request",
    title: "The account is on this plan, or on a greater one, already.",
  },
  "no-seat-left": {
    status: 409,
    code: 4098,
    oauth: "invalid_request",
    title: "All seats of the subscription are taken.",
  },
  "workspace-not-empty": {
    status: 409,
    code: 4099,
    oauth: "invalid_request",
    title: "The workspace has instances, or is the only one.",
  },
  "idempotency-key-in-use": {
    status: 409,
    code: 4094,
    oauth: "invalid_request",
    title: "A request with this Idempotency-Key is under way.",
  },
  "last-owner": {
    status: 409,
    code: 4095,
    oauth: "invalid_request",
    title: "A tenant always has an owner: make somebody else an owner first.",
  },
  "invitation-used": {
    status: 409,
    code: 4096,
    oauth: "invalid_request",
    title: "The invitation was accepted or withdrawn.",
  },
  "too-many-invitations": {
    status: 409,
    code: 40910,
    oauth: "invalid_request",
    title: "There are 100 open invitations already, or this address had five mails from this account today.",
  },
  "registration-ended": {
    status: 409,
    code: 40911,
    oauth: "invalid_request",
    title:
      "What this Idempotency-Key registered was claimed, locked, revoked or removed since: its secret is not given again.",
  },
  "precondition-failed": {
    status: 412,
    code: 4120,
    oauth: "invalid_request",
    title: "It was changed since: read it again, then send its new ETag as If-Match.",
  },
  "body-too-large": {
    status: 413,
    code: 4130,
    oauth: "invalid_request",
    title: "The body is larger than this route allows.",
  },
  "unsupported-media-type": {
    status: 415,
    code: 4150,
    oauth: "invalid_request",
    title: "The content type is not one that this route reads.",
  },
  "idempotency-key-reused": {
    status: 422,
    code: 4220,
    oauth: "invalid_request",
    title: "This Idempotency-Key was used for another request.",
  },
  "quota-exceeded": {
    status: 429,
    code: 4290,
    oauth: "slow_down",
    title: "A rate limit was reached; wait for the time in Retry-After.",
  },
  internal: {
    status: 500,
    code: 5000,
    oauth: "server_error",
    title: "Something failed here; the request id finds it in the logs.",
  },
  unavailable: {
    status: 503,
    code: 5030,
    oauth: "temporarily_unavailable",
    title: "This is temporarily unavailable; try again after the time in Retry-After.",
  },
  "outcome-unknown": {
    status: 503,
    code: 5031,
    oauth: "temporarily_unavailable",
    title: "The connection was lost before the outcome was known; check before repeating.",
  },
} as const;

export type ProblemName = keyof typeof PROBLEMS;

/** A field that was refused: `path` as in `os.version`, `message` one fixed sentence. */
export interface FieldError {
  path: string;
  message: string;
}

export interface ProblemDetail {
  errors?: readonly FieldError[];
  /** Seconds; becomes Retry-After. */
  retryAfterS?: number;
  headers?: Readonly<Record<string, string>>;
  /** Extension members of the problem body, such as the violated policies of a 429. */
  members?: Readonly<Record<string, unknown>>;
  cause?: unknown;
}

/** Thrown anywhere below the HTTP layer; the HTTP layer alone turns it into bytes. */
export class Problem extends Error {
  override readonly name = "Problem";
  readonly problem: ProblemName;
  readonly detail: ProblemDetail;

  constructor(problem: ProblemName, detail: ProblemDetail = {}) {
    super(problem, detail.cause === undefined ? undefined : { cause: detail.cause });
    this.problem = problem;
    this.detail = detail;
  }
}

/** Why a sign-in failed: stable names, as the authentication history shows them. */
export type SignInRefusal =
  /** Not begun in this browser, answered before, or begun more than ten minutes ago. */
  | "state-unknown"
  /** The provider was removed, or changed, meanwhile. */
  | "provider-unknown"
  /** The person, or the provider, said no (RFC 6749 section 4.1.2.1). */
  | "denied"
  /** The provider answered with another error. */
  | "provider-error"
  /** The provider did not answer as it must, or not in time. */
  | "provider-unreachable"
  /** It came at another provider's address, names another issuer (RFC 9207 section 2.4), or its form is wrong. */
  | "answer-invalid"
  /** The provider does not take the code: used, expired, or another sign-in's (RFC 6749 section 5.2). */
  | "code-refused"
  /** The ID token is for another client or sign-in, of another issuer, or badly signed (OpenID Connect Core 3.1.3.7). */
  | "token-invalid"
  /** It has expired, or is not valid yet. */
  | "token-expired"
  /** The person's time here has passed, and the purge has not come yet: the old history is nobody's to revive. */
  | "person-expired";

/** Thrown while a sign-in is under way; what the page says follows from the reason alone. */
export class SignInRefused extends Error {
  override readonly name = "SignInRefused";
  readonly reason: SignInRefusal;

  constructor(reason: SignInRefusal, cause?: unknown) {
    super(reason, cause === undefined ? undefined : { cause });
    this.reason = reason;
  }
}

/** What the person is told: what happened, and what to do. Of what an attacker could learn from, no more than that. */
export function refusalText(reason: SignInRefusal): { status: 400 | 403 | 502; text: string } {
  switch (reason) {
    case "state-unknown":
      return {
        status: 400,
        text: "This sign-in was not begun in this browser, or it has already ended, or took longer than ten minutes. Please begin again.",
      };
    case "provider-unknown":
      return { status: 400, text: "This way of signing in is no longer offered. Please choose another." };
    case "denied":
      return { status: 403, text: "Your provider did not let you sign in, or you cancelled. Nothing was changed." };
    case "provider-error":
      return { status: 502, text: "Your provider reported an error. Please try again in a moment." };
    case "provider-unreachable":
      return { status: 502, text: "Your provider cannot be reached. Please try again in a moment." };
    case "answer-invalid":
    case "code-refused":
    case "token-invalid":
      return { status: 403, text: "Your provider's answer does not belong to this sign-in. Please begin again." };
    case "token-expired":
      return { status: 403, text: "Your provider's answer came too late. Please begin again." };
    case "person-expired":
      return {
        status: 403,
        text: "Your former account has expired and waits to be deleted. Once that is done, usually within a day, you can sign in as somebody new.",
      };
  }
}

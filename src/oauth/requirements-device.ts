import { over, pure, type Requirement, requirementsOf } from "./requirement.ts";

/** RFC 8628: logins on devices. */
export const DEVICE_REQUIREMENTS: Requirement[] = requirementsOf(8628, [
  [
    "3.1",
    "A client that has a secret authenticates to begin a login, as at the token endpoint.",
    over("device", "beginning a login takes the client's own secret, or for a public client its id alone"),
  ],
  [
    "3.1",
    "A parameter without a value counts as left out, an unknown one is ignored, and none may be given twice.",
    over("device", "empty parameters are omitted ones, unknown ones are ignored, repeated ones are refused"),
  ],
  [
    "3.1",
    "The scope may be left out; the server then has a default.",
    pure("scope", "a request that names no scope asks for all that is registered"),
  ],
  [
    "3.2",
    "The answer is JSON with device code, user code, where to enter it and for how long; and it is not stored.",
    over("device", "the device authorization answer has every field, is JSON and is not stored"),
  ],
  [
    "3.2",
    "Both codes are good for a limited time.",
    pure("device-poll", "a code has expired at its very last instant, approved or not, and when it is purged"),
  ],
  [
    "3.2",
    "Between two polls lies the interval that was said, five seconds by default.",
    pure("device-poll", "exactly at the interval is not too soon, and neither is half a second before it"),
  ],
  [
    "3.3",
    "Only an authenticated person approves or denies, for themselves.",
    over("device", "only a signed-in person, or a token that holds device:approve, sees, approves and denies a login"),
  ],
  [
    "3.3",
    "What was decided stays decided: nobody approves after a denial, or twice.",
    over("device", "a login is decided once: an approval after a denial, and a second approval, are refused"),
  ],
  [
    "3.3.1",
    "A link that carries the code still shows it, to be compared with the device.",
    over("consent", "a link that carries the code shows it, and asks whether the device shows the same"),
  ],
  [
    "3.4",
    "A device code is redeemed by the client to which it was issued, authenticated if it has a secret.",
    pure("device-poll", "another client's code is refused in every state, and its owner is not slowed down"),
    over("device", "a device code is of no use to another client, and stays good for its own"),
  ],
  [
    "3.4",
    "Tokens are issued for a code that was approved, and for no other.",
    pure("device-poll", "an approved code is granted, also when it is asked for too soon"),
    pure("device-poll", "nothing is ever granted but an approved code that is live, unused and the client's own"),
  ],
  [
    "3.5",
    "Until somebody decides, the answer is authorization_pending.",
    pure("device-poll", "while nobody has decided the answer is authorization_pending, the first time at once"),
    over(
      "device",
      "polling says authorization_pending, slow_down, access_denied and expired_token, each with status 400",
    ),
  ],
  [
    "3.5",
    "Polling too soon is slow_down, and from then on the interval is five seconds longer.",
    pure("device-poll", "every slow_down makes the interval five seconds longer, for good"),
    pure("device-poll", "a client that heeds every slow_down is slowed down no more"),
  ],
  [
    "3.5",
    "A denied request is access_denied.",
    pure("device-poll", "a denied code is access_denied, also when it was approved too"),
  ],
  [
    "3.5",
    "A code that has expired is expired_token, in the middle of polling too.",
    pure("device-poll", "a code has expired at its very last instant, approved or not, and when it is purged"),
  ],
  [
    "3.5",
    "All other errors are those of RFC 6749: an unknown or used code is invalid_grant.",
    pure("refusal", "every reason has the code that its RFC names for it"),
  ],
  [
    "3.5",
    "A code gives tokens once, whoever asks at the same time.",
    pure("device-poll", "a code is good for one grant, and one that was never ours for none"),
    over("device", "of many that redeem one device code at once exactly one gets tokens"),
  ],
  [
    "4",
    "The metadata name where logins on devices begin.",
    pure("server-metadata", "the metadata name the issuer that it was asked of, and every endpoint under it"),
  ],
  [
    "5.1",
    "User codes cannot be guessed: enough of them, and few attempts.",
    pure(
      "user-code",
      "every letter is as likely as any other: of the 256 bytes twelve make each, and sixteen are thrown away",
    ),
    over("device", "guessing user codes is limited and recorded, and tells nobody which codes there are"),
  ],
  [
    "5.2",
    "Device codes have so many random bits that guessing them is hopeless.",
    over("device", "a device code has 256 random bits, and a forged one is refused"),
  ],
  [
    "5.4",
    "The person is told what they are about to let in, so that a code sent by a stranger is recognised.",
    over("consent", "the consent page says who asks, registered when and from where, and what each scope lets it do"),
  ],
  [
    "5.6",
    "A client without a secret gets nothing that was issued to another.",
    over("device", "a public client cannot redeem the device code of another client"),
  ],
  [
    "6.1",
    "The alphabet of user codes has no vowels, so no words, and no characters that look alike.",
    pure("user-code", "the alphabet has twenty letters: no vowel, no digit, none twice"),
    pure("user-code", "user codes are two groups of four, claim codes two of five"),
  ],
  [
    "6.1",
    "Upper and lower case, and what people put between the letters, make no difference.",
    pure("user-code", "case, spaces and dashes of what a person types are forgiven"),
    pure("user-code", "anything else is no code"),
  ],
]);

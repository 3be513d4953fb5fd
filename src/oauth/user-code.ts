/**
 * Letters alone, without vowels, so that no code is a word, and without those that look like another or like a digit
 * (RFC 8628 section 6.1, which proposes these twenty).
 */
export const CODE_ALPHABET = "BCDFGHJKLMNPQRSTVWXZ";

const USER_CODE = { group: 4, groups: 2 };
const CLAIM_CODE = { group: 5, groups: 2 };
/** The greatest multiple of 20 within a byte: bytes from here on are thrown away, or the first letters came more often. */
const FAIR = 256 - (256 % CODE_ALPHABET.length);
const MAX_TYPED = 100;

export type RandomBytes = (length: number) => Uint8Array;

/** A new user code as it is shown, `WDJB-MJHT`: 20^8, so 34.5 bits (RFC 8628 section 5.1 counts on limited guessing). */
export function newUserCode(randomBytes: RandomBytes): string {
  return newCode(USER_CODE, randomBytes);
}

/** What a person typed, as `newUserCode` writes it; null when it cannot be a user code. Case, spaces, dashes are forgiven. */
export function normaliseUserCode(text: string): string | null {
  return normalise(USER_CODE, text);
}

/** A new claim code, which an instance prints for who claims it: `WDJBK-MJHTC`, 43 bits. */
export function newClaimCode(randomBytes: RandomBytes): string {
  return newCode(CLAIM_CODE, randomBytes);
}

/** As `normaliseUserCode`, for a claim code. */
export function normaliseClaimCode(text: string): string | null {
  return normalise(CLAIM_CODE, text);
}

interface Form {
  /** Letters in a group. */
  group: number;
  groups: number;
}

function newCode({ group, groups }: Form, randomBytes: RandomBytes): string {
  let letters = "";
  while (letters.length < group * groups) {
    for (const byte of randomBytes(group * groups - letters.length)) {
      if (byte < FAIR) letters += CODE_ALPHABET[byte % CODE_ALPHABET.length];
    }
  }
  return grouped(letters, group);
}

function normalise({ group, groups }: Form, text: string): string | null {
  if (text.length > MAX_TYPED) return null;
  const letters = text.replace(/[\s\p{Pd}]/gu, "");
  // Before the case is changed: other alphabets have letters whose capital is one of ours.
  if (!/^[A-Za-z]*$/.test(letters) || letters.length !== group * groups) return null;
  const capitals = letters.toUpperCase();
  return [...capitals].every((letter) => CODE_ALPHABET.includes(letter)) ? grouped(capitals, group) : null;
}

function grouped(letters: string, group: number): string {
  return (letters.match(new RegExp(`.{${group}}`, "g")) ?? []).join("-");
}

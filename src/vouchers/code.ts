/** Crockford's base 32: of letters that look like digits none, so that a code can be read out and typed. */
const ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const LETTERS = 20;
const GROUP = 5;
const PREFIX = "EBB";

/** A new voucher's code, of 100 random bits: `EBB-XXXXX-XXXXX-XXXXX-XXXXX`. It is shown once. */
export function newVoucherCode(): string {
  const random = crypto.getRandomValues(new Uint8Array(LETTERS));
  // 256 is a multiple of 32: every letter is as likely as any other.
  const letters = Array.from(random, (byte) => ALPHABET.charAt(byte % ALPHABET.length)).join("");
  return [PREFIX, ...(letters.match(new RegExp(`.{${GROUP}}`, "g")) ?? [])].join("-");
}

/**
 * The letters of a code as somebody typed it, which are what its hash is of: case, spaces and dashes are forgiven, the
 * prefix may be missing, and what looks alike is taken for what it looks like. Null for what cannot be a code.
 */
export function normaliseVoucherCode(text: string): string | null {
  const typed = text
    .toUpperCase()
    .replaceAll(/[\s\u2010-\u2015-]/g, "")
    .replaceAll("O", "0")
    .replaceAll(/[IL]/g, "1");
  const letters = typed.length === PREFIX.length + LETTERS && typed.startsWith(PREFIX) ? typed.slice(3) : typed;
  return letters.length === LETTERS && [...letters].every((letter) => ALPHABET.includes(letter)) ? letters : null;
}

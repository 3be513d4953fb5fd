const ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789";
const LENGTH = 6;
/** The largest multiple of the alphabet that a byte holds: above it some characters would come more often. */
const FAIR = 256 - (256 % ALPHABET.length);

/** What an instance is called that registers with a key of this prefix: `lab-x7k2p9`. Null where the key has none. */
export function prefixedName(prefix: string | null): string | null {
  if (prefix === null) return null;
  let suffix = "";
  while (suffix.length < LENGTH) {
    const [byte = FAIR] = crypto.getRandomValues(new Uint8Array(1));
    if (byte < FAIR) suffix += ALPHABET[byte % ALPHABET.length];
  }
  return `${prefix}-${suffix}`;
}

/** What an id names, by its prefix. On the wire `ins_01J…`; in Postgres the same 128 bits as a uuid. */
export const ID_PREFIXES = {
  tenant: "tnt",
  workspace: "wsp",
  subscription: "sub",
  person: "per",
  membership: "mem",
  instance: "ins",
  credential: "crd",
  registrationKey: "rgk",
  audit: "aud",
  request: "req",
  deadLetter: "dlt",
  outbox: "obx",
  limitOverride: "lov",
  limitAllotment: "lal",
  metric: "mtc",
  errorReport: "err",
  performanceSample: "pfs",
  userSession: "uss",
  toolExecution: "tex",
  aiUsage: "aiu",
  authenticationEvent: "aev",
  securityEvent: "sev",
  websiteVisit: "vst",
  profile: "pro",
  connection: "con",
  encryptedCredential: "enc",
  billingRecord: "bil",
  voucher: "vch",
  purgeReceipt: "prc",
  rightsRequest: "rrq",
  legalHold: "hld",
  retentionWindow: "rwn",
  deviceCode: "dvc",
  authorizationCode: "acd",
  loginState: "lst",
  session: "ses",
  refreshToken: "rft",
  tokenFamily: "fam",
  invitation: "inv",
  identityProvider: "idp",
  brand: "brn",
  mail: "eml",
} as const;

export type IdKind = keyof typeof ID_PREFIXES;
export type Id<K extends IdKind> = `${(typeof ID_PREFIXES)[K]}_${string}`;

/** Crockford's base 32, as ULIDs use it: no I, L, O, U. */
const ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const ULID = /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** A new id: 48 bits of time (ms) and 80 random bits, so that ids sort by the moment they were made (ULID spec). */
export function newId<K extends IdKind>(kind: K, nowMs: number): Id<K> {
  const random = crypto.getRandomValues(new Uint8Array(10));
  let time = Math.floor(nowMs);
  let ulid = "";
  for (let i = 0; i < 10; i++) {
    ulid = ALPHABET.charAt(time % 32) + ulid;
    time = Math.floor(time / 32);
  }
  // Eighty bits as sixteen groups of five; numbers, as this runs for every request.
  for (let group = 0; group < 10; group += 5) {
    for (let i = 0; i < 8; i++) {
      const bit = i * 5;
      const at = group + (bit >> 3);
      const pair = ((random[at] as number) << 8) | (random[at + 1] ?? 0);
      ulid += ALPHABET.charAt((pair >> (11 - (bit & 7))) & 31);
    }
  }
  return `${ID_PREFIXES[kind]}_${ulid}`;
}

/** The id of this kind for a uuid as Postgres prints it. Throws a RangeError for anything else. */
export function idFromUuid<K extends IdKind>(kind: K, uuid: string): Id<K> {
  if (!UUID.test(uuid)) throw new RangeError("not a uuid");
  return idFromHex(kind, uuid.replaceAll("-", ""));
}

/** The uuid that Postgres stores for an id of this kind. Throws a RangeError for another kind's id or a malformed one. */
export function uuidFromId<K extends IdKind>(kind: K, id: string): string {
  const parsed = parseId(kind, id);
  if (parsed === null) throw new RangeError(`not an id of kind ${kind}`);
  let value = 0n;
  for (const char of parsed.slice(ID_PREFIXES[kind].length + 1)) value = value * 32n + BigInt(ALPHABET.indexOf(char));
  const hex = value.toString(16).padStart(32, "0");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** The id when `text` is a well-formed id of this kind, else null. */
export function parseId<K extends IdKind>(kind: K, text: string): Id<K> | null {
  const prefix = `${ID_PREFIXES[kind]}_`;
  return text.startsWith(prefix) && ULID.test(text.slice(prefix.length)) ? (text as Id<K>) : null;
}

/** When an id was made, ms since 1970, to the clock of whoever made it. */
export function madeAtMs(id: Id<IdKind>): number {
  let time = 0;
  for (const char of id.slice(id.indexOf("_") + 1).slice(0, 10)) time = time * 32 + ALPHABET.indexOf(char);
  return time;
}

function idFromHex<K extends IdKind>(kind: K, hex: string): Id<K> {
  let value = BigInt(`0x${hex}`);
  let ulid = "";
  for (let i = 0; i < 26; i++) {
    ulid = ALPHABET.charAt(Number(value & 31n)) + ulid;
    value >>= 5n;
  }
  return `${ID_PREFIXES[kind]}_${ulid}`;
}

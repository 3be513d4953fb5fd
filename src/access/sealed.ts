import { concat, fromBase64Url } from "../core/bytes.ts";

/**
 * Fields that must be read back: AES-256-GCM (NIST SP 800-38D) under a key of the deployment, bound to their place, so
 * that a value moved to another tenant, column or row does not open. Stored as
 * `version 1 | key id 1 | IV 12 | ciphertext and tag`.
 */
export interface SealingKeys {
  current: number;
  /** By id: keys are added, and not dropped while values sealed with them live. */
  keys: ReadonlyMap<number, CryptoKey>;
}

/** Where a sealed value belongs. `tenant` is empty for what is no tenant's. */
export interface Place {
  tenant: string;
  table: string;
  column: string;
  row: string;
}

const VERSION = 1;
const HEADER = 2;
const IV = 12;
const TAG = 16;

/** Reads `{"current": 1, "keys": {"1": "<base64url of 32 bytes>"}}`. Throws a TypeError that holds no key. */
export async function loadSealingKeys(json: string): Promise<SealingKeys> {
  const parsed = JSON.parse(json) as { current?: unknown; keys?: Record<string, unknown> };
  const keys = new Map<number, CryptoKey>();
  for (const [id, text] of Object.entries(parsed.keys ?? {})) {
    const raw = typeof text === "string" ? fromBase64Url(text) : null;
    const number = Number(id);
    if (raw?.length !== 32 || !Number.isInteger(number) || number < 0 || number > 255) {
      throw new TypeError("SEALING_KEYS holds a malformed key");
    }
    keys.set(number, await crypto.subtle.importKey("raw", concat(raw), "AES-GCM", false, ["encrypt", "decrypt"]));
  }
  if (typeof parsed.current !== "number" || !keys.has(parsed.current)) {
    throw new TypeError("SEALING_KEYS names a current key that it does not hold");
  }
  return { current: parsed.current, keys };
}

export async function seal(text: string, place: Place, { current, keys }: SealingKeys): Promise<Uint8Array> {
  const iv = crypto.getRandomValues(new Uint8Array(IV));
  const sealed = await crypto.subtle.encrypt(
    { name: "AES-GCM", iv, additionalData: additionalData(place, current) },
    keys.get(current) as CryptoKey,
    new TextEncoder().encode(text),
  );
  return concat(Uint8Array.of(VERSION, current), iv, new Uint8Array(sealed));
}

/** The text that was sealed for this place. Throws an Error, which tells nothing of it, for anything else. */
export async function unseal(bytes: Uint8Array, place: Place, { keys }: SealingKeys): Promise<string> {
  const [version, id = -1] = bytes;
  const key = keys.get(id);
  if (version !== VERSION || key === undefined || bytes.length < HEADER + IV + TAG) throw notSealed();
  const algorithm = {
    name: "AES-GCM",
    iv: concat(bytes.subarray(HEADER, HEADER + IV)),
    additionalData: additionalData(place, id),
  };
  const sealed = concat(bytes.subarray(HEADER + IV));
  const text = await crypto.subtle.decrypt(algorithm, key, sealed).catch(() => {
    throw notSealed();
  });
  return new TextDecoder().decode(text);
}

function notSealed(): Error {
  return new Error("not sealed for this place by a key that is here");
}

function additionalData({ tenant, table, column, row }: Place, keyId: number): Uint8Array<ArrayBuffer> {
  return concat(new TextEncoder().encode([tenant, table, column, row, keyId].join("|")));
}

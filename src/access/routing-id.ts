import { concat, equalConstantTime, fromBase64Url, toBase64Url } from "../core/bytes.ts";
import { gateIdOf, parseGateId, REGIONS } from "../core/region.ts";

/**
 * Ids and keys that carry the way to their gate, so that a request finds it without any look-up, and a truncated HMAC,
 * so that a forged or mistyped one is refused at the edge without waking anything:
 *
 *   prefix base64url( version 1 | HMAC key id 1 | region 1 | gate 10 | unique n | HMAC-SHA256 truncated to 10 )
 *
 * The HMAC is no secret of the holder's: an API key's strength is its 32 random bytes, checked by their hash.
 */
const KINDS = {
  "client-id": { prefix: "ebbc_", unique: 16 },
  "registration-key": { prefix: "ebbr_", unique: 32 },
  "api-key": { prefix: "ebb_", unique: 32 },
  "personal-access-token": { prefix: "ebbp_", unique: 32 },
  "refresh-token": { prefix: "ebbt_", unique: 32 },
  "device-code": { prefix: "ebbd_", unique: 32 },
  "authorization-code": { prefix: "ebba_", unique: 32 },
} as const;
export type RoutingKind = keyof typeof KINDS;

const VERSION = 1;
const HEADER = 13;
const MAC = 10;

/** HMAC keys by id. Keys are added, never dropped while ids made with them live. */
export interface RoutingKeys {
  current: number;
  keys: ReadonlyMap<number, CryptoKey>;
}

/** Reads `{"current": 1, "keys": {"1": "<base64url of 32 bytes or more>"}}`. Throws a TypeError that holds no key. */
export async function loadRoutingKeys(json: string): Promise<RoutingKeys> {
  const parsed = JSON.parse(json) as { current?: unknown; keys?: Record<string, unknown> };
  const keys = new Map<number, CryptoKey>();
  for (const [id, text] of Object.entries(parsed.keys ?? {})) {
    const raw = typeof text === "string" ? fromBase64Url(text) : null;
    const number = Number(id);
    if (raw === null || raw.length < 32 || !Number.isInteger(number) || number < 0 || number > 255) {
      throw new TypeError("ROUTING_HMAC_KEYS holds a malformed key");
    }
    keys.set(number, await importHmacKey(concat(raw)));
  }
  if (typeof parsed.current !== "number" || !keys.has(parsed.current)) {
    throw new TypeError("ROUTING_HMAC_KEYS names a current key that it does not hold");
  }
  return { current: parsed.current, keys };
}

function importHmacKey(raw: Uint8Array<ArrayBuffer>): Promise<CryptoKey> {
  return crypto.subtle.importKey("raw", raw, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
}

/** Makes an id or key of this kind that leads to this gate. */
export async function mintRoutingId(kind: RoutingKind, gateId: string, routing: RoutingKeys): Promise<string> {
  const { prefix, unique } = KINDS[kind];
  const { region, bytes } = parseGateId(gateId);
  const body = concat(
    Uint8Array.of(VERSION, routing.current, REGIONS.indexOf(region)),
    bytes,
    crypto.getRandomValues(new Uint8Array(unique)),
  );
  const mac = await truncatedMac(routing.keys.get(routing.current) as CryptoKey, prefix, body);
  return prefix + toBase64Url(concat(body, mac));
}

/** The gate to which an id or key leads, or null when it was not made by us. */
export async function openRoutingId(kind: RoutingKind, text: string, routing: RoutingKeys): Promise<string | null> {
  const { prefix, unique } = KINDS[kind];
  const length = HEADER + unique + MAC;
  if (!text.startsWith(prefix) || text.length !== prefix.length + Math.ceil((length * 4) / 3)) return null;
  const bytes = fromBase64Url(text.slice(prefix.length));
  if (bytes === null || bytes.length !== length || bytes[0] !== VERSION) return null;
  const key = routing.keys.get(bytes[1] as number);
  const region = REGIONS[bytes[2] as number];
  if (key === undefined || region === undefined) return null;
  const body = bytes.subarray(0, HEADER + unique);
  if (!equalConstantTime(await truncatedMac(key, prefix, body), bytes.subarray(HEADER + unique))) return null;
  return gateIdOf(region, body.subarray(3, HEADER));
}

async function truncatedMac(key: CryptoKey, prefix: string, body: Uint8Array): Promise<Uint8Array> {
  const message = concat(new TextEncoder().encode(prefix), body);
  return new Uint8Array(await crypto.subtle.sign("HMAC", key, message)).subarray(0, MAC);
}

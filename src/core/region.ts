/** Where a tenant's gate lives (Durable Object jurisdiction); `any` is wherever it is first called from. */
export const REGIONS = ["any", "eu", "us", "fedramp"] as const;
export type Region = (typeof REGIONS)[number];

/** A gate's opaque id: its region and 80 random bits, `eu_k3x9…`. Never derived from a tenant, so it tells nothing. */
export const GATE_ID = /^(any|eu|us|fedramp)_([a-z2-7]{16})$/;

const BASE32 = "abcdefghijklmnopqrstuvwxyz234567";

export function newGateId(region: Region): string {
  return gateIdOf(region, crypto.getRandomValues(new Uint8Array(10)));
}

/** The gate id for a region and the ten bytes that name the gate (RFC 4648 base 32, lower case). */
export function gateIdOf(region: Region, bytes: Uint8Array): string {
  let value = 0n;
  for (const byte of bytes) value = (value << 8n) | BigInt(byte);
  let text = "";
  for (let i = 0; i < 16; i++) {
    text = BASE32.charAt(Number(value & 31n)) + text;
    value >>= 5n;
  }
  return `${region}_${text}`;
}

/** The region and the ten bytes of a gate id. Throws a RangeError for anything else. */
export function parseGateId(gateId: string): { region: Region; bytes: Uint8Array } {
  const match = GATE_ID.exec(gateId);
  if (match === null) throw new RangeError("not a gate id");
  let value = 0n;
  for (const char of match[2] as string) value = (value << 5n) | BigInt(BASE32.indexOf(char));
  const bytes = new Uint8Array(10);
  for (let i = 9; i >= 0; i--) {
    bytes[i] = Number(value & 255n);
    value >>= 8n;
  }
  return { region: match[1] as Region, bytes };
}

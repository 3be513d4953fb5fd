import { parseAddress } from "../core/ip-address.ts";

/** A range of addresses (RFC 4632, RFC 4291 section 2.3): the first `bits` of `bytes`; behind them all are zero. */
interface Network {
  bytes: Uint8Array;
  bits: number;
}

/**
 * A network in its one spelling (`192.0.2.0/24`, `2001:db8:0:0:0:0:0:0/32`), or null where the text is none: an address
 * alone is a network of one; bits behind the prefix are an error, as they are to Postgres. What IPv6 maps is IPv4.
 */
export function canonicalNetwork(text: string): string | null {
  const network = parseNetwork(text);
  if (network === null) return null;
  return `${addressText(network.bytes)}/${network.bits}`;
}

/** Whether the address lies in one of these networks. An address that cannot be read lies in none. */
export function isWithin(address: string | null, networks: readonly string[]): boolean {
  const bytes = parseAddress(address ?? "");
  return bytes !== null && networks.some((text) => covers(parseNetwork(text), { bytes, bits: bytes.length * 8 }));
}

/** Whether all that the network holds lies in one of these. */
export function isPartOf(network: string, networks: readonly string[]): boolean {
  const part = parseNetwork(network);
  return part !== null && networks.some((text) => covers(parseNetwork(text), part));
}

function parseNetwork(text: string): Network | null {
  const [, address = "", prefix] = /^([0-9A-Fa-f.:]{2,45})(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const bytes = parseAddress(address);
  if (bytes === null || (prefix !== undefined && prefix.length > 1 && prefix.startsWith("0"))) return null;
  // A prefix of a mapped address counts from its 128 bits.
  const skipped = address.includes(":") && bytes.length === 4 ? 96 : 0;
  const bits = prefix === undefined ? bytes.length * 8 : Number(prefix) - skipped;
  if (bits < 0 || bits > bytes.length * 8) return null;
  const isClean = bytes.every((byte, at) => (byte & (0xff >> Math.min(8, Math.max(0, bits - at * 8)))) === 0);
  return isClean ? { bytes, bits } : null;
}

function covers(network: Network | null, other: Network): boolean {
  if (network === null || network.bytes.length !== other.bytes.length || network.bits > other.bits) return false;
  return network.bytes.every((byte, at) => {
    const mask = 0xff & ~(0xff >> Math.min(8, Math.max(0, network.bits - at * 8)));
    return (byte & mask) === ((other.bytes[at] as number) & mask);
  });
}

function addressText(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join(".");
  const groups = Array.from({ length: 8 }, (_, at) => ((bytes[at * 2] as number) << 8) | (bytes[at * 2 + 1] as number));
  return groups.map((group) => group.toString(16)).join(":");
}

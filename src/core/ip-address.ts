/**
 * The 4 or 16 bytes of an IP address (RFC 4291 section 2.2 for IPv6), or null for anything else. An IPv4 address that
 * IPv6 maps (`::ffff:192.0.2.1`, section 2.5.5.2) is that IPv4 address: it is the same caller.
 */
export function parseAddress(text: string): Uint8Array | null {
  const v4 = ipv4(text);
  if (v4 !== null) return Uint8Array.from(v4);
  const groups = ipv6(text);
  if (groups === null) return null;
  const bytes = Uint8Array.from(groups.flatMap((group) => [group >> 8, group & 255]));
  return isMapped(bytes) ? bytes.slice(12) : bytes;
}

/** Whether these 16 bytes lie in ::ffff:0:0/96. */
function isMapped(bytes: Uint8Array): boolean {
  return bytes.every((byte, at) => at > 11 || byte === (at < 10 ? 0 : 255));
}

/** The parts of a dotted address. Leading zeros are refused: some read them as octal. */
function ipv4(text: string): number[] | null {
  const parts = text.split(".");
  if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255)) return null;
  return parts.map(Number);
}

/** The eight groups. */
function ipv6(text: string): number[] | null {
  const dotted = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text);
  if (dotted !== null) {
    const last = ipv4(dotted[2] as string);
    if (last === null) return null;
    const [a, b, c, d] = last as [number, number, number, number];
    return ipv6(`${dotted[1]}${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`);
  }
  const halves = text.split("::");
  if (halves.length > 2) return null;
  const [head, tail] = halves.map((half) => (half === "" ? [] : half.split(":"))) as [string[], string[] | undefined];
  const missing = 8 - head.length - (tail?.length ?? 0);
  if (tail === undefined ? missing !== 0 : missing < 1) return null;
  const groups = [...head, ...Array.from({ length: tail === undefined ? 0 : missing }, () => "0"), ...(tail ?? [])];
  if (!groups.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return null;
  return groups.map((group) => Number.parseInt(group, 16));
}

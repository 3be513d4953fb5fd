/**
 * The network that a request comes from, as a prefix: IPv4 /24, IPv6 /56 (what one customer is commonly given: RFC 6177),
 * `unknown` where Cloudflare says nothing. The address itself goes no further than this function.
 */
export function networkOf(request: Request): string {
  // Set by Cloudflare, whatever the caller sent under this name; only a developer's machine leaves it to the caller.
  const address = request.headers.get("cf-connecting-ip")?.trim() ?? "";
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address);
  const v4 = ipv4(mapped?.[1] ?? address);
  if (v4 !== null) return `${v4.slice(0, 3).join(".")}.0/24`;
  const v6 = ipv6(address);
  if (v6 === null) return "unknown";
  const [a, b, c, d] = v6 as [number, number, number, number];
  return `${[a, b, c, d & 0xff00].map((group) => group.toString(16)).join(":")}::/56`;
}

function ipv4(text: string): number[] | null {
  const parts = text.split(".");
  if (parts.length !== 4 || !parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) <= 255)) return null;
  return parts.map(Number);
}

/** The eight groups of an IPv6 address (RFC 4291 section 2.2), or null. */
function ipv6(text: string): number[] | null {
  const halves = text.split("::");
  if (halves.length > 2) return null;
  const [head, tail] = halves.map((half) => (half === "" ? [] : half.split(":"))) as [string[], string[] | undefined];
  const missing = 8 - head.length - (tail?.length ?? 0);
  if (tail === undefined ? missing !== 0 : missing < 1) return null;
  const groups = [...head, ...Array.from({ length: tail === undefined ? 0 : missing }, () => "0"), ...(tail ?? [])];
  if (!groups.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return null;
  return groups.map((group) => Number.parseInt(group, 16));
}

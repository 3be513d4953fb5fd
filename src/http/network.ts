import { parseAddress } from "../core/ip-address.ts";

/** The address that a request comes from, as Cloudflare says it; null where it says nothing. */
export function addressOf(request: Request): string | null {
  // Set by Cloudflare, whatever the caller sent under this name; only a developer's machine leaves it to the caller.
  return request.headers.get("cf-connecting-ip")?.trim() ?? null;
}

/**
 * The network that a request comes from, as a prefix: IPv4 /24, IPv6 /56 (what one customer is commonly given: RFC 6177),
 * `unknown` where Cloudflare says nothing. The address itself goes no further than this function.
 */
export function networkOf(request: Request): string {
  const bytes = parseAddress(addressOf(request) ?? "");
  if (bytes === null) return "unknown";
  if (bytes.length === 4) return `${bytes.slice(0, 3).join(".")}.0/24`;
  const groups = [0, 2, 4, 6].map((at) => ((bytes[at] as number) << 8) | (at === 6 ? 0 : (bytes[at + 1] as number)));
  return `${groups.map((group) => group.toString(16)).join(":")}::/56`;
}

import { Problem } from "../core/problem.ts";
import { MOST_CALLS_PER_HOUR } from "../limits/settings.ts";
import { canonicalNetwork, isPartOf, isWithin } from "./cidr.ts";

/** Where, from where and how often a key is taken; null: not restricted in this. */
export interface Restrictions {
  /** Networks in their one spelling, at least one of them. */
  allowedNetworks: string[] | null;
  /** Origins of web pages as a browser sends them (RFC 6454 section 6.1). */
  allowedOrigins: string[] | null;
  callsPerHour: number | null;
}

export const MOST_NETWORKS = 50;
export const MOST_ORIGINS = 20;

/** Where a request comes from: an address as Cloudflare says it, and the Origin that a browser sent. */
export interface Whence {
  address: string | null;
  origin: string | null;
}

/** Throws `not-accepted-here` for a call from elsewhere; one that does not tell is from elsewhere. */
export function refuseElsewhere(
  { allowedNetworks, allowedOrigins }: Pick<Restrictions, "allowedNetworks" | "allowedOrigins">,
  { address, origin }: Whence,
): void {
  if (allowedNetworks !== null && !isWithin(address, allowedNetworks)) throw new Problem("not-accepted-here");
  if (allowedOrigins !== null && !allowedOrigins.includes(origin ?? "")) throw new Problem("not-accepted-here");
}

/** Restrictions as they are stored: each network and origin once, in one spelling. Throws `invalid-field`. */
export function readRestrictions(wanted: Restrictions): Restrictions {
  return {
    allowedNetworks: readList(wanted.allowedNetworks, "allowed_networks", canonicalNetwork, NOT_A_NETWORK),
    allowedOrigins: readList(wanted.allowedOrigins, "allowed_origins", canonicalOrigin, NOT_AN_ORIGIN),
    callsPerHour: wanted.callsPerHour,
  };
}

const NOT_A_NETWORK = "must be a network such as 192.0.2.0/24 or 2001:db8::/32, with nothing behind its prefix";
const NOT_AN_ORIGIN = "must be an origin such as https://app.example.com, with https and without a path";

/** An https origin as a browser would send it, or null. */
export function canonicalOrigin(text: string): string | null {
  if (text.length > 300 || !/^https:\/\/[^/?#@\s\\]+$/i.test(text)) return null;
  const url = URL.parse(text);
  return url === null || url.hostname.includes("*") ? null : url.origin;
}

/** The least restricted that is within both: what a key's maker is bound by, what it makes is bound by too. */
export function inherited(wanted: Restrictions, bounds: Restrictions): Restrictions {
  return {
    allowedNetworks: wanted.allowedNetworks ?? bounds.allowedNetworks,
    allowedOrigins: wanted.allowedOrigins ?? bounds.allowedOrigins,
    callsPerHour: wanted.callsPerHour ?? bounds.callsPerHour,
  };
}

/** The fields in which `wanted` reaches beyond `bounds`. */
export function beyond(wanted: Restrictions, bounds: Restrictions): string[] {
  const fields: string[] = [];
  const { allowedNetworks: networks, allowedOrigins: origins, callsPerHour: calls } = bounds;
  if (networks !== null && !(wanted.allowedNetworks?.every((network) => isPartOf(network, networks)) ?? false)) {
    fields.push("allowed_networks");
  }
  if (origins !== null && !(wanted.allowedOrigins?.every((origin) => origins.includes(origin)) ?? false)) {
    fields.push("allowed_origins");
  }
  if (calls !== null && (wanted.callsPerHour ?? Number.POSITIVE_INFINITY) > calls) fields.push("calls_per_hour");
  return fields;
}

/** Throws `invalid-field` with this sentence for each field that reaches beyond. */
export function refuseBeyond(wanted: Restrictions, bounds: Restrictions, message: string): void {
  const errors = beyond(wanted, bounds).map((path) => ({ path, message }));
  if (errors.length > 0) throw new Problem("invalid-field", { errors });
}

/** From 1 to the largest limit that is counted exactly. */
export const CALLS_PER_HOUR = { least: 1, most: MOST_CALLS_PER_HOUR } as const;

function readList(
  list: readonly string[] | null,
  path: string,
  read: (text: string) => string | null,
  message: string,
): string[] | null {
  if (list === null) return null;
  const errors: { path: string; message: string }[] = [];
  const texts = list.map((text, index) => {
    const canonical = read(text);
    if (canonical === null) errors.push({ path: `${path}.${index}`, message });
    return canonical ?? "";
  });
  if (errors.length > 0) throw new Problem("invalid-field", { errors: errors.slice(0, 10) });
  return [...new Set(texts)];
}

import { addressOf } from "./network.ts";

/** Where a request comes from: its address, the Origin that a browser sent, and the country of the address. */
export function whenceOf(request: Request): { address: string | null; origin: string | null; country: string | null } {
  return { address: addressOf(request), origin: request.headers.get("origin"), country: countryOf(request) };
}

/** Who runs the network of the address, as Cloudflare knows it; null where it does not. */
export function networkOperatorOf(request: Request): string | null {
  const name: unknown = (request as Request<unknown, IncomingRequestCfProperties>).cf?.asOrganization;
  // A page will show it: printable, and no longer than a line.
  return typeof name === "string" && name !== "" ? name.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, " ").slice(0, 100) : null;
}

/** ISO 3166-1, or T1 for Tor, as Cloudflare knows it; null where it does not. No caller can set it. */
export function countryOf(request: Request): string | null {
  const country: unknown = (request as Request<unknown, IncomingRequestCfProperties>).cf?.country;
  return typeof country === "string" && /^[A-Z][A-Z0-9]$/.test(country) && country !== "XX" ? country : null;
}

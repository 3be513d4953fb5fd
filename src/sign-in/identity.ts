import type { Provider } from "./provider.ts";

/** Who somebody is, as a provider says. The issuer is the provider's. */
export interface Identity {
  subject: string;
  email: string | null;
  /** That the provider has verified the address, and is trusted to. */
  emailVerified: boolean;
  name: string | null;
}

/** Of ID token and userinfo, what we keep (OpenID Connect Core 1.0 section 5.1): bounded, and without control characters. */
export function identityOf(
  claims: Readonly<Record<string, unknown>> & { sub: string },
  { trustsEmail }: Pick<Provider, "trustsEmail">,
): Identity {
  const email = text(claims["email"], 254);
  const isAddress = email !== null && /^[^\s@]+@[^\s@]+$/.test(email);
  // Some providers send the word: https://developer.apple.com says "string or Boolean".
  const verified = claims["email_verified"] === true || claims["email_verified"] === "true";
  return {
    subject: claims.sub,
    email: isAddress ? email : null,
    emailVerified: isAddress && verified && trustsEmail,
    name: text(claims["name"], 200) ?? text(claims["preferred_username"], 200),
  };
}

function text(value: unknown, most: number): string | null {
  if (typeof value !== "string") return null;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it takes out
  const plain = value.replaceAll(/[\u0000-\u001f\u007f]/g, "").trim();
  return plain === "" || plain.length > most ? null : plain;
}

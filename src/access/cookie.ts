/** The value of a cookie where it has this form, else null. */
export function cookie(request: Request, name: string, form: RegExp): string | null {
  for (const pair of (request.headers.get("cookie") ?? "").split(";")) {
    const [key, value = ""] = pair.trim().split("=", 2);
    if (key === name && form.test(value)) return value;
  }
  return null;
}

/**
 * `Set-Cookie` for this very host alone, over TLS, out of reach of scripts, and not sent with what other sites ask for but
 * links (RFC 6265bis). The name begins with `__Host-`; null ends it.
 */
export function setCookie(name: `__Host-${string}`, value: string | null, maxAgeS: number): string {
  const life = value === null ? 0 : maxAgeS;
  return `${name}=${value ?? ""}; Path=/; Max-Age=${life}; Secure; HttpOnly; SameSite=Lax`;
}

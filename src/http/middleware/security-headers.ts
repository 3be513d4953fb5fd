/** Two years and preload, as hstspreload.org asks (RFC 6797). Browsers ignore it on plain HTTP (section 8.1). */
const HSTS = "max-age=63072000; includeSubDomains; preload";

/** Answers are data: they load nothing, run nothing and are framed by nobody. */
export const JSON_CONTENT_SECURITY_POLICY = "default-src 'none'; frame-ancestors 'none'";

const NO_FEATURES = [
  "camera",
  "display-capture",
  "geolocation",
  "microphone",
  "payment",
  "publickey-credentials-get",
  "usb",
]
  .map((feature) => `${feature}=()`)
  .join(", ");

/** Sent with every answer, good or bad. A frozen record and not a middleware: the hot path spreads it once. */
export const SECURITY_HEADERS: Readonly<Record<string, string>> = Object.freeze({
  "strict-transport-security": HSTS,
  "content-security-policy": JSON_CONTENT_SECURITY_POLICY,
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "permissions-policy": NO_FEATURES,
});

/** For a self-contained page: its one style element, by hash (CSP level 3, section 2.3.1), and nothing else. */
export async function pageContentSecurityPolicy(style: string): Promise<string> {
  return `default-src 'none'; style-src ${await hashOf(style)}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;
}

/**
 * The same for a page with forms, which go to ourselves alone, or on from there to an application of this scheme (browsers
 * hold redirects to the same rule), and with these pictures, of which no other is loaded.
 */
export async function formPageContentSecurityPolicy(
  style: string,
  images: readonly string[],
  scheme: string | null = null,
): Promise<string> {
  // What could end a directive or begin another has no place in it.
  const pictures = images.filter((url) => /^https:\/\/[^\s;,'"]+$/.test(url)).map((url) => url.replace(/[?#].*$/, ""));
  const application = scheme !== null && /^[a-z][a-z0-9+.-]*:$/i.test(scheme) ? ` ${scheme}` : "";
  const policy = `default-src 'none'; style-src ${await hashOf(style)}; base-uri 'none'; form-action 'self'${application}; frame-ancestors 'none'`;
  return pictures.length === 0 ? policy : `${policy}; img-src ${pictures.join(" ")}`;
}

async function hashOf(style: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(style));
  return `'sha256-${btoa(String.fromCharCode(...new Uint8Array(digest)))}'`;
}

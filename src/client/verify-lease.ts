import { field, numberField, textField } from "./json-field.ts";
import { fail, ok, type Result } from "./result.ts";
import type { PublicKey } from "./state.ts";

/** Who may use the instance without a network, and until when. */
export interface Lease {
  personId: string;
  instanceId: string | null;
  tenantId: string | null;
  workspaceId: string | null;
  plan: string | null;
  entitlements: string[];
  issuedAtMs: number;
  expiresAtMs: number;
}

export interface LeaseExpectation {
  issuer: string;
  /** The `client_id` of this instance. */
  audience: string;
  keys: readonly PublicKey[];
  nowMs: number;
}

export const SKEW_MS = 5 * 60_000;
const MAX_S = 8.64e12;

/**
 * Verifies an offline lease with nothing but WebCrypto: a JWT of type `offline-lease+jwt` (RFC 7519, 8725 section 3.11),
 * signed with Ed25519 (RFC 8037) by one of `keys`. Clocks may be five minutes apart.
 */
export async function verifyLease(token: string, expected: LeaseExpectation): Promise<Result<Lease>> {
  const [head = "", payload = "", signature = "", more] = token.split(".");
  const [header, claims] = [jsonOf(head), jsonOf(payload)];
  const bytes = bytesOf(signature);
  if (more !== undefined || bytes === null || bytes.length !== 64) return fail("lease-invalid");
  if (!["EdDSA", "Ed25519"].includes(String(field(header, "alg")))) return fail("lease-invalid");
  if (textField(header, "typ", 50)?.toLowerCase() !== "offline-lease+jwt") return fail("lease-invalid");
  if (field(header, "crit") !== undefined) return fail("lease-invalid");
  const key = expected.keys.find(({ kid }) => kid === field(header, "kid"));
  if (key === undefined) return fail("lease-invalid");

  const genuine = await isSigned(key, bytes, new Uint8Array(new TextEncoder().encode(`${head}.${payload}`)));
  if (genuine === null) return fail("unsupported");
  if (!genuine) return fail("lease-invalid");

  const audience = field(claims, "aud");
  const meant = audience === expected.audience || (Array.isArray(audience) && audience.includes(expected.audience));
  const personId = textField(claims, "sub", 200);
  const [issuedAtS, expiresAtS] = [numberField(claims, "iat", 0, MAX_S), numberField(claims, "exp", 0, MAX_S)];
  const startsAtS = numberField(claims, "nbf", 0, MAX_S) ?? issuedAtS;
  if (field(claims, "iss") !== expected.issuer || !meant || personId === null) return fail("lease-invalid");
  if (issuedAtS === null || expiresAtS === null || startsAtS === null) return fail("lease-invalid");
  // Before its beginning: this machine's clock is behind.
  if (Math.max(issuedAtS, startsAtS) * 1000 > expected.nowMs + SKEW_MS) return fail("clock-set-back");
  if (expiresAtS * 1000 + SKEW_MS <= expected.nowMs) return fail("lease-expired");
  const entitlements = field(claims, "entitlements");
  return ok({
    personId,
    instanceId: textField(claims, "instance", 200),
    tenantId: textField(claims, "tenant", 200),
    workspaceId: textField(claims, "workspace", 200),
    plan: textField(claims, "plan", 200),
    entitlements: Array.isArray(entitlements) ? entitlements.filter((name) => typeof name === "string") : [],
    issuedAtMs: issuedAtS * 1000,
    expiresAtMs: expiresAtS * 1000,
  });
}

/** Null where the runtime has no Ed25519, or no WebCrypto outside of a secure context. */
async function isSigned(key: PublicKey, signature: Bytes, signed: Bytes): Promise<boolean | null> {
  const x = bytesOf(key.x);
  if (x === null || x.length !== 32) return false;
  const subtle: SubtleCrypto | undefined = typeof crypto === "undefined" ? undefined : crypto.subtle;
  if (subtle === undefined) return null;
  try {
    const imported = await subtle.importKey("raw", x, { name: "Ed25519" }, false, ["verify"]);
    return await subtle.verify({ name: "Ed25519" }, imported, signature, signed);
  } catch (error) {
    return error instanceof Error && error.name === "NotSupportedError" ? null : false;
  }
}

type Bytes = Uint8Array<ArrayBuffer>;

function jsonOf(part: string): unknown {
  const bytes = bytesOf(part);
  if (bytes === null) return undefined;
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: false }).decode(bytes));
  } catch {
    return undefined;
  }
}

/** Base64url without padding (RFC 7515 section 2). */
function bytesOf(text: string): Bytes | null {
  if (!/^[\w-]+$/.test(text)) return null;
  try {
    return Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (char) => char.charCodeAt(0));
  } catch {
    return null;
  }
}

import { type CryptoKey, calculateJwkThumbprint, exportJWK, generateKeyPair, importJWK, type JWK } from "jose";

/** The key in use, the one that will follow it and the one before: all three are published and verify tokens. */
const SLOTS = ["current", "next", "previous"] as const;
type Slot = (typeof SLOTS)[number];

/** What the secret TOKEN_SIGNING_KEYS holds: private Ed25519 JWKs (RFC 8037), `kid` being the thumbprint (RFC 7638). */
export type SigningKeys = { current: JWK; next: JWK; previous: JWK | null };

export interface TokenKeys {
  kid: string;
  sign: CryptoKey;
  verify: ReadonlyMap<string, CryptoKey>;
  /** The public halves, as /.well-known/jwks.json publishes them (RFC 7517). */
  jwks: { keys: JWK[] };
}

/** Reads the signing keys from the secret's JSON. Throws a TypeError, which holds nothing of a key, when malformed. */
export async function loadTokenKeys(json: string): Promise<TokenKeys> {
  const stored = JSON.parse(json) as Partial<Record<Slot, JWK | null>>;
  const verify = new Map<string, CryptoKey>();
  const keys: JWK[] = [];
  for (const slot of SLOTS) {
    const jwk = stored[slot];
    if (jwk === undefined || jwk === null) {
      if (slot === "current") throw new TypeError("TOKEN_SIGNING_KEYS has no current key");
      continue;
    }
    const { kty, crv, x, kid } = jwk;
    if (kty !== "OKP" || crv !== "Ed25519" || x === undefined || kid === undefined) {
      throw new TypeError("TOKEN_SIGNING_KEYS holds a key that is not Ed25519 with a kid");
    }
    const publicJwk: JWK = { kty, crv, x, kid, alg: "EdDSA", use: "sig" };
    keys.push(publicJwk);
    verify.set(kid, (await importJWK(publicJwk, "EdDSA")) as CryptoKey);
  }
  const current = stored.current as JWK;
  return { kid: current.kid as string, sign: (await importJWK(current, "EdDSA")) as CryptoKey, verify, jwks: { keys } };
}

/** A new private Ed25519 key with its thumbprint as `kid`. */
export async function newSigningKey(): Promise<JWK> {
  const { privateKey } = await generateKeyPair("EdDSA", { crv: "Ed25519", extractable: true });
  const jwk = await exportJWK(privateKey);
  return { ...jwk, alg: "EdDSA", use: "sig", kid: await calculateJwkThumbprint(jwk) };
}

/**
 * The next key, published since the last rotation, comes into use; the one in use goes on verifying the tokens it
 * signed. Rotating again within an hour (a token's life) would drop a key that live tokens still need.
 */
export async function rotateSigningKeys(keys: SigningKeys): Promise<SigningKeys> {
  return { current: keys.next, next: await newSigningKey(), previous: keys.current };
}

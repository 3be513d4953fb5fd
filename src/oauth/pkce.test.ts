import fc from "fast-check";
import { expect, test } from "vitest";
import { toBase64Url } from "../core/bytes.ts";
import { readChallenge, verifies } from "./pkce.ts";

/** RFC 7636 appendix B. */
const VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const UNRESERVED = [..."ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"];
const verifiers = fc.string({ unit: fc.constantFrom(...UNRESERVED), minLength: 43, maxLength: 128 });
const challengeOf = async (verifier: string) =>
  toBase64Url(new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier))));

test("the example of RFC 7636 appendix B verifies", async () => {
  const given = { code_challenge: CHALLENGE, code_challenge_method: "S256", publicClient: true };
  expect(readChallenge(given)).toEqual({ ok: true, challenge: CHALLENGE });
  expect(await verifies(CHALLENGE, VERIFIER)).toBe(true);
});

test("a public client without a challenge is refused; a confidential one may do without", () => {
  expect(readChallenge({ publicClient: true })).toEqual({ ok: false, reason: "pkce-required" });
  expect(readChallenge({ publicClient: false })).toEqual({ ok: true, challenge: null });
});

test("S256 is the only method: plain, none at all and unknown ones are refused, of every client", () => {
  for (const publicClient of [true, false]) {
    for (const method of [undefined, "plain", "s256", "S512", ""]) {
      for (const challenge of [CHALLENGE, VERIFIER]) {
        const given = { code_challenge: challenge, code_challenge_method: method, publicClient };
        expect(readChallenge(given), `${method}`).toEqual({ ok: false, reason: "challenge" });
      }
    }
    const alone = { code_challenge_method: "S256", publicClient };
    expect(readChallenge(alone)).toEqual({ ok: false, reason: "challenge" });
  }
});

test("a challenge that is no SHA-256 in base64url is refused", () => {
  for (const challenge of [
    "",
    CHALLENGE.slice(1),
    `${CHALLENGE}A`,
    `${CHALLENGE}=`,
    CHALLENGE.replace("-", "+"),
    // The same bytes spelled otherwise: the last letter has two bits too many.
    `${CHALLENGE.slice(0, -1)}N`,
    "A".repeat(10_000),
  ]) {
    const given = { code_challenge: challenge, code_challenge_method: "S256", publicClient: false };
    expect(readChallenge(given), challenge.slice(0, 50)).toEqual({ ok: false, reason: "challenge" });
  }
});

test("the verifier of a challenge verifies, and no other does", async () => {
  await fc.assert(
    fc.asyncProperty(verifiers, verifiers, async (verifier, other) => {
      const challenge = await challengeOf(verifier);
      expect(await verifies(challenge, verifier)).toBe(true);
      expect(await verifies(challenge, other)).toBe(other === verifier);
      // As `plain` would have it.
      expect(await verifies(challenge, challenge)).toBe(false);
    }),
  );
});

test("a verifier of another form than RFC 7636 section 4.1 says is refused, though its hash is the challenge", async () => {
  for (const verifier of [
    "a".repeat(42),
    "a".repeat(129),
    "",
    `${VERIFIER}=`,
    `${VERIFIER} `,
    `${VERIFIER}é`,
    `${VERIFIER}\n`,
  ]) {
    expect(await verifies(await challengeOf(verifier), verifier), verifier).toBe(false);
  }
  for (const verifier of ["a".repeat(43), "~".repeat(128)]) {
    expect(await verifies(await challengeOf(verifier), verifier), verifier).toBe(true);
  }
});

test("a verifier without a challenge, or a challenge without a verifier, is refused", async () => {
  expect(await verifies(null, VERIFIER)).toBe(false);
  expect(await verifies(null, "")).toBe(false);
  expect(await verifies(CHALLENGE, undefined)).toBe(false);
  expect(await verifies(null, undefined)).toBe(true);
});

import fc from "fast-check";
import { expect, test } from "vitest";
import { type CodeFacts, type CodePresented, decideCodeExchange } from "./code-exchange.ts";

const NOW = Date.UTC(2026, 10, 20);
const REDIRECT = "https://app.example/callback";
const FACTS: CodeFacts = { clientId: "ebbc_one", redirectUri: REDIRECT, expiresAtMs: NOW + 1, usedAtMs: null };
const PRESENTED: CodePresented = { clientId: "ebbc_one", proven: true, redirectUri: REDIRECT, verifierOk: true };
const decide = (facts: Partial<CodeFacts> = {}, presented: Partial<CodePresented> = {}) =>
  decideCodeExchange({ ...FACTS, ...facts }, { ...PRESENTED, ...presented }, NOW);
const refused = (reason: string) => ({ kind: "refuse", reason });

test("a code is granted to its client, with its redirect URI and its verifier, before it expires", () => {
  expect(decide()).toEqual({ kind: "grant" });
  expect(decide({ expiresAtMs: NOW })).toEqual(refused("expired"));
  expect(decideCodeExchange(null, PRESENTED, NOW)).toEqual(refused("unknown"));
});

test("a code shown again ends what came of it, also when it has expired or all else is wrong", () => {
  expect(decide({ usedAtMs: NOW - 1 })).toEqual(refused("replayed"));
  expect(decide({ usedAtMs: NOW - 1, expiresAtMs: NOW - 1 })).toEqual(refused("replayed"));
  expect(decide({ usedAtMs: NOW - 1 }, { redirectUri: undefined, verifierOk: false })).toEqual(refused("replayed"));
});

test("anybody can name a public client: who has found its code without the verifier ends nobody's sign-in", () => {
  const used = { usedAtMs: NOW - 1 };
  expect(decide(used, { proven: false, verifierOk: false })).toEqual(refused("pkce"));
  expect(decide(used, { proven: false, verifierOk: true, redirectUri: undefined })).toEqual(refused("replayed"));
  expect(decide({ ...used, expiresAtMs: NOW - 1 }, { proven: false })).toEqual(refused("replayed"));
});

test("another client's code is refused, and shown by another it ends nothing", () => {
  expect(decide({}, { clientId: "ebbc_two" })).toEqual(refused("other-client"));
  expect(decide({ usedAtMs: NOW - 1 }, { clientId: "ebbc_two" })).toEqual(refused("other-client"));
});

test("the redirect URI must be the very string of the authorization request, and cannot be left out", () => {
  for (const redirectUri of [undefined, "", `${REDIRECT}/`, "https://APP.example/callback", "http://127.0.0.1:2/"]) {
    expect(decide({}, { redirectUri }), redirectUri).toEqual(refused("other-redirect"));
  }
  // The port that was named is part of it: the exception for loopback ports is for the authorization request.
  expect(decide({ redirectUri: "http://127.0.0.1:1/" }, { redirectUri: "http://127.0.0.1:2/" })).toEqual(
    refused("other-redirect"),
  );
});

test("a wrong verifier is refused, and spends nothing", () => {
  expect(decide({}, { verifierOk: false })).toEqual(refused("pkce"));
});

test("nothing is granted when anything is wrong", () => {
  fc.assert(
    fc.property(
      fc.record({
        clientId: fc.constantFrom("ebbc_one", "ebbc_two"),
        proven: fc.boolean(),
        redirectUri: fc.constantFrom(REDIRECT, "", undefined),
        verifierOk: fc.boolean(),
      }),
      fc.option(fc.constant(NOW)),
      fc.constantFrom(NOW - 1, NOW, NOW + 1),
      (presented, usedAtMs, expiresAtMs) => {
        const good =
          presented.clientId === "ebbc_one" &&
          presented.redirectUri === REDIRECT &&
          presented.verifierOk &&
          usedAtMs === null &&
          expiresAtMs > NOW;
        expect(decide({ usedAtMs, expiresAtMs }, presented).kind).toBe(good ? "grant" : "refuse");
      },
    ),
  );
});

import fc from "fast-check";
import { expect, test } from "vitest";
import { isIssuer, isLoopback, isReachable, returnPath } from "./origin.ts";

test.each([
  ["https://accounts.google.com", true],
  ["https://login.example.org:8443/tenant", true],
  ["http://id.example.org", false],
  ["ftp://id.example.org", false],
  ["https://localhost", false],
  ["https://id.localhost.", false],
  ["https://127.0.0.1", false],
  ["https://2130706433", false],
  ["https://0x7f.1", false],
  ["https://10.0.0.1.", false],
  ["https://169.254.169.254/latest", false],
  ["https://[::1]", false],
  ["https://[::ffff:a9fe:a9fe]", false],
  ["https://metadata.google.internal", false],
  ["https://router.local", false],
  ["https://intranet", false],
  ["https://user:pw@id.example.org", false],
  ["https://id.example.org#x", false],
  ["https://１２７.0.0.1", false],
  ["not a url", false],
])("a provider in production at %s: %s", (url, reachable) => {
  expect([isReachable(url, false), isIssuer(url, false)]).toEqual([reachable, reachable]);
});

test("an issuer has no query and a bounded length; the loopback's http is for a developer's machine alone", () => {
  expect(isIssuer("https://id.example.org/?a=1", false)).toBe(false);
  expect(isIssuer(`https://id.example.org/${"a".repeat(200)}`, false)).toBe(false);
  for (const url of ["http://127.0.0.1:8788", "http://localhost:1/x", "http://[::1]:1"]) {
    expect([url, isReachable(url, true), isReachable(url, false), isLoopback(url)]).toEqual([url, true, false, true]);
  }
  expect(isReachable("http://id.example.org", true)).toBe(false);
  expect(isLoopback("https://localhost.example.org")).toBe(false);
});

test("whatever is asked for, one returns to our own origin", () => {
  const hostile = fc.oneof(
    fc.string(),
    fc.webUrl(),
    fc.string({ unit: "binary" }).map((text) => `/${text}`),
    fc.constantFrom(
      "//evil",
      "/\\evil",
      "/\t/evil",
      "\\\\evil",
      "/%2f/evil",
      "/..//evil",
      "/a?b=//c",
      "http:/evil",
      " /a",
    ),
  );
  fc.assert(
    fc.property(hostile, (text) => {
      const here = "https://ebb.example";
      expect(new URL(returnPath(text), here).origin).toBe(here);
    }),
    { numRuns: 2_000 },
  );
  expect([returnPath("/invitation"), returnPath("/account?a=b"), returnPath(null)]).toEqual([
    "/invitation",
    "/account?a=b",
    "/account",
  ]);
});

import fc from "fast-check";
import { expect, test } from "vitest";
import { isRegistrableRedirectUri, matchesRedirectUri } from "./redirect-uri.ts";

const GOOD = [
  "https://app.example/callback",
  "https://app.example",
  "https://app.example:8443/callback?tenant=1",
  "http://127.0.0.1/callback",
  "http://127.0.0.1:51004/",
  "http://127.0.0.1",
  "http://[::1]:9/callback?x",
  "com.example.app:/oauth2redirect",
  "com.example.app://callback",
];

test("https, a loopback IP literal or a private-use scheme with a dot may be registered", () => {
  for (const uri of GOOD) expect(isRegistrableRedirectUri(uri), uri).toBe(true);
});

test("no other redirect URI may be registered", () => {
  for (const uri of [
    "",
    "app.example/callback",
    "/callback",
    "http://app.example/callback",
    "http://localhost/callback",
    "http://localhost:8080/callback",
    "http://127.0.0.2/callback",
    "http://127.1/callback",
    "http://0x7f.0.0.1/callback",
    "http://2130706433/",
    "http://127.0.0.1.app.example/callback",
    "http://127.0.0.1@app.example/callback",
    "http://127.0.0.1:80@app.example/callback",
    "http://127.0.0.1:/callback",
    "http://127.0.0.1:99999/callback",
    "http://[::2]/callback",
    "https://user@app.example/callback",
    "https://user:password@app.example/callback",
    "https://@app.example/callback",
    "https://app.example/callback#fragment",
    "https://app.example/callback#",
    "https://*.app.example/callback",
    "https://app.example/*",
    "https://app.example/call back",
    "https://app.example/callback\n",
    "https://app.example/callback\u0000",
    " https://app.example/callback",
    "https:app.example/callback",
    "https:///app.example/callback",
    "https:\\\\app.example\\callback",
    "https://app.example\\@evil.example/",
    "https://app.example/%zz",
    "https://äpp.example/",
    "https://app.example:port/",
    "HTTPS://app.example/callback",
    "javascript:alert(1)",
    "data:text/html,x",
    "file:///etc/passwd",
    "app:/callback",
    "com.example.app:",
    "com.example.app:callback",
    "https://app.example/callback?code=1",
    "https://app.example/callback?x=1&state=",
    "https://app.example/callback?%69ss=other",
    `https://app.example/${"a".repeat(481)}`,
  ]) {
    expect(isRegistrableRedirectUri(uri), JSON.stringify(uri)).toBe(false);
  }
  expect(isRegistrableRedirectUri(`https://app.example/${"a".repeat(480)}`)).toBe(true);
});

test("a redirect URI matches a registered one character for character: any change of one is another URI", () => {
  const change = fc.record({ at: fc.nat(), with: fc.string({ maxLength: 2 }), cut: fc.nat(2) });
  fc.assert(
    fc.property(fc.constantFrom(...GOOD.filter((uri) => !uri.startsWith("http:"))), change, (uri, edit) => {
      const at = edit.at % (uri.length + 1);
      const changed = uri.slice(0, at) + edit.with + uri.slice(at + edit.cut);
      expect(matchesRedirectUri([uri], changed)).toBe(changed === uri);
    }),
  );
  for (const [registered, presented] of [
    ["https://app.example/callback", "https://app.example/callback/"],
    ["https://app.example/callback", "https://app.example/callback?x=1"],
    ["https://app.example/callback", "https://app.example:443/callback"],
    ["https://app.example/callback", "https://APP.example/callback"],
    ["https://app.example/callback", "https://app.example/x/../callback"],
    ["https://app.example/callback", "https://app.example/c%61llback"],
    ["https://app.example/", "https://app.example"],
    ["https://app.example", "https://app.example.evil.example"],
    ["https://app.example:8443/", "https://app.example:8444/"],
    ["com.example.app:/a", "com.example.app:/b"],
  ] as const) {
    expect(matchesRedirectUri([registered], presented), presented).toBe(false);
  }
  expect(matchesRedirectUri([], "https://app.example/")).toBe(false);
});

test("of a registered loopback IP literal the port may be any, and nothing but the port", () => {
  const port = fc.option(fc.integer({ min: 0, max: 65_535 }), { nil: null });
  const host = fc.constantFrom("127.0.0.1", "[::1]");
  const rest = fc.constantFrom("", "/", "/callback", "/callback?x=1");
  const shape = fc.record({ port, host, rest });
  const written = (uri: { port: number | null; host: string; rest: string }) =>
    `http://${uri.host}${uri.port === null ? "" : `:${uri.port}`}${uri.rest}`;
  fc.assert(
    fc.property(shape, shape, (registered, presented) => {
      expect(matchesRedirectUri([written(registered)], written(presented))).toBe(
        registered.host === presented.host && registered.rest === presented.rest,
      );
    }),
  );
  for (const presented of [
    "http://127.0.0.1:65536/callback",
    "http://127.0.0.1:/callback",
    "http://127.0.0.1:80:90/callback",
    "http://127.0.0.1:8080@evil.example/callback",
    "http://127.0.0.1:8080.evil.example/callback",
    "http://localhost:8080/callback",
    "https://127.0.0.1:8080/callback",
    "http://127.0.0.1:8080/callback#",
  ]) {
    expect(matchesRedirectUri(["http://127.0.0.1/callback"], presented), presented).toBe(false);
  }
  // The exception is for addresses of the machine itself alone.
  expect(matchesRedirectUri(["https://127.0.0.1/"], "https://127.0.0.1:8080/")).toBe(false);
});

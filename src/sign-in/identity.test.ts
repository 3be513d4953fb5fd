import { expect, test } from "vitest";
import { identityOf } from "./identity.ts";
import { loadProviders } from "./provider.ts";

const trusted = { trustsEmail: true };

test.each([
  [{ email: "a@x.example", email_verified: true }, true],
  [{ email: "a@x.example", email_verified: "true" }, true],
  [{ email: "a@x.example", email_verified: false }, false],
  [{ email: "a@x.example", email_verified: "false" }, false],
  [{ email: "a@x.example", email_verified: 1 }, false],
  [{ email: "a@x.example" }, false],
  [{ email: "no address", email_verified: true }, false],
  [{ email: ["a@x.example"], email_verified: true }, false],
  [{ email: `${"a".repeat(260)}@x.example`, email_verified: true }, false],
])("%j is verified: %s, and never by a provider that is not trusted", (claims, verified) => {
  expect(identityOf({ sub: "s", ...claims }, trusted).emailVerified).toBe(verified);
  expect(identityOf({ sub: "s", ...claims }, { trustsEmail: false }).emailVerified).toBe(false);
});

test("names are bounded and without control characters", () => {
  expect(identityOf({ sub: "s", name: " A\u0000d\na " }, trusted).name).toBe("Ada");
  expect(identityOf({ sub: "s", name: "a".repeat(201), preferred_username: "ada" }, trusted).name).toBe("ada");
  expect(identityOf({ sub: "s", name: 7 }, trusted)).toEqual({
    subject: "s",
    email: null,
    emailVerified: false,
    name: null,
  });
});

const provider = {
  id: "work",
  name: "Work",
  issuer: "https://id.example.org",
  client_id: "a",
  client_secret: "s3cret",
};

test("a deployment's providers are read, trusted with addresses only where that is said", () => {
  expect(loadProviders(undefined, false)).toEqual([]);
  const [plain, trusting] = loadProviders(
    JSON.stringify([provider, { ...provider, id: "two", trusts_email: true }]),
    false,
  );
  expect([plain?.trustsEmail, trusting?.trustsEmail, plain?.tenantId]).toEqual([false, true, null]);
});

test.each([
  "{}",
  "[",
  JSON.stringify([provider, provider]),
  JSON.stringify([{ ...provider, id: "callback" }]),
  JSON.stringify([{ ...provider, id: "0198c0de-0000-7000-8000-000000000000" }]),
  JSON.stringify([{ ...provider, issuer: "http://127.0.0.1:1" }]),
  JSON.stringify([{ ...provider, secret: "typo" }]),
])("%s is no list of providers, and is not repeated", (json) => {
  expect(() => loadProviders(json, false)).toThrow(/^OIDC_PROVIDERS (is|names|uses) /);
  expect(() => loadProviders(json, false)).not.toThrow(/s3cret/);
});

import fc from "fast-check";
import { expect, test } from "vitest";
import {
  type AuthorizationClient,
  type AuthorizationParameters,
  authorizationResponse,
  readAuthorizationRequest,
} from "./authorization-request.ts";

const REDIRECT = "https://app.example/callback";
const CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const CLIENT: AuthorizationClient = {
  redirectUris: [REDIRECT],
  grantTypes: ["client_credentials", "authorization_code"],
  authMethod: "client_secret_post",
  scope: "profile:read offline",
};
const PARAMS: AuthorizationParameters = {
  response_type: "code",
  redirect_uri: REDIRECT,
  scope: "profile:read",
  state: "s",
};
const ISS = "https://ebb.example";
const read = (params: AuthorizationParameters = {}, client: Partial<AuthorizationClient> = {}) =>
  readAuthorizationRequest({ ...PARAMS, ...params }, { ...CLIENT, ...client });

test("a request of a confidential client is read, with PKCE and without", () => {
  expect(read()).toEqual({
    kind: "ok",
    request: { redirectUri: REDIRECT, scope: "profile:read", state: "s", challenge: null },
  });
  const pkce = { code_challenge: CHALLENGE, code_challenge_method: "S256" };
  expect(read({ ...pkce, state: undefined })).toMatchObject({
    kind: "ok",
    request: { state: null, challenge: CHALLENGE },
  });
});

test("an unknown client, or one without redirect URIs, is never redirected", () => {
  expect(readAuthorizationRequest(PARAMS, null)).toEqual({ kind: "refuse", reason: "unknown-client" });
  expect(read({}, { redirectUris: [] })).toEqual({ kind: "refuse", reason: "no-redirect-uris" });
});

test("a redirect URI that is missing or not registered is never redirected to, whatever else is wrong", () => {
  expect(read({ redirect_uri: undefined })).toEqual({ kind: "refuse", reason: "redirect-uri-missing" });
  expect(read({ redirect_uri: undefined }, { redirectUris: [REDIRECT, `${REDIRECT}/2`] })).toEqual({
    kind: "refuse",
    reason: "redirect-uri-missing",
  });
  const text = fc.option(fc.oneof(fc.string(), fc.constantFrom("code", "token", "S256", CHALLENGE)), {
    nil: undefined,
  });
  const others = fc.record({
    response_type: text,
    scope: text,
    state: text,
    code_challenge: text,
    code_challenge_method: text,
    response_mode: text,
  });
  const evil = fc.oneof(
    fc.webUrl(),
    fc.string().map((rest) => REDIRECT + rest),
    fc.constantFrom("https://evil.example/", `${REDIRECT}/`, `${REDIRECT}#`, "//evil.example", "javascript:alert(1)"),
  );
  fc.assert(
    fc.property(evil, others, fc.constantFrom("none", "client_secret_post"), (uri, rest, authMethod) => {
      fc.pre(uri !== REDIRECT);
      expect(read({ ...rest, redirect_uri: uri }, { authMethod })).toEqual({ kind: "refuse", reason: "redirect-uri" });
    }),
  );
});

test("of the redirect URIs registered the one that was named is answered at", () => {
  const other = "http://127.0.0.1/callback";
  expect(read({ redirect_uri: "http://127.0.0.1:51004/callback" }, { redirectUris: [REDIRECT, other] })).toMatchObject({
    request: { redirectUri: "http://127.0.0.1:51004/callback" },
  });
});

test.each([
  ["no response type", { response_type: undefined }, {}, "invalid_request"],
  ["another response type", { response_type: "token" }, {}, "unsupported_response_type"],
  ["two response types", { response_type: "code token" }, {}, "unsupported_response_type"],
  ["the fragment as response mode", { response_mode: "fragment" }, {}, "invalid_request"],
  ["a client not registered for it", {}, { grantTypes: ["refresh_token"] }, "unauthorized_client"],
  ["no scope that can be granted", { scope: "admin" }, {}, "invalid_scope"],
  ["a scope that is not registered", { scope: "assistant" }, {}, "invalid_scope"],
  ["no profile:read", { scope: "offline" }, {}, "invalid_scope"],
  ["PKCE of the plain kind", { code_challenge: CHALLENGE, code_challenge_method: "plain" }, {}, "invalid_request"],
  ["PKCE without a method", { code_challenge: CHALLENGE }, {}, "invalid_request"],
  ["a public client without PKCE", {}, { authMethod: "none" }, "invalid_request"],
] as const)("told to the client at its redirect URI, with its state: %s", (_what, params, client, error) => {
  expect(read(params, client)).toMatchObject({ kind: "redirect-error", redirectUri: REDIRECT, error, state: "s" });
});

test("errors after the redirect URI is proven have the codes of RFC 6749 section 4.1.2.1", () => {
  const codes = [
    ...["invalid_request", "unauthorized_client", "access_denied", "unsupported_response_type", "invalid_scope"],
    ...["server_error", "temporarily_unavailable"],
  ];
  const text = fc.option(fc.oneof(fc.string(), fc.constantFrom("code", "profile:read", "S256", CHALLENGE)), {
    nil: undefined,
  });
  const params = fc.record({
    response_type: text,
    scope: text,
    state: text,
    code_challenge: text,
    code_challenge_method: text,
    response_mode: text,
  });
  fc.assert(
    fc.property(params, fc.subarray([...CLIENT.grantTypes]), (given, grantTypes) => {
      const decision = read(given, { grantTypes });
      if (decision.kind === "redirect-error") {
        expect(codes).toContain(decision.error);
        expect(decision.state).toBe(given.state ?? null);
      }
      expect(decision.kind).not.toBe("refuse");
    }),
  );
});

test("a state of up to 1,000 characters comes back; a longer one is an error without it", () => {
  expect(read({ state: "x".repeat(1_000) })).toMatchObject({ kind: "ok", request: { state: "x".repeat(1_000) } });
  expect(read({ state: "x".repeat(1_001) })).toMatchObject({
    kind: "redirect-error",
    error: "invalid_request",
    state: null,
  });
});

test("unknown parameters are ignored", () => {
  const extra = { prompt: "none", request_uri: "https://evil.example", nonce: "n" } as AuthorizationParameters;
  expect(read(extra)).toEqual(read());
});

test("every response names its issuer, and state and code come back exactly, whatever characters they have", () => {
  const text = fc.string({ unit: "grapheme" });
  const uris = fc.constantFrom(
    REDIRECT,
    `${REDIRECT}?`,
    `${REDIRECT}?tenant=1&x=a%20b`,
    "com.example.app:/back",
    "http://[::1]:9/",
  );
  fc.assert(
    fc.property(uris, text, fc.option(text), fc.boolean(), (uri, value, state, granted) => {
      const answer = granted ? { code: value } : { error: value, description: value };
      const url = authorizationResponse(uri, { ...answer, state, iss: ISS });
      expect(url.startsWith(uri)).toBe(true);
      const query = new URL(url).searchParams;
      expect(query.getAll("iss")).toEqual([ISS]);
      expect(query.getAll("state")).toEqual(state === null ? [] : [state]);
      expect(query.getAll("code")).toEqual(granted ? [value] : []);
      expect(query.getAll("error")).toEqual(granted ? [] : [value]);
      expect(query.getAll("error_description")).toEqual(granted ? [] : [value]);
      for (const [name, kept] of new URL(uri).searchParams) expect(query.getAll(name)).toEqual([kept]);
      expect(new URL(url).hash).toBe("");
    }),
  );
});

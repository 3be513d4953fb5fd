import { expect, test } from "vitest";
import { type ClientMetadataInput, DEVICE_CODE_GRANT, readClientMetadata, responseTypesOf } from "./client-metadata.ts";

const REDIRECT = "https://app.example/callback";
const read = (input: Partial<ClientMetadataInput> = {}) =>
  readClientMetadata({ scope: "profile:read", grant_types: [DEVICE_CODE_GRANT, "refresh_token"], ...input });
const metadata = (input: Partial<ClientMetadataInput> = {}) => {
  const result = read(input);
  if (!result.ok) throw new Error(result.reason);
  return result.metadata;
};
const reason = (input: Partial<ClientMetadataInput>) => {
  const result = read(input);
  return result.ok ? null : result.reason;
};

test("a client of the contract, which sends scope and grant types alone, is confidential and may ping", () => {
  expect(metadata()).toEqual({
    scope: "profile:read",
    grantTypes: ["client_credentials", DEVICE_CODE_GRANT, "refresh_token"],
    redirectUris: [],
    authMethod: "client_secret_post",
    name: null,
  });
  expect(metadata({ redirect_uris: null, token_endpoint_auth_method: null, client_name: null })).toEqual(metadata());
});

test("scopes and grant types that are not ours are left out of what is registered", () => {
  const { scope, grantTypes } = metadata({
    scope: "admin,offline profile:read openid",
    grant_types: ["implicit", "password", "refresh_token", "refresh_token", "toString"],
  });
  expect(scope).toBe("profile:read offline");
  expect(grantTypes).toEqual(["client_credentials", "refresh_token"]);
  expect(metadata({ scope: "openid" }).scope).toBe("");
  expect(metadata({ grant_types: [] }).grantTypes).toEqual(["client_credentials"]);
});

test("without redirect URIs a client is not granted authorization_code", () => {
  const grant_types = ["authorization_code"];
  expect(metadata({ grant_types }).grantTypes).toEqual(["client_credentials"]);
  const granted = metadata({ grant_types, redirect_uris: [REDIRECT, REDIRECT] });
  expect(granted.grantTypes).toEqual(["client_credentials", "authorization_code"]);
  expect(granted.redirectUris).toEqual([REDIRECT]);
});

test("a public client never gets client_credentials, and one that could sign nobody in is refused", () => {
  const none = { token_endpoint_auth_method: "none" };
  expect(metadata({ ...none, grant_types: ["client_credentials", DEVICE_CODE_GRANT] }).grantTypes).toEqual([
    DEVICE_CODE_GRANT,
  ]);
  for (const grant_types of [[], ["client_credentials"], ["refresh_token"], ["authorization_code"]]) {
    expect(reason({ ...none, grant_types }), grant_types.join()).toBe("grant-types");
  }
});

test("the authentication methods are client_secret_post, client_secret_basic and none", () => {
  for (const method of ["client_secret_post", "client_secret_basic", "none"]) {
    expect(metadata({ token_endpoint_auth_method: method }).authMethod).toBe(method);
  }
  for (const method of ["", "NONE", "private_key_jwt", "client_secret_jwt", "constructor"]) {
    expect(reason({ token_endpoint_auth_method: method }), method).toBe("auth-method");
  }
});

test("one redirect URI that may not be registered refuses all, and so do more than ten", () => {
  expect(reason({ redirect_uris: [REDIRECT, "http://app.example/"] })).toBe("redirect-uris");
  const many = Array.from({ length: 11 }, (_, n) => `${REDIRECT}/${n}`);
  expect(reason({ redirect_uris: many })).toBe("redirect-uris");
  expect(metadata({ redirect_uris: many.slice(1) }).redirectUris).toHaveLength(10);
});

test("a client's name is 1 to 100 printable characters: it is shown to who approves", () => {
  for (const name of ["Ebb", "Zoë's laptop — 2", "端末", "x".repeat(100)])
    expect(metadata({ client_name: name }).name).toBe(name);
  for (const name of ["", " ", "x".repeat(101), "a\nb", "a\u0000", "a\u202eb", "a\u200bb", "a\u2028b", "\ud800"]) {
    expect(reason({ client_name: name }), JSON.stringify(name)).toBe("client-name");
  }
});

test("response types go with the grant types", () => {
  expect(responseTypesOf(["authorization_code"])).toEqual(["code"]);
  expect(responseTypesOf(["client_credentials", "refresh_token"])).toEqual([]);
});

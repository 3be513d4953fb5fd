import * as oauth from "oauth4webapi";
import { expect, test } from "vitest";
import { serverMetadata } from "./server-metadata.ts";

const document = serverMetadata("https://ebb.example") as Record<string, unknown>;

test("the metadata name the issuer that it was asked of, and every endpoint under it", async () => {
  const issuer = new URL("https://ebb.example");
  const read = await oauth.processDiscoveryResponse(issuer, Response.json(document));
  expect(read.issuer).toBe("https://ebb.example");
  const endpoints = Object.entries(document).filter(([name]) => /_endpoint$|^jwks_uri$/.test(name));
  expect(endpoints.map(([name]) => name).sort()).toEqual([
    "authorization_endpoint",
    "device_authorization_endpoint",
    "introspection_endpoint",
    "jwks_uri",
    "registration_endpoint",
    "revocation_endpoint",
    "token_endpoint",
  ]);
  for (const [name, url] of endpoints)
    expect(url, name).toMatch(/^https:\/\/ebb\.example\/(oauth2|\.well-known)\/[a-z./-]+$/);
});

test("the metadata announce PKCE with S256 alone, and the issuer in responses", () => {
  expect(document["code_challenge_methods_supported"]).toEqual(["S256"]);
  expect(document["authorization_response_iss_parameter_supported"]).toBe(true);
  expect(document["response_types_supported"]).toEqual(["code"]);
  expect(document["response_modes_supported"]).toEqual(["query"]);
});

test("introspection takes no public client; revocation does", () => {
  expect(document["introspection_endpoint_auth_methods_supported"]).toEqual([
    "client_secret_post",
    "client_secret_basic",
  ]);
  expect(document["revocation_endpoint_auth_methods_supported"]).toContain("none");
});

test("no list in the metadata is empty", () => {
  for (const [name, value] of Object.entries(document)) expect(value, name).not.toEqual([]);
});

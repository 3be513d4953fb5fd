import { decodeJwt } from "jose";
import { expect, test } from "vitest";
import { call, ORIGIN } from "../src/testing/instance.ts";
import { codeRequest, oauthScene } from "../src/testing/oauth-scene.ts";
import { consentAs, loginOn } from "../src/testing/oauth-world.ts";

const PATH = "/.well-known/oauth-authorization-server";
const metadata = async () => await (await call(PATH)).json<Record<string, unknown>>();

test("the metadata lie at the well-known address, as JSON with status 200, and every endpoint answers", async () => {
  const response = await call(PATH);
  expect([response.status, response.headers.get("content-type")]).toEqual([200, "application/json"]);
  const document = await response.json<Record<string, unknown>>();
  const endpoints = Object.entries(document).filter(([name]) => /_endpoint$|_uri$|_documentation$/.test(name));
  expect(endpoints.map(([name]) => name).toSorted()).toEqual([
    "authorization_endpoint",
    "device_authorization_endpoint",
    "introspection_endpoint",
    "jwks_uri",
    "registration_endpoint",
    "revocation_endpoint",
    "service_documentation",
    "token_endpoint",
  ]);
  for (const [name, value] of endpoints) {
    const url = new URL(value as string);
    expect(url.origin, name).toBe(ORIGIN);
    const posted = !["authorization_endpoint", "jwks_uri", "service_documentation"].includes(name);
    const answer = await call(url.pathname, posted ? { method: "POST" } : {});
    // There is somebody: what is wrong is the request, which says nothing.
    expect(answer.status, name).not.toBe(404);
    expect(answer.status, name).toBeLessThan(500);
    if (posted) expect((await call(url.pathname)).status, name).toBe(405);
  }
  const jwks = await (await call("/.well-known/jwks.json")).json<{ keys: unknown[] }>();
  expect(jwks.keys.length).toBeGreaterThan(0);
  // No list that would be empty, nothing that means nothing (RFC 8414 section 3.2).
  for (const [name, value] of Object.entries(document)) {
    expect(value === null || (Array.isArray(value) && value.length === 0), name).toBe(false);
  }
  // Nobody finds other metadata by a path, and the request decides nothing of them.
  expect((await call(`${PATH}/evil`)).status).toBe(404);
  const elsewhere = await call(PATH, {
    headers: { "x-forwarded-host": "evil.example", forwarded: "host=evil.example" },
  });
  expect(await elsewhere.json()).toEqual(document);
});

test("the issuer of the metadata is that of tokens and authorization responses", async () => {
  const { issuer, authorization_response_iss_parameter_supported: named } = await metadata();
  expect([issuer, named]).toEqual([ORIGIN, true]);
  const { client, pat, person } = await oauthScene();
  expect(decodeJwt((await loginOn(client, pat)).access_token).iss).toBe(issuer);
  const { query } = await codeRequest(client);
  for (const answer of ["approve", "deny"] as const) {
    expect((await consentAs(person, query, answer)).searchParams.get("iss")).toBe(issuer);
  }
});

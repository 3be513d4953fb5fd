import { expect, test } from "vitest";
import { type IntrospectionFacts, introspectionDocument } from "./introspection.ts";

const NOW = Date.UTC(2026, 10, 20);
const FACTS: IntrospectionFacts = {
  token: "access",
  scope: "profile:read",
  clientId: "ebbc_one",
  subject: "per_1",
  instanceId: "ins_1",
  workspaceId: "wsp_1",
  issuedAtMs: NOW - 500,
  expiresAtMs: NOW + 1_500,
};

test("of an active token it says what RFC 7662 and the contract name, times in seconds", () => {
  expect(introspectionDocument(FACTS, "https://ebb.example", NOW)).toEqual({
    active: true,
    scope: "profile:read",
    client_id: "ebbc_one",
    token_type: "Bearer",
    sub: "per_1",
    iat: NOW / 1_000 - 1,
    exp: NOW / 1_000 + 1,
    iss: "https://ebb.example",
    meta: { kind: "instance", instance_id: "ins_1", workspace_id: "wsp_1" },
  });
});

test("a refresh token has no token type", () => {
  expect(introspectionDocument({ ...FACTS, token: "refresh" }, "x", NOW)).not.toHaveProperty("token_type");
});

test("of every other token it says that it is not active, and nothing else", () => {
  expect(introspectionDocument(null, "https://ebb.example", NOW)).toEqual({ active: false });
  expect(introspectionDocument({ ...FACTS, expiresAtMs: NOW }, "https://ebb.example", NOW)).toEqual({ active: false });
});

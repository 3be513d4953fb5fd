import { expect, test } from "vitest";
import { toBase64Url } from "../core/bytes.ts";
import { newGateId, REGIONS } from "../core/region.ts";
import { SECRET_PATTERN } from "../core/secret-pattern.ts";
import { loadRoutingKeys, mintRoutingId } from "./routing-id.ts";

const finds = (text: string) => new RegExp(SECRET_PATTERN).test(text);
const keysOf = (id: number) =>
  loadRoutingKeys(JSON.stringify({ current: id, keys: { [id]: toBase64Url(new Uint8Array(32).fill(7)) } }));

test("every one of 1,000 secrets is found, of every kind, region and HMAC key, wherever it stands", async () => {
  const keys = await Promise.all([0, 1, 15, 16, 128, 255].map(keysOf));
  for (let n = 0; n < 1_000; n++) {
    const kind = (["api-key", "personal-access-token", "registration-key", "refresh-token"] as const)[
      n % 4
    ] as "api-key";
    const gate = newGateId(REGIONS[n % REGIONS.length] as (typeof REGIONS)[number]);
    const secret = await mintRoutingId(kind, gate, keys[n % keys.length] as (typeof keys)[number]);
    for (const text of [secret, `Authorization: Bearer ${secret}\n`, `"key":"${secret}",`, `KEY=${secret};`]) {
      expect(finds(text), text).toBe(true);
    }
  }
});

test("what only looks alike is not found", async () => {
  const keys = await keysOf(1);
  const secret = await mintRoutingId("api-key", newGateId("eu"), keys);
  const client = await mintRoutingId("client-id", newGateId("eu"), keys);
  for (const text of [
    client,
    secret.slice(0, -1),
    `${secret}A`,
    `${secret}-`,
    `x${secret}`,
    `_${secret}`,
    secret.replace("ebb_", "ebbx_"),
    secret.replace("ebb_A", "ebb_B"),
    `ebb_AR${"~".repeat(72)}`,
    `${secret.slice(0, -1)}B`,
    `ebb_${"a".repeat(74)}`,
    secret.toUpperCase(),
    "ebb_…",
  ]) {
    expect(finds(text), text).toBe(false);
  }
});

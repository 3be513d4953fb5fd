import { expect, test } from "vitest";
import { toBase64Url } from "../core/bytes.ts";
import { newGateId, REGIONS } from "../core/region.ts";
import { loadRoutingKeys, mintRoutingId, openRoutingId, type RoutingKind } from "./routing-id.ts";

const KINDS: RoutingKind[] = ["client-id", "registration-key", "api-key", "personal-access-token"];
const secret = (byte: number) => toBase64Url(new Uint8Array(32).fill(byte));
const keysOf = (current: number, keys: Record<string, string>) => loadRoutingKeys(JSON.stringify({ current, keys }));

test("an id leads to its gate, in every region and of every kind, and never repeats", async () => {
  const keys = await keysOf(1, { "1": secret(1) });
  for (const kind of KINDS) {
    for (const region of REGIONS) {
      const gate = newGateId(region);
      const id = await mintRoutingId(kind, gate, keys);
      expect(await openRoutingId(kind, id, keys)).toBe(gate);
      expect(await mintRoutingId(kind, gate, keys)).not.toBe(id);
      for (const other of KINDS) if (other !== kind) expect(await openRoutingId(other, id, keys)).toBeNull();
    }
  }
});

test("a change of any one character is refused", async () => {
  const keys = await keysOf(1, { "1": secret(1) });
  const id = await mintRoutingId("api-key", newGateId("eu"), keys);
  for (let at = 0; at < id.length; at++) {
    for (const char of ["A", "b", "_", "=", " ", "é"]) {
      const changed = id.slice(0, at) + char + id.slice(at + 1);
      if (changed !== id) expect(await openRoutingId("api-key", changed, keys), changed).toBeNull();
    }
  }
  for (const text of ["", "ebb_", `${id}A`, id.slice(0, -1), id.repeat(50)]) {
    expect(await openRoutingId("api-key", text, keys)).toBeNull();
  }
});

test("keys are added: ids made with the former one stay good, those of a stranger's key are not", async () => {
  const before = await keysOf(1, { "1": secret(1) });
  const after = await keysOf(2, { "1": secret(1), "2": secret(2) });
  const gate = newGateId("any");
  const old = await mintRoutingId("client-id", gate, before);
  const young = await mintRoutingId("client-id", gate, after);
  expect(await openRoutingId("client-id", old, after)).toBe(gate);
  expect(await openRoutingId("client-id", young, after)).toBe(gate);
  expect(await openRoutingId("client-id", young, before)).toBeNull();
  expect(await openRoutingId("client-id", old, await keysOf(1, { "1": secret(9) }))).toBeNull();
});

test.each([
  ['{"current":1,"keys":{}}'],
  [`{"current":2,"keys":{"1":"${secret(1)}"}}`],
  ['{"current":1,"keys":{"1":"c2hvcnQ"}}'],
  [`{"current":1,"keys":{"300":"${secret(1)}"}}`],
  [`{"current":1,"keys":{"1":7}}`],
])("malformed HMAC keys are refused without being repeated: %s", async (json) => {
  await expect(loadRoutingKeys(json)).rejects.toThrow(/^ROUTING_HMAC_KEYS (holds|names)/);
});

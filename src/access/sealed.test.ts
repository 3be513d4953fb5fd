import { expect, test } from "vitest";
import { loadSealingKeys, type Place, seal, unseal } from "./sealed.ts";

const key = (byte: number) => Buffer.alloc(32, byte).toString("base64url");
const place: Place = { tenant: "tnt_1", table: "t", column: "c", row: "r" };

test("what is sealed opens in its own place, under its own key, whole, and nowhere else", async () => {
  const one = await loadSealingKeys(JSON.stringify({ current: 1, keys: { "1": key(1) } }));
  const sealed = await seal("client secret ü", place, one);
  expect(await unseal(sealed, place, one)).toBe("client secret ü");
  expect(Buffer.from(sealed).toString("latin1")).not.toContain("client secret");
  expect(await seal("client secret ü", place, one)).not.toEqual(sealed);
  for (const field of ["tenant", "table", "column", "row"] as const) {
    await expect(unseal(sealed, { ...place, [field]: "other" }, one)).rejects.toThrow("not sealed for this place");
  }
  for (let i = 0; i < sealed.length; i++) {
    const broken = sealed.map((byte, at) => (at === i ? byte ^ 1 : byte));
    await expect(unseal(broken, place, one)).rejects.toThrow("not sealed");
    await expect(unseal(sealed.subarray(0, i), place, one)).rejects.toThrow("not sealed");
  }
  // After a rotation the old key still opens; the new one seals.
  const two = await loadSealingKeys(JSON.stringify({ current: 2, keys: { "1": key(1), "2": key(2) } }));
  expect(await unseal(sealed, place, two)).toBe("client secret ü");
  expect((await seal("x", place, two))[1]).toBe(2);
  const swapped = await loadSealingKeys(JSON.stringify({ current: 1, keys: { "1": key(2) } }));
  await expect(unseal(sealed, place, swapped)).rejects.toThrow("not sealed");
});

test.each([
  { current: 1, keys: {} },
  { current: 2, keys: { "1": key(1) } },
  { current: 1, keys: { "1": "short" } },
  { current: 1, keys: { "1": Buffer.alloc(31).toString("base64url") } },
  { current: 1, keys: { "256": key(1), "1": key(1) } },
  { keys: { "1": key(1) } },
])("malformed keys are refused, and not repeated: %j", async (keys) => {
  await expect(loadSealingKeys(JSON.stringify(keys))).rejects.toThrow(/^SEALING_KEYS (holds|names)/);
});

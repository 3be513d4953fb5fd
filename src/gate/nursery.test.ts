import fc from "fast-check";
import { expect, test } from "vitest";
import { gateIdOf, newGateId, REGIONS } from "../core/region.ts";
import { isNursery, nurseryGateId, nurseryGateIds } from "./nursery.ts";
import { platformGateId, platformGateIds } from "./platform.ts";

test("64 nurseries, none of them a gate of the platform's; a hint leads to the same one always", () => {
  const ids = nurseryGateIds();
  expect(new Set([...ids, ...platformGateIds()]).size).toBe(128);
  expect(ids.every(isNursery)).toBe(true);
  expect(platformGateIds().some(isNursery)).toBe(false);
  fc.assert(
    fc.property(fc.string(), (hint) => {
      expect(ids).toContain(nurseryGateId(hint));
      expect(nurseryGateId(hint)).toBe(nurseryGateId(hint));
      expect(platformGateIds()).toContain(platformGateId(hint));
    }),
  );
});

test("unclaimed clients spread over all of them", () => {
  const hints = Array.from({ length: 6_400 }, () => crypto.randomUUID());
  const counts = Map.groupBy(hints, nurseryGateId);
  expect(counts.size).toBe(64);
  for (const { length } of counts.values()) expect(length).toBeLessThan(200);
});

test("no other gate is a nursery: a tenant's, one that looks like it, what is no gate at all", () => {
  for (const region of REGIONS) expect(isNursery(newGateId(region))).toBe(false);
  for (const change of [{ 0: 1 }, { 7: 1 }, { 8: 2 }, { 8: 255 }, { 9: 64 }]) {
    const bytes = Uint8Array.from({ length: 10 }, (_, at) => (at === 8 ? 1 : 0));
    expect(isNursery(gateIdOf("any", bytes))).toBe(true);
    expect(isNursery(gateIdOf("any", Object.assign(bytes, change)))).toBe(false);
  }
  expect(() => isNursery("gate")).toThrow(RangeError);
});

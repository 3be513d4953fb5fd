import fc from "fast-check";
import { expect, test } from "vitest";
import { idFromUuid, newId, parseId, uuidFromId } from "./id.ts";

test("an id and its uuid are the same 128 bits, both ways", () => {
  fc.assert(
    fc.property(fc.uuid(), (uuid) => {
      const id = idFromUuid("instance", uuid);
      expect(id).toMatch(/^ins_[0-7][0-9A-HJKMNP-TV-Z]{25}$/);
      expect(uuidFromId("instance", id)).toBe(uuid);
    }),
  );
  expect(idFromUuid("tenant", "01563e3a-b5d3-d676-4c61-efb99302bd5b")).toBe("tnt_01ARZ3NDEKTSV4RRFFQ69G5FAV");
});

test("new ids carry their moment, sort by it and do not repeat", () => {
  const moments = [0, 1, 1_795_219_200_000, 2 ** 48 - 1];
  for (const now of moments) {
    const hex = uuidFromId("instance", newId("instance", now)).replaceAll("-", "");
    expect(Number.parseInt(hex.slice(0, 12), 16)).toBe(now);
  }
  const ids = moments.map((now) => newId("request", now));
  expect(ids).toEqual(ids.toSorted());
  const many = Array.from({ length: 10_000 }, () => newId("request", 5));
  expect(new Set(many).size).toBe(10_000);
  // Every character of the random part takes every value: none of the eighty bits is stuck.
  for (let at = 14; at < 30; at++) expect(new Set(many.map((id) => id.charAt(at))).size).toBe(32);
});

test.each([
  "ins_01ARZ3NDEKTSV4RRFFQ69G5FAV ",
  "ins_81ARZ3NDEKTSV4RRFFQ69G5FAV",
  "ins_01ARZ3NDEKTSV4RRFFQ69G5FAI",
  "ins_01arz3ndektsv4rrffq69g5fav",
  "tnt_01ARZ3NDEKTSV4RRFFQ69G5FAV",
  "01ARZ3NDEKTSV4RRFFQ69G5FAV",
  "",
])("%j is no id of an instance", (text) => {
  expect(parseId("instance", text)).toBeNull();
  expect(() => uuidFromId("instance", text)).toThrow(RangeError);
});

import { expect, test } from "vitest";
import { etagOf, ifMatch } from "./etag.ts";

const shows = (name: string) => ({ object: "thing", name });
const outcome = async (header: string | null, current: string) => {
  const headers = header === null ? {} : { "if-match": header };
  const precondition = ifMatch(new Request("https://ebb.test", { method: "PATCH", headers }), shows);
  return (
    (await precondition?.(current).then(
      () => "met",
      (error: Error) => error.message,
    )) ?? "none"
  );
};

test("a tag is strong, of what is shown and nothing else", async () => {
  const tag = await etagOf({ a: 1, b: { c: null, d: undefined } });
  expect(tag).toMatch(/^"[A-Za-z0-9_-]{43}"$/);
  expect(await etagOf({ b: { c: null }, a: 1 })).toBe(tag);
  expect(await etagOf({ b: { c: 0 }, a: 1 })).not.toBe(tag);
});

test("If-Match: any of its tags, by strong comparison", async () => {
  const [tag, other] = [await etagOf(shows("x")), await etagOf(shows("y"))];
  const table: [header: string | null, outcome: string][] = [
    [null, "none"],
    ["*", "met"],
    [tag, "met"],
    [`${other}, ${tag}`, "met"],
    [`${other},${tag}`, "met"],
    [other, "precondition-failed"],
    [`W/${tag}`, "precondition-failed"],
    [tag.slice(1, -1), "precondition-failed"],
    ['""', "precondition-failed"],
    ["", "precondition-failed"],
    ["tnt_01KAHJ0000A1B2C3D4E5F6G7H8", "precondition-failed"],
  ];
  for (const [header, wanted] of table) expect([header, await outcome(header, "x")]).toEqual([header, wanted]);
});

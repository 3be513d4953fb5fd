import fc from "fast-check";
import { expect, test } from "vitest";
import { newVoucherCode, normaliseVoucherCode } from "./code.ts";

const SHAPE = /^EBB(-[0-9A-HJKMNP-TV-Z]{5}){4}$/;

test("a code has 20 letters of 32, each as likely as any other, and none twice", () => {
  const codes = Array.from({ length: 2_000 }, newVoucherCode);
  expect(codes.every((code) => SHAPE.test(code))).toBe(true);
  expect(new Set(codes).size).toBe(codes.length);
  const counts = new Map<string, number>();
  for (const letter of codes.flatMap((code) => [...code.slice(4).replaceAll("-", "")])) {
    counts.set(letter, (counts.get(letter) ?? 0) + 1);
  }
  expect(counts.size).toBe(32);
  // 40,000 letters, 1,250 of each: six standard deviations are some 210.
  for (const [letter, count] of counts) expect([letter, Math.abs(count - 1_250) < 210]).toEqual([letter, true]);
});

test("however it is typed it is the same code: case, dashes, spaces, the prefix, and what looks alike", () => {
  const typing = fc.record({
    lower: fc.boolean(),
    separator: fc.constantFrom("-", " ", "", "\u2013", " - "),
    prefix: fc.boolean(),
    alike: fc.boolean(),
    padding: fc.constantFrom("", " ", "\n"),
  });
  fc.assert(
    fc.property(typing, ({ lower, separator, prefix, alike, padding }) => {
      const code = newVoucherCode();
      const groups = code.split("-").slice(prefix ? 0 : 1);
      const typed = groups.join(separator);
      const mistaken = alike ? typed.replaceAll("0", "O").replaceAll("1", "l") : typed;
      const text = padding + (lower ? mistaken.toLowerCase() : mistaken) + padding;
      return normaliseVoucherCode(text) === code.slice(4).replaceAll("-", "");
    }),
  );
});

test("a code whose own letters begin with EBB is not shortened", () => {
  expect(normaliseVoucherCode("EBBEB-BEBBE-BBEBB-EBBEB")).toBe("EBBEBBEBBEBBEBBEBBEB");
  expect(normaliseVoucherCode("EBB-EBBEB-BEBBE-BBEBB-EBBEB")).toBe("EBBEBBEBBEBBEBBEBBEB");
});

test.each([
  "",
  "EBB",
  "EBB-",
  "A".repeat(19),
  "A".repeat(21),
  "A".repeat(22),
  "U".repeat(20),
  "É".repeat(20),
  "A".repeat(99),
])("%j is no code", (text) => {
  expect(normaliseVoucherCode(text)).toBeNull();
});

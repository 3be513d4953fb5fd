import fc from "fast-check";
import { expect, test } from "vitest";
import { CODE_ALPHABET, newClaimCode, newUserCode, normaliseClaimCode, normaliseUserCode } from "./user-code.ts";

const random = (length: number) => crypto.getRandomValues(new Uint8Array(length));

test("the alphabet has twenty letters: no vowel, no digit, none twice", () => {
  expect(CODE_ALPHABET).toMatch(/^[B-DF-HJ-NP-TV-XZ]{20}$/);
  expect(new Set(CODE_ALPHABET).size).toBe(20);
});

test("user codes are two groups of four, claim codes two of five", () => {
  for (let n = 0; n < 1_000; n++) {
    expect(newUserCode(random)).toMatch(/^[B-DF-HJ-NP-TV-XZ]{4}-[B-DF-HJ-NP-TV-XZ]{4}$/);
    expect(newClaimCode(random)).toMatch(/^[B-DF-HJ-NP-TV-XZ]{5}-[B-DF-HJ-NP-TV-XZ]{5}$/);
  }
});

test("every letter is as likely as any other: of the 256 bytes twelve make each, and sixteen are thrown away", () => {
  const made = new Map<string, number>();
  for (let byte = 0; byte < 256; byte++) {
    let asked = 0;
    // The byte, then seven that make a B: should it be thrown away, one more is asked for.
    const code = newUserCode((length) => {
      asked += length;
      return new Uint8Array(length).map((_, n) => (asked === 8 && n === 0 ? byte : 0));
    });
    const letter = asked === 8 ? (code[0] ?? "") : "thrown away";
    made.set(letter, (made.get(letter) ?? 0) + 1);
  }
  expect(made.get("thrown away")).toBe(16);
  for (const letter of CODE_ALPHABET) expect(made.get(letter), letter).toBe(12);
});

test("case, spaces and dashes of what a person types are forgiven", () => {
  const noise = fc.array(fc.constantFrom("", " ", "-", "–", "\t", "\u00a0"), { minLength: 9, maxLength: 9 });
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom(...CODE_ALPHABET), minLength: 8, maxLength: 8 }),
      noise,
      fc.nat(255),
      (letters, gaps, cases) => {
        const typed = [...letters]
          .map((letter, n) => gaps[n] + ((cases >> n) % 2 === 0 ? letter : letter.toLowerCase()))
          .join("");
        expect(normaliseUserCode(typed + gaps[8])).toBe(`${letters.slice(0, 4)}-${letters.slice(4)}`);
      },
    ),
  );
  expect(normaliseClaimCode("wdjbk mjhtc")).toBe("WDJBK-MJHTC");
});

test("a new code normalises to itself", () => {
  for (let n = 0; n < 100; n++) {
    const [user, claim] = [newUserCode(random), newClaimCode(random)];
    expect(normaliseUserCode(user)).toBe(user);
    expect(normaliseClaimCode(claim)).toBe(claim);
  }
});

test("anything else is no code", () => {
  for (const text of [
    "",
    "WDJB",
    "WDJB-MJH",
    "WDJB-MJHTC",
    "WDJB-MJHA",
    "WDJB-MJH1",
    "WDJB_MJHT",
    "WDJB.MJHT",
    "WDJB-MJHT\u0000",
    // Letters whose capitals are S and K, and full-width ones.
    "WDJB-MJHſ",
    "WDJB-MJH\u212a",
    "\uff37\uff24\uff2a\uff22\uff2d\uff2a\uff28\uff34",
    `${" ".repeat(93)}WDJBMJHT`,
  ]) {
    expect(normaliseUserCode(text), JSON.stringify(text)).toBeNull();
  }
  expect(normaliseClaimCode("WDJB-MJHT")).toBeNull();
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      const code = normaliseUserCode(text);
      if (code !== null) expect(code).toBe(normaliseUserCode(code));
      else expect(/^[B-DF-HJ-NP-TV-XZ]{4}-[B-DF-HJ-NP-TV-XZ]{4}$/.test(text)).toBe(false);
    }),
  );
});

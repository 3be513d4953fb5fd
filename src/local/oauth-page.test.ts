import { expect, test } from "vitest";
import { pure, requirementsOf } from "../oauth/requirement.ts";
import { REQUIREMENTS } from "../oauth/requirements.ts";
import { hasTest, oauthPage } from "./oauth-page.ts";

const named = pure("x", 'it holds (100% of "all")');
const requirements = requirementsOf(6749, [["1.2", "It holds.", named]]);
const written = 'test("it holds (100% of \\"all\\")", () => {});';
const page = (source: string | null) =>
  oauthPage({ requirements, read: (file) => (file === named.file ? source : null) });

test("the page names every requirement with its test", () => {
  expect(page(written)).toContain('| 1.2 | It holds. | `src/oauth/x.test.ts`: it holds (100% of "all") |');
});

test("a test that is not in its file fails the page: its file gone, its title changed, skipped or only mentioned", () => {
  for (const source of [
    null,
    "",
    written.replace("100%", "10%"),
    written.replace("test(", "test.skip("),
    written.replace("test(", "test.todo("),
    `// ${written.slice(5, -10)}`,
  ]) {
    expect(() => page(source), String(source)).toThrow("there is no such test: src/oauth/x.test.ts: it holds");
  }
});

test("a title is found in a table of tests and over several lines", () => {
  expect(hasTest('test.each([1])("title %s", () => {})', "title %s")).toBe(true);
  expect(hasTest('test(\n  "title",\n  () => {},\n)', "title")).toBe(true);
});

test("requirements are sentences, sorted by RFC and section, none twice", () => {
  const order = (text: string) =>
    text
      .split(".")
      .map((part) => part.padStart(3, "0"))
      .join(".");
  const keys = REQUIREMENTS.map(({ rfc, section }) => `${rfc} ${order(section)}`);
  expect(keys).toEqual([...keys].sort());
  const sentences = REQUIREMENTS.map(({ rfc, section, requirement }) => `${rfc} ${section} ${requirement}`);
  expect(new Set(sentences).size).toBe(sentences.length);
  for (const { requirement } of REQUIREMENTS) expect(requirement).toMatch(/^[A-Z][^|]*\.$/);
});

import { describe, expect, test } from "vitest";
import { importsOf } from "./imports.ts";

const value = (specifier: string, line = 1) => ({ specifier, line, typeOnly: false });
const type = (specifier: string, line = 1) => ({ specifier, line, typeOnly: true });

describe("every form of import", () => {
  test.each([
    [`import "./a.ts";`, value("./a.ts")],
    [`import a from './a.ts'`, value("./a.ts")],
    [`import * as a from "./a.ts";`, value("./a.ts")],
    [`import a, { b as c, default as d } from "./a.ts";`, value("./a.ts")],
    [`import a, * as b from "./a.ts";`, value("./a.ts")],
    [`import {from} from"./a.ts"`, value("./a.ts")],
    [`import { "a b" as c } from "./a.ts"`, value("./a.ts")],
    [`import data from "./a.json" with { type: "json" };`, value("./a.json")],
    [`export { a } from "./a.ts";`, value("./a.ts")],
    [`export * from "./a.ts";`, value("./a.ts")],
    [`export * as a from "./a.ts";`, value("./a.ts")],
    [`const a = await import("./a.ts");`, value("./a.ts")],
    ["import(`./a.ts`).then(use)", value("./a.ts")],
    [`run(...import("./a.ts"))`, value("./a.ts")],
    [`import { type A } from "./a.ts";`, value("./a.ts")],
    [`import type from "./a.ts";`, value("./a.ts")],
    [`import type, { b } from "./a.ts";`, value("./a.ts")],
    [`import type A from "./a.ts";`, type("./a.ts")],
    [`import type { A } from "./a.ts";`, type("./a.ts")],
    [`import type * as A from "./a.ts";`, type("./a.ts")],
    [`export type { A } from "./a.ts";`, type("./a.ts")],
    [`export type * from "./a.ts";`, type("./a.ts")],
    [`let a: typeof import("./a.ts");`, type("./a.ts")],
    [`let a: import("./a.ts").A;`, type("./a.ts")],
  ])("%s", (source, expected) => {
    expect(importsOf(source)).toEqual([expected]);
  });
});

describe("what only looks like an import", () => {
  test.each([
    `// import "./a.ts"`,
    `/* import "./a.ts" \n import "./b.ts" */`,
    `const s = 'import "./a.ts"';`,
    `const s = "it's \\" import './a.ts'";`,
    "const s = `import './a.ts'`;",
    // biome-ignore lint/suspicious/noTemplateCurlyInString: a template as source text, not one of ours
    "const s = `${`${'import \"./a.ts\"'}`} import './a.ts'`;",
    `const r = /import "a"; '/;`,
    `const r = [/["'\`]import "a"/];`,
    `const u = import.meta.url, s = "./a.ts";`,
    `loader.import("./a.ts");`,
    `import(name);`,
    // biome-ignore lint/suspicious/noTemplateCurlyInString: a template as source text, not one of ours
    "import(`./${name}.ts`);",
    `export const from = "./a.ts";`,
    `export { a }; const from = "./a.ts";`,
    `export type A = { from: "./a.ts" };`,
    `const o = { import: "./a.ts", export: { from: "x" } };`,
  ])("%s", (source) => {
    expect(importsOf(source)).toEqual([]);
  });
});

test("lines are counted through comments, strings and templates", () => {
  const source = [
    "/* one",
    "two */ const t = `three",
    "${ fn({ a: `x",
    "` }) }` ;",
    'import { a } from "./five.ts"; // "',
    "const half = size / 2, other = 'it' + a / 3;",
    "export {",
    "  b,",
    '} from "./seven.ts";',
    'const c = a.map((x) => /\\/"[/"]/.test(x)); import "./ten.ts";',
  ].join("\n");
  expect(importsOf(source)).toEqual([value("./five.ts", 5), value("./seven.ts", 7), value("./ten.ts", 10)]);
});

import { Ajv2020 } from "ajv/dist/2020.js";
import fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import { contractDocuments } from "./files.ts";
import type { Resolve, Schema } from "./subset.ts";
import { violations } from "./valid.ts";

/** The small validator, which runs in workerd, against ajv, which does not. */

const FORMATS = ["date-time", "email", "int32", "int64", "unix-timestamp"];
const noRefs: Resolve = (ref) => {
  throw new Error(`nothing stands at ${ref}`);
};
const NAMES = ["a", "b", "c"] as const;

/** ajv's word, where formats demand nothing: what we make of them is tested by examples. */
function ajvSays(schema: object): (value: unknown) => boolean {
  const ajv = new Ajv2020({ strict: false, formats: Object.fromEntries(FORMATS.map((name) => [name, true])) });
  return ajv.compile(schema);
}

const { value } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    fc.constantFrom(null, true, false, -1, 0, 1, 0.5, 2, "", "x", "y"),
    fc.array(tie("value"), { maxLength: 2 }),
    fc.dictionary(fc.constantFrom(...NAMES), tie("value"), { maxKeys: 3 }),
  ),
}));
const typeName = fc.constantFrom("null", "boolean", "string", "number", "integer", "array", "object");
const { schema } = fc.letrec<{ schema: Schema }>((tie) => ({
  schema: fc.oneof(
    { maxDepth: 4 },
    fc.record({ type: fc.oneof(typeName, fc.uniqueArray(typeName, { minLength: 1, maxLength: 3 })) }),
    fc.record({ enum: fc.uniqueArray(fc.constantFrom(null, true, 0, 1, "x", "y"), { minLength: 1, maxLength: 3 }) }),
    fc.record({ type: fc.constantFrom("integer", "number"), minimum: fc.integer({ min: -1, max: 1 }) }),
    fc.record({ type: fc.constant("array"), items: tie("schema") }),
    fc.record({ oneOf: fc.array(tie("schema"), { minLength: 1, maxLength: 3 }) }),
    fc.record(
      {
        type: fc.constant("object"),
        required: fc.uniqueArray(fc.constantFrom(...NAMES)),
        properties: fc.dictionary(fc.constantFrom(...NAMES), tie("schema")),
      },
      { requiredKeys: [] },
    ),
  ) as fc.Arbitrary<Schema>,
}));

/** Values that a schema of the documents takes, and ones beside them. */
function near(of: Schema, resolve: Resolve): fc.Arbitrary<unknown> {
  const fitting = (): fc.Arbitrary<unknown> => {
    if (of.$ref !== undefined) return near(resolve(of.$ref), resolve);
    if (of.oneOf !== undefined) return fc.oneof(...of.oneOf.map((part) => near(part, resolve)));
    if (of.enum !== undefined) return fc.constantFrom(...of.enum);
    const types = [of.type ?? []].flat();
    if (types.includes("array")) return fc.array(near(of.items ?? {}, resolve), { maxLength: 2 });
    if (types.includes("object")) {
      const fields = Object.entries(of.properties ?? {}).map(([name, one]) => [name, near(one, resolve)]);
      const every = fc.record(Object.fromEntries(fields));
      return fc.oneof({ weight: 4, arbitrary: every }, fc.record(Object.fromEntries(fields), { requiredKeys: [] }));
    }
    return fc.constantFrom(null, true, "x", 0, -1, 1.5, 7);
  };
  return fc.oneof({ weight: 12, arbitrary: fitting() }, { weight: 1, arbitrary: value });
}

test("says of any value and schema what ajv says", () => {
  const tally = { true: 0, false: 0 };
  fc.assert(
    fc.property(schema, fc.array(value, { minLength: 5, maxLength: 15 }), (one, values) => {
      const ajv = ajvSays(one);
      for (const each of values) {
        const expected = ajv(each);
        tally[`${expected}`] += 1;
        expect(violations(each, one, noRefs).length === 0).toBe(expected);
      }
    }),
    { numRuns: 300 },
  );
  expect(Math.min(tally.true, tally.false)).toBeGreaterThan(200);
});

describe.skipIf(contractDocuments() === null)("the documents (skipped where ../shared/contracts is not there)", () => {
  const documents = Object.entries(contractDocuments() ?? {});

  it.each(documents)("of values for every schema of %s, ajv says the same", (name, document) => {
    const schemas = document.components.schemas as Record<string, Schema>;
    const resolve: Resolve = (ref) => schemas[ref.slice(ref.lastIndexOf("/") + 1)] as Schema;
    const ajv = new Ajv2020({ strict: false, formats: Object.fromEntries(FORMATS.map((format) => [format, true])) });
    ajv.addSchema(document, name);
    for (const schemaName of Object.keys(schemas)) {
      const pointer = `#/components/schemas/${schemaName}`;
      const says = ajv.getSchema(name + pointer);
      fc.assert(
        fc.property(near({ $ref: pointer }, resolve), (each) => {
          // A form of text that is not right is said last, and is for the next test.
          const said = violations(each, { $ref: pointer }, resolve).filter((one) => !isOfFormat(one));
          expect(said.length === 0).toBe(says?.(each));
        }),
        { numRuns: 40 },
      );
    }
  });
});

/** Where ajv asks no more: an alternative repeats what was said of its parts, the format's refusal last. */
const isOfFormat = (said: string) => FORMATS.some((format) => said.endsWith(` is no ${format}`));

it("asserts the formats of the documents", () => {
  const fits = (format: string, each: unknown) => violations(each, { format }, noRefs).length === 0;
  const table: [format: string, good: unknown[], bad: unknown[]][] = [
    ["date-time", ["2026-11-21T14:00:00.000Z", "2026-11-21T14:00:00+02:00"], ["2026-11-21", "1795270000", ""]],
    ["email", ["ada@acme.example"], ["ada", "", "ada@"]],
    ["int32", [0, -(2 ** 31), 2 ** 31 - 1], [2 ** 31, -(2 ** 31) - 1]],
    ["int64", [0, Number.MAX_SAFE_INTEGER], [2 ** 60]],
    ["unix-timestamp", [0, 1_795_270_000], [1_795_270_000_000, -1]],
  ];
  expect(table.map(([format]) => format)).toEqual(FORMATS);
  for (const [format, good, bad] of table) {
    for (const each of [...good, null]) expect([format, each, fits(format, each)]).toEqual([format, each, true]);
    for (const each of bad) expect([format, each, fits(format, each)]).toEqual([format, each, false]);
  }
});

it("throws at a keyword, type or format that it does not know", () => {
  for (const unknown of [{ maxProperties: 1 }, { type: "date" }, { format: "uuid" }, { $defs: {} }]) {
    expect(() => violations("x", unknown as Schema, noRefs)).toThrow("which is not understood here");
  }
});

it("says where a value goes wrong", () => {
  const of: Schema = {
    type: "object",
    required: ["a"],
    properties: { b: { type: "array", items: { type: "string" } } },
  };
  expect(violations({ b: ["x", 1] }, of, noRefs)).toEqual(["/a is missing", "/b/1 is no string"]);
});

import * as z from "zod";
import type { Resolve, Schema } from "./subset.ts";

type Check = (value: unknown, schema: Schema, resolve: Resolve, at: string) => string[];

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Number.MAX_SAFE_INTEGER stands for int64: what JSON says beyond it, no client of JavaScript reads as it was sent. */
const FORMATS: Readonly<Record<string, (value: unknown) => boolean>> = {
  "date-time": (value) => typeof value !== "string" || z.iso.datetime({ offset: true }).safeParse(value).success,
  email: (value) => typeof value !== "string" || z.email().safeParse(value).success,
  int32: (value) => typeof value !== "number" || (value >= -(2 ** 31) && value < 2 ** 31),
  int64: (value) => typeof value !== "number" || Math.abs(value) <= Number.MAX_SAFE_INTEGER,
  // Seconds: a time in milliseconds would be in the year 50,000.
  "unix-timestamp": (value) => typeof value !== "number" || (value >= 0 && value < 2 ** 33),
};

const TYPES: Readonly<Record<string, (value: unknown) => boolean>> = {
  null: (value) => value === null,
  boolean: (value) => typeof value === "boolean",
  string: (value) => typeof value === "string",
  number: (value) => typeof value === "number",
  integer: Number.isInteger,
  array: Array.isArray,
  object: isObject,
};

/** What is said of a schema and demands nothing. */
const SILENT = ["title", "description", "deprecated", "example"];

const KEYWORDS: Readonly<Record<string, Check>> = {
  $ref: (value, { $ref }, resolve, at) => violations(value, resolve($ref as string), resolve, at),
  type: (value, { type }, _, at) => {
    const types = [type ?? []].flat();
    return types.some((name) => known(TYPES, name)(value)) ? [] : [`${at} is no ${types.join(" or ")}`];
  },
  enum: (value, { enum: values = [] }, _, at) => (values.includes(value) ? [] : [`${at} is not one of ${values}`]),
  minimum: (value, { minimum = 0 }, _, at) =>
    typeof value === "number" && value < minimum ? [`${at} is below ${minimum}`] : [],
  format: (value, { format = "" }, _, at) => (known(FORMATS, format)(value) ? [] : [`${at} is no ${format}`]),
  required: (value, { required = [] }, _, at) =>
    isObject(value)
      ? required.filter((name) => !Object.hasOwn(value, name)).map((name) => `${at}/${name} is missing`)
      : [],
  properties: (value, { properties = {} }, resolve, at) =>
    isObject(value)
      ? Object.entries(properties).flatMap(([name, schema]) =>
          Object.hasOwn(value, name) ? violations(value[name], schema, resolve, `${at}/${name}`) : [],
        )
      : [],
  items: (value, { items = {} }, resolve, at) =>
    Array.isArray(value) ? value.flatMap((item, i) => violations(item, items, resolve, `${at}/${i}`)) : [],
  oneOf: (value, { oneOf = [] }, resolve, at) => {
    const tried = oneOf.map((schema) => violations(value, schema, resolve, at));
    const fitting = tried.filter((said) => said.length === 0).length;
    if (fitting === 1) return [];
    return [`${at} fits ${fitting} alternatives of ${oneOf.length}: ${tried.flat().join("; ")}`];
  },
};

/**
 * Why a value does not satisfy a JSON Schema (draft 2020-12, formats asserted); nothing where it does. Interprets the
 * keywords that the published documents use, as workerd compiles no code at run time, and throws at any other: what is not
 * understood is not passed over.
 */
export function violations(value: unknown, schema: Schema, resolve: Resolve, at = ""): string[] {
  return Object.keys(schema)
    .filter((keyword) => !SILENT.includes(keyword))
    .flatMap((keyword) => known(KEYWORDS, keyword)(value, schema, resolve, at));
}

function known<T>(table: Readonly<Record<string, T>>, name: string): T {
  if (!Object.hasOwn(table, name))
    throw new TypeError(`a contract's schema says ${name}, which is not understood here`);
  return table[name] as T;
}

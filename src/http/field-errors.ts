import type * as z from "zod";
import type { FieldError } from "../core/problem.ts";

/** More would only help whoever probes. */
export const MAX_FIELD_ERRORS = 20;

type Issue = z.core.$ZodIssue;

/**
 * Zod's issues as fixed sentences. They are made from the schema alone (expected type, bounds, allowed values), never
 * from zod's own message or from the value: what a caller sent must not come back out of here or into a log.
 */
export function fieldErrors(issues: readonly Issue[], value: unknown): FieldError[] {
  const errors = new Map<string, FieldError>();
  for (const issue of issues.slice(0, MAX_FIELD_ERRORS)) {
    const { issue: inner, path } = innermost(issue, issue.path);
    const name = safePath(path);
    // Of a wrong type the bounds are wrong too; the first thing said of a field is enough.
    if (!errors.has(name))
      errors.set(name, { path: name, message: isMissing(value, path) ? "is required" : message(inner) });
  }
  return [...errors.values()];
}

/** `os.kind`, `items.3.id`; a key that is not a plain name can only come from the caller and becomes `*`. */
export function safePath(path: readonly PropertyKey[]): string {
  return path
    .map((key) => (typeof key === "number" || /^[A-Za-z0-9_-]{1,64}$/.test(String(key)) ? String(key) : "*"))
    .join(".");
}

/** Of a union, the branch that came furthest: its field is what the caller meant to get right. */
function innermost(issue: Issue, path: readonly PropertyKey[]): { issue: Issue; path: readonly PropertyKey[] } {
  if (issue.code !== "invalid_union") return { issue, path };
  const deepest = issue.errors
    .map((branch) => branch[0])
    .filter((inner) => inner !== undefined)
    .toSorted((a, b) => b.path.length - a.path.length)[0];
  if (deepest === undefined || deepest.path.length === 0) return { issue, path };
  return innermost(deepest, [...path, ...deepest.path]);
}

function isMissing(value: unknown, path: readonly PropertyKey[]): boolean {
  let at = value;
  for (const key of path) {
    if (typeof at !== "object" || at === null || !Object.hasOwn(at, key)) return true;
    at = (at as Record<PropertyKey, unknown>)[key];
  }
  return at === undefined;
}

const TYPES: Readonly<Record<string, string>> = {
  string: "must be a string",
  number: "must be a number",
  int: "must be an integer",
  bigint: "must be an integer",
  boolean: "must be true or false",
  object: "must be an object",
  record: "must be an object",
  array: "must be an array",
  tuple: "must be an array",
  null: "must be null",
  date: "must be a date",
};

function message(issue: Issue): string {
  switch (issue.code) {
    case "invalid_type":
      return TYPES[issue.expected] ?? "has the wrong type";
    case "invalid_value":
      return `must be one of: ${issue.values.map(String).join(", ")}`;
    case "invalid_format":
      return issue.format === "regex" ? "has the wrong format" : `must be in the format: ${issue.format}`;
    case "too_small":
      return `must be ${issue.inclusive === false ? "more than" : "at least"} ${issue.minimum}${unit(issue.origin)}`;
    case "too_big":
      return `must be ${issue.inclusive === false ? "less than" : "at most"} ${issue.maximum}${unit(issue.origin)}`;
    case "not_multiple_of":
      return `must be a multiple of ${issue.divisor}`;
    case "unrecognized_keys":
      return "has a field that is not allowed";
    case "invalid_union":
      return "has none of the allowed forms";
    case "invalid_key":
    case "invalid_element":
    case "custom":
      return "is not allowed";
    default:
      return "is not valid";
  }
}

function unit(origin: string): string {
  if (origin === "string") return " characters long";
  return origin === "array" || origin === "set" || origin === "map" ? " entries long" : "";
}

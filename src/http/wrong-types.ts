import type { JsonSchema } from "./openapi.ts";

export interface WrongType {
  /** `os.kind` */
  path: string;
  body: unknown;
}

/** One value of every JSON type, the least likely to be coerced first. */
const CANDIDATES: readonly (readonly [type: string, value: unknown])[] = [
  ["object", { ebb: { nested: true } }],
  ["array", [[]]],
  ["boolean", true],
  ["number", 1.5],
  ["string", "ebb"],
];

/**
 * For every property of a body schema, nested ones included, the example with that property set to a value of a type
 * that the schema does not allow; and the body as a whole of a wrong type. Fields that allow everything are left out.
 */
export function wrongTypes(schema: JsonSchema, example: unknown): WrongType[] {
  const whole = wrongValue(schema);
  return [...(whole === undefined ? [] : [{ path: "", body: whole.value }]), ...fieldsOf(schema, example, [])];
}

function fieldsOf(schema: JsonSchema, example: unknown, at: readonly string[]): WrongType[] {
  return objectForms(schema).flatMap((form) =>
    Object.entries(form.properties ?? {}).flatMap(([name, property]) => {
      const path = [...at, name];
      const wrong = wrongValue(property);
      const own = wrong === undefined ? [] : [{ path: path.join("."), body: replaced(example, path, wrong.value) }];
      return [...own, ...fieldsOf(property, example, path)];
    }),
  );
}

function wrongValue(schema: JsonSchema): { value: unknown } | undefined {
  const allowed = typesOf(schema);
  const found = CANDIDATES.find(([type]) => !allowed.has(type) && !allowed.has("any"));
  return found === undefined ? undefined : { value: found[1] };
}

function typesOf(schema: JsonSchema): Set<string> {
  const branches = schema.anyOf ?? schema.oneOf;
  if (branches !== undefined) return new Set(branches.flatMap((branch) => [...typesOf(branch)]));
  const named = schema.type === undefined ? valuesOf(schema).map((value) => typeof value) : [schema.type].flat();
  if (named.length === 0) return new Set(["any"]);
  return new Set(named.map((type) => (type === "integer" ? "number" : type)));
}

function valuesOf(schema: JsonSchema): unknown[] {
  return "const" in schema ? [schema.const] : (schema.enum ?? []);
}

/** The forms of a schema that are objects with named properties. */
function objectForms(schema: JsonSchema): JsonSchema[] {
  const branches = schema.anyOf ?? schema.oneOf;
  return branches === undefined ? [schema] : branches.flatMap(objectForms);
}

/** A copy of `value` with the property at `path` replaced; objects missing on the way are made. */
function replaced(value: unknown, path: readonly string[], wrong: unknown): unknown {
  const [name, ...rest] = path;
  if (name === undefined) return wrong;
  const object: Record<string, unknown> = typeof value === "object" && value !== null ? { ...value } : {};
  object[name] = replaced(object[name], rest, wrong);
  return object;
}

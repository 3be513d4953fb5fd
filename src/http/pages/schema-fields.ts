import type { JsonSchema } from "../openapi.ts";

/** A row of a table of fields. */
export interface SchemaField {
  /** `os.kind`; `items[].id` inside an array, `*` for any key of a map. */
  path: string;
  type: string;
  required: boolean;
  /** Bounds, allowed values, default: what the type alone does not say. */
  limits: string[];
  description: string;
}

/** The fields of a JSON Schema (as zod writes it), parents before children, flat. */
export function schemaFields(schema: JsonSchema, prefix = ""): SchemaField[] {
  return Object.entries(propertiesOf(schema)).flatMap(([name, property]) => {
    const path = prefix === "" ? name : `${prefix}.${name}`;
    return [describe(path, property, isRequired(schema, name)), ...children(property, path)];
  });
}

/** `string`, `integer or null`, `array of object`. */
export function schemaType(schema: JsonSchema): string {
  const { type, items } = schema;
  const branches = branchesOf(schema);
  if (branches.length > 0) return [...new Set(branches.map(schemaType))].join(" or ");
  if (Array.isArray(type)) return type.join(" or ");
  if (type === "array") return items === undefined ? "array" : `array of ${schemaType(items)}`;
  if (typeof type === "string") return type;
  return "const" in schema ? typeof schema.const : "any";
}

function describe(path: string, schema: JsonSchema, required: boolean): SchemaField {
  return { path, type: schemaType(schema), required, limits: limitsOf(schema), description: schema.description ?? "" };
}

function children(schema: JsonSchema, path: string): SchemaField[] {
  const { type, items, additionalProperties } = schema;
  const branches = branchesOf(schema);
  if (branches.length > 0) {
    const seen = new Set<string>();
    return branches
      .flatMap((branch) => children(branch, path))
      .filter((field) => !seen.has(field.path) && seen.add(field.path));
  }
  if (type === "array" && items !== undefined) return children(items, `${path}[]`);
  const fields = schemaFields(schema, path);
  if (typeof additionalProperties !== "object") return fields;
  return [
    ...fields,
    describe(`${path}.*`, additionalProperties, false),
    ...children(additionalProperties, `${path}.*`),
  ];
}

/** Properties of an object, or of all forms of a union. */
function propertiesOf(schema: JsonSchema): Record<string, JsonSchema> {
  return Object.assign({}, ...branchesOf(schema).map(propertiesOf), schema.properties) as Record<string, JsonSchema>;
}

/** Demanded by every form that knows the field: `null` beside an object makes none of its fields optional. */
function isRequired(schema: JsonSchema, name: string): boolean {
  const forms = branchesOf(schema).filter((branch) => name in propertiesOf(branch));
  if (forms.length > 0) return forms.every((form) => isRequired(form, name));
  return schema.required?.includes(name) === true;
}

function branchesOf(schema: JsonSchema): JsonSchema[] {
  return schema.anyOf ?? schema.oneOf ?? [];
}

const BOUNDS: readonly (readonly [string, (bound: string) => string])[] = [
  ["const", (value) => `always ${value}`],
  ["enum", (values) => (values.includes(",") ? `one of ${values}` : `always ${values}`)],
  ["minLength", (n) => (n === "1" ? "not empty" : `at least ${n} characters`)],
  ["maxLength", (n) => `at most ${n} characters`],
  ["minimum", (n) => `≥ ${n}`],
  ["maximum", (n) => `≤ ${n}`],
  ["exclusiveMinimum", (n) => `> ${n}`],
  ["exclusiveMaximum", (n) => `< ${n}`],
  ["minItems", (n) => (n === "1" ? "not empty" : `at least ${n} entries`)],
  ["maxItems", (n) => `at most ${n} entries`],
  ["format", (format) => `format ${format}`],
  ["default", (value) => `default ${value}`],
];

/** The bounds of JavaScript's safe integers are zod's way of saying "integer", not a limit worth printing. */
function limitsOf(schema: JsonSchema): string[] {
  const own = BOUNDS.filter(
    ([key]) => schema[key] !== undefined && Math.abs(Number(schema[key])) !== Number.MAX_SAFE_INTEGER,
  );
  const values = own.map(([key, say]) => say([schema[key]].flat().map(String).join(", ")));
  return [...values, ...new Set(branchesOf(schema).flatMap(limitsOf))];
}

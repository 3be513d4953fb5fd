import type { Resolve, Schema } from "./subset.ts";

/** Makes the value of a field, by its name: ids and secrets of a prepared world, each when it is needed. */
export type Givens = Readonly<Record<string, () => unknown>>;

/** Which of a schema's optional fields are sent: all of them, none, or all with null where it is allowed. */
const MODES = ["full", "bare", "null"] as const;

/**
 * The values that a schema allows, one a kind: each alternative, and each with all optional fields, with none and with
 * null for those that may be. A form cannot say null. Fields that are given by name have that value, new for each.
 */
export async function examples(schema: Schema, givens: Givens, resolve: Resolve, isForm = false): Promise<unknown[]> {
  const values: unknown[] = [];
  for (const shape of shapes(schema, resolve, isForm)) values.push(await filled(shape, givens));
  return values;
}

/** The schema without alternatives and options, once for each that there is. */
function shapes(schema: Schema, resolve: Resolve, isForm: boolean): Schema[] {
  if (schema.$ref !== undefined) return shapes(resolve(schema.$ref), resolve, isForm);
  const forms = (schema.oneOf ?? []).flatMap((one) => shapes(one, resolve, isForm));
  if (forms.length > 0) return isForm ? forms.filter(({ type }) => type !== "null") : forms;
  if (Array.isArray(schema.type)) {
    return schema.type.flatMap((type: string) => shapes({ ...schema, type }, resolve, isForm));
  }
  if (schema.type === "null" && isForm) return [];
  if (schema.items !== undefined) return shapes(schema.items, resolve, isForm).map((items) => ({ ...schema, items }));
  if (schema.type !== "object") return [schema];
  const objects = MODES.map((mode): Schema => {
    const named = Object.entries(schema.properties ?? {}).filter(
      ([name]) => mode !== "bare" || schema.required?.includes(name) === true,
    );
    const properties = named.map(([name, property]) => {
      const kinds = shapes(property, resolve, isForm);
      const isNull = ({ type }: Schema) => type === "null";
      return [name, kinds.find((kind) => isNull(kind) === (mode === "null")) ?? kinds[0]];
    });
    return { type: "object", properties: Object.fromEntries(properties) };
  });
  const seen = new Set<string>();
  return objects.filter((one) => !seen.has(JSON.stringify(one)) && seen.add(JSON.stringify(one)));
}

async function filled(shape: Schema, givens: Givens, name = ""): Promise<unknown> {
  if (shape.enum !== undefined) return shape.enum[0];
  if (shape.type === "null") return null;
  if (Object.hasOwn(givens, name)) return await givens[name]?.();
  if (shape.type === "object") {
    const fields: [string, unknown][] = [];
    for (const [key, property] of Object.entries(shape.properties ?? {})) {
      fields.push([key, await filled(property, givens, key)]);
    }
    return Object.fromEntries(fields);
  }
  if (shape.type === "array") return [await filled(shape.items ?? {}, givens)];
  if (shape.type === "boolean") return true;
  return shape.type === "integer" || shape.type === "number" ? 1 : "text";
}

/** A JSON Schema, as far as the contract's documents and ours use it. */
export interface Schema {
  $ref?: string;
  type?: string | readonly string[];
  properties?: Record<string, Schema>;
  required?: readonly string[];
  items?: Schema;
  enum?: readonly unknown[];
  const?: unknown;
  oneOf?: readonly Schema[];
  anyOf?: readonly Schema[];
  maxLength?: number;
  minLength?: number;
  maxItems?: number;
  pattern?: string;
  format?: string;
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
}

export type Resolve = (ref: string) => Schema;

/**
 * Why not every value of `a` is one of `b`; nothing where every one is. Structural: alternatives of `b` are tried one by
 * one, and fields that `b` does not name may hold anything. `bounds` says whether sizes and forms of text count: what is
 * sent to us is bounded everywhere, which is one deviation and not a hundred.
 */
export function notWithin(
  a: Schema,
  b: Schema,
  resolve: { a: Resolve; b: Resolve },
  bounds: boolean,
  at = "",
): string[] {
  if (a.$ref !== undefined) return notWithin(resolve.a(a.$ref), b, resolve, bounds, at);
  if (b.$ref !== undefined) return notWithin(a, resolve.b(b.$ref), resolve, bounds, at);
  const parts = a.oneOf ?? a.anyOf;
  if (parts !== undefined) return parts.flatMap((part) => notWithin(part, b, resolve, bounds, at));
  const types = typesOf(a);
  if (types.length > 1) return types.flatMap((type) => notWithin({ ...a, type }, b, resolve, bounds, at));
  const choices = b.oneOf ?? b.anyOf;
  if (choices !== undefined) {
    const tried = choices.map((choice) => notWithin(a, choice, resolve, bounds, at));
    return tried.some((reasons) => reasons.length === 0)
      ? []
      : [`${at}: fits no alternative (${tried.flat().join("; ")})`];
  }
  return [...typeMismatch(a, b, at), ...valueMismatch(a, b, bounds, at), ...insideMismatch(a, b, resolve, bounds, at)];
}

function typesOf({ type, enum: values, const: value }: Schema): string[] {
  if (type !== undefined) return typeof type === "string" ? [type] : [...type];
  const known = values ?? (value === undefined ? [] : [value]);
  return [...new Set(known.map((one) => (one === null ? "null" : typeof one)))];
}

function typeMismatch(a: Schema, b: Schema, at: string): string[] {
  const [type] = typesOf(a);
  const allowed = typesOf(b);
  if (allowed.length === 0) return [];
  if (type === undefined) return [`${at}: may be anything, and must be ${allowed}`];
  return allowed.includes(type) || (type === "integer" && allowed.includes("number"))
    ? []
    : [`${at}: ${type} is not ${allowed}`];
}

function valueMismatch(a: Schema, b: Schema, bounds: boolean, at: string): string[] {
  const values = (schema: Schema) => schema.enum ?? (schema.const === undefined ? undefined : [schema.const]);
  const [mine, theirs] = [values(a), values(b)];
  const wrong: string[] = [];
  if (theirs !== undefined && !(mine?.every((value) => theirs.includes(value)) ?? false)) {
    wrong.push(`${at}: other values than ${JSON.stringify(theirs)}`);
  }
  if (!bounds) return wrong;
  if (b.minimum !== undefined && (a.minimum ?? Number.NEGATIVE_INFINITY) < b.minimum)
    wrong.push(`${at}: below ${b.minimum}`);
  if (b.format === "date-time" && a.format !== "date-time") wrong.push(`${at}: no date-time`);
  return wrong;
}

function insideMismatch(
  a: Schema,
  b: Schema,
  resolve: { a: Resolve; b: Resolve },
  bounds: boolean,
  at: string,
): string[] {
  const missing = (b.required ?? []).filter((name) => !(a.required ?? []).includes(name));
  const wrong = missing.map((name) => `${at}/${name}: may be missing`);
  for (const [name, schema] of Object.entries(b.properties ?? {})) {
    const mine = a.properties?.[name];
    if (mine !== undefined) wrong.push(...notWithin(mine, schema, resolve, bounds, `${at}/${name}`));
  }
  if (b.items !== undefined && a.items !== undefined) {
    wrong.push(...notWithin(a.items, b.items, resolve, bounds, `${at}[]`));
  }
  return wrong;
}

/** Fields that `b` has and `a` does not, however deep: what the one document says and the other leaves out. */
export function fieldsMissing(a: Schema, b: Schema, resolve: { a: Resolve; b: Resolve }, at = ""): string[] {
  if (a.$ref !== undefined) return fieldsMissing(resolve.a(a.$ref), b, resolve, at);
  if (b.$ref !== undefined) return fieldsMissing(a, resolve.b(b.$ref), resolve, at);
  const ofA = [a, ...(a.oneOf ?? a.anyOf ?? []).map((part) => (part.$ref === undefined ? part : resolve.a(part.$ref)))];
  const ofB = b.oneOf ?? b.anyOf;
  if (ofB !== undefined) return ofB.flatMap((part) => fieldsMissing(a, part, resolve, at));
  const named = Object.entries(b.properties ?? {}).flatMap(([name, schema]) => {
    const mine = ofA.map((part) => part.properties?.[name]).find((part) => part !== undefined);
    return mine === undefined ? [`${at}/${name}: is not there`] : fieldsMissing(mine, schema, resolve, `${at}/${name}`);
  });
  const items = ofA.map((part) => part.items).find((part) => part !== undefined);
  return b.items !== undefined && items !== undefined
    ? [...named, ...fieldsMissing(items, b.items, resolve, `${at}[]`)]
    : named;
}

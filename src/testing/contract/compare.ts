import { fieldsMissing, notWithin, type Schema } from "./subset.ts";

/** An OpenAPI 3.1 document, as far as it is compared. */
export interface Document {
  paths: Record<string, Record<string, unknown>>;
  components: { schemas?: Record<string, unknown> };
}

interface Operation {
  parameters?: { name: string; in: string; required?: boolean; schema?: Schema }[];
  requestBody?: { required?: boolean; content: Record<string, { schema?: Schema }> };
  responses: Record<string, { content?: Record<string, { schema?: Schema }> }>;
}

/** Where one document does less than the other: `POST /oauth2/token`, and what. */
export interface Difference {
  operation: string;
  what: string;
}

/**
 * Every way in which `ours` is no superset of `theirs`: a path, method, success status, parameter or field that is not
 * there, something that is taken there and not here, or something that comes back here and could not there.
 */
export function differences(ours: Document, theirs: Document): Difference[] {
  return Object.entries(theirs.paths).flatMap(([path, methods]) =>
    Object.entries(methods).flatMap(([method, operation]) => {
      const name = `${method.toUpperCase()} ${path}`;
      const mine = ours.paths[path]?.[method] as Operation | undefined;
      const said = mine === undefined ? ["is not there"] : compared(mine, operation as Operation, ours, theirs);
      return said.map((what) => ({ operation: name, what }));
    }),
  );
}

function compared(mine: Operation, other: Operation, ours: Document, theirs: Document): string[] {
  const of = (document: Document) => (ref: string) =>
    document.components.schemas?.[ref.slice(ref.lastIndexOf("/") + 1)] as Schema;
  const sent = { a: of(theirs), b: of(ours) };
  const got = { a: of(ours), b: of(theirs) };
  return [
    ...parameters(mine, other, sent),
    ...body(mine, other, sent),
    ...Object.entries(other.responses).flatMap(([status, response]) => {
      const answer = mine.responses[status];
      if (answer === undefined) return [`answer ${status} is not there`];
      return Object.entries(response.content ?? {}).flatMap(([type, { schema }]) => {
        // Errors of the account API are problem details, which have the contract's fields too.
        const content = answer.content?.[type] ?? answer.content?.["application/problem+json"];
        if (content?.schema === undefined || schema === undefined) return [`answer ${status} has no ${type}`];
        const missing = fieldsMissing(content.schema, schema, got);
        return [...missing, ...notWithin(content.schema, schema, got, true)].map((what) => `answer ${status} ${what}`);
      });
    }),
  ];
}

type Resolvers = Parameters<typeof notWithin>[2];

function parameters(mine: Operation, other: Operation, sent: Resolvers): string[] {
  const known = new Map((mine.parameters ?? []).map((parameter) => [`${parameter.in} ${parameter.name}`, parameter]));
  const wrong = (other.parameters ?? []).flatMap((parameter) => {
    const ours = known.get(`${parameter.in} ${parameter.name}`);
    if (ours === undefined) return [`parameter ${parameter.name} is not there`];
    return notWithin(parameter.schema ?? {}, ours.schema ?? {}, sent, false).map(
      (what) => `parameter ${parameter.name} ${what}`,
    );
  });
  const given = new Set((other.parameters ?? []).filter(({ required }) => required).map(({ name }) => name));
  const needed = [...known.values()].filter(({ required, name }) => required && !given.has(name));
  return [...wrong, ...needed.map(({ name }) => `parameter ${name} is needed`)];
}

function body(mine: Operation, other: Operation, sent: Resolvers): string[] {
  if (other.requestBody === undefined) return mine.requestBody?.required ? ["a body is needed"] : [];
  return Object.entries(other.requestBody.content).flatMap(([type, { schema = {} }]) => {
    const ours = mine.requestBody?.content[type]?.schema;
    if (ours === undefined) return [`body of ${type} is not taken`];
    const reversed = { a: sent.b, b: sent.a };
    return [...fieldsMissing(ours, schema, reversed), ...notWithin(schema, ours, sent, false)].map(
      (what) => `body ${what}`,
    );
  });
}

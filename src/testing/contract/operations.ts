import type { ContractDocuments } from "./files.ts";
import type { Resolve, Schema } from "./subset.ts";

/** One operation of a published document, as far as calling it needs. */
export interface ContractOperation {
  document: string;
  /** `POST /oauth2/token` */
  name: string;
  method: string;
  path: string;
  /** By where they go. */
  parameters: Record<"path" | "query", Schema>;
  body: { type: BodyType; schema: Schema } | null;
  /** Names of security schemes, any of which will do; null where the document says nothing. */
  security: string[] | null;
  success: { status: number; schema: Schema | null };
  resolve: Resolve;
}

export type BodyType = "application/json" | "application/x-www-form-urlencoded";

interface Declared {
  parameters?: { name: string; in: "path" | "query"; required?: boolean; schema: Schema }[];
  requestBody?: { content: Partial<Record<BodyType, { schema: Schema }>> };
  responses: Record<string, { content?: Record<string, { schema?: Schema }> }>;
  security?: Record<string, string[]>[];
}

/** Every operation of both documents; one that is in both comes twice, as each declares it. */
export function contractOperations(documents: ContractDocuments): ContractOperation[] {
  return Object.entries(documents).flatMap(([document, { paths, components }]) => {
    const schemas = components.schemas as Record<string, Schema>;
    const resolve: Resolve = (ref) => schemas[ref.slice(ref.lastIndexOf("/") + 1)] as Schema;
    return Object.entries(paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => {
        const declared = operation as unknown as Declared;
        const [type, content] = Object.entries(declared.requestBody?.content ?? {})[0] ?? [];
        return {
          document,
          name: `${method.toUpperCase()} ${path}`,
          method: method.toUpperCase(),
          path,
          parameters: { path: parametersOf(declared, "path"), query: parametersOf(declared, "query") },
          body: content === undefined ? null : { type: type as BodyType, schema: content.schema },
          security: declared.security?.flatMap((one) => Object.keys(one)) ?? null,
          success: successOf(declared),
          resolve,
        };
      }),
    );
  });
}

function parametersOf({ parameters = [] }: Declared, where: "path" | "query"): Schema {
  const own = parameters.filter((parameter) => parameter.in === where);
  return {
    type: "object",
    required: own.filter(({ required }) => required).map(({ name }) => name),
    properties: Object.fromEntries(own.map(({ name, schema }) => [name, schema])),
  };
}

/** The published documents name one status below 400 for each operation. */
function successOf({ responses }: Declared): ContractOperation["success"] {
  const [[status, response] = ["", {}], ...others] = Object.entries(responses).filter(([code]) => Number(code) < 400);
  if (status === "" || others.length > 0) throw new Error("an operation has not one success status");
  return { status: Number(status), schema: response.content?.["application/json"]?.schema ?? null };
}

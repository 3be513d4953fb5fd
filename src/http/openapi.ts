import * as z from "zod";
import { isPermission, opens } from "../core/permission.ts";
import { PROBLEMS, Problem, type ProblemName } from "../core/problem.ts";
import { EXAMPLE_REQUEST_ID, OPENAPI_COMPONENTS, SECURITY_NOTES, securityRequirement } from "./openapi-components.ts";
import { isOAuthPath, oauthErrorBody, problemBody } from "./problem-response.ts";
import { isAccount, type RouteDefinition, type RouteFacts } from "./route.ts";
import { assertUnique } from "./route-table.ts";

/** JSON Schema 2020-12, as far as zod writes it and these documents read it. */
export interface JsonSchema {
  [keyword: string]: unknown;
  type?: string | string[];
  description?: string;
  properties?: Record<string, JsonSchema>;
  required?: string[];
  items?: JsonSchema;
  additionalProperties?: JsonSchema | boolean;
  anyOf?: JsonSchema[];
  oneOf?: JsonSchema[];
  const?: unknown;
  enum?: unknown[];
}

export interface DocumentInfo {
  publicUrl: string;
  version: string;
}

const ref = (section: string, name: string) => ({ $ref: `#/components/${section}/${name}` });

/** The OpenAPI 3.1 document of the registry: the same routes in the same order always give the same text. */
export function openApiDocument(routes: readonly RouteDefinition[], info: DocumentInfo): Record<string, unknown> {
  assertUnique(routes);
  const paths: Record<string, Record<string, unknown>> = {};
  for (const route of routes) {
    paths[route.path] = { ...paths[route.path], [route.method.toLowerCase()]: operation(route) };
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "Ebb",
      version: info.version,
      summary: "The cloud side of software that runs on other people's machines.",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    servers: [{ url: info.publicUrl }],
    tags: [...new Set(routes.flatMap((route) => route.tags))].map((name) => ({ name })),
    paths,
    components: OPENAPI_COMPONENTS,
  };
}

function operation(route: RouteDefinition): Record<string, unknown> {
  const description = [
    route.description,
    SECURITY_NOTES[route.security],
    route.permission === undefined ? undefined : `Needs the permission \`${route.permission}\`.`,
  ]
    .filter((paragraph) => paragraph !== undefined)
    .join("\n\n");
  const parameters = [
    ...parametersOf(route.params, "path"),
    ...parametersOf(route.query, "query", route.exampleQuery),
    ...headerParameters(route),
  ];
  return {
    tags: route.tags,
    summary: route.summary,
    description,
    operationId: route.operationId,
    security: securityRequirement(route.security, route.scope),
    ...(route.security === "client-secret" || route.security === "registration-key"
      ? { "x-credential-in-body": route.security }
      : {}),
    ...(route.permission === undefined ? {} : { "x-permission": route.permission }),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(route.body === undefined ? {} : { requestBody: requestBody(route.body) }),
    responses: { ...successes(route), ...refusals(route) },
  };
}

function requestBody(body: NonNullable<RouteDefinition["body"]>): Record<string, unknown> {
  return {
    description: `At most ${body.maxBytes} bytes. Unknown fields are ignored.`,
    required: body.required,
    content: { [body.content]: { schema: inputSchema(body.schema), example: body.example } },
  };
}

function parametersOf(
  schema: RouteFacts["params"],
  place: "path" | "query",
  example?: RouteFacts["exampleQuery"],
): Record<string, unknown>[] {
  if (schema === undefined) return [];
  const { properties = {}, required = [] } = inputSchema(schema);
  return Object.entries(properties).map(([name, { description, ...property }]) => ({
    name,
    in: place,
    required: place === "path" || required.includes(name),
    ...(description === undefined ? {} : { description }),
    schema: property,
    ...(example?.[name] === undefined ? {} : { example: example[name] }),
  }));
}

/** What account routes and registration read of the headers beside the credential. */
function headerParameters({ security, method, permission }: RouteFacts): Record<string, unknown>[] {
  const header = (name: string, description: string, maxLength: number) => ({
    name,
    in: "header",
    required: false,
    description,
    schema: { type: "string", maxLength },
  });
  const named = header("Idempotency-Key", "Names this request: its repeat within 24 hours changes nothing more.", 255);
  if (security === "registration-key") return [named];
  if (!isAccount(security)) return [];
  return [
    ...(permission !== undefined && isPermission(permission) && opens(permission)
      ? [header("Ebb-Reason", "Why an operator opens another tenant's data; its audit trail says so.", 200)]
      : []),
    ...(method === "POST" ? [named] : []),
  ];
}

function successes(route: RouteDefinition): Record<string, unknown> {
  const entries = Object.entries(route.responses).map(([status, response]) => {
    const { description, schema, example, headers = {} } = response;
    const own = Object.entries(headers).map(([name, text]) => [
      name,
      { description: text, schema: { type: "string" } },
    ]);
    const media = {
      ...(schema === undefined ? {} : { schema: outputSchema(schema) }),
      ...(example === undefined ? {} : { example }),
    };
    return [
      status,
      {
        description,
        headers: { ...standardHeaders(route), ...Object.fromEntries(own) },
        ...(Object.keys(media).length === 0 && response.contentType === undefined
          ? {}
          : { content: { [response.contentType ?? "application/json"]: media } }),
      },
    ];
  });
  return Object.fromEntries(entries);
}

/** One response per status: which problems it stands for, the schema of its surface, an example of each. */
function refusals(route: RouteDefinition): Record<string, unknown> {
  const oauth = isOAuthPath(route.path);
  const byStatus = Map.groupBy(route.problems, (name) => PROBLEMS[name].status);
  const entries = [...byStatus].map(([status, names]) => [
    String(status),
    {
      description: names.map((name) => `\`${name}\`: ${PROBLEMS[name].title}`).join("\n\n"),
      headers: {
        ...standardHeaders(route, status),
        ...(status === 401 ? { "WWW-Authenticate": ref("headers", "WWW-Authenticate") } : {}),
        ...(status === 429 || status === 503 ? { "Retry-After": ref("headers", "Retry-After") } : {}),
      },
      content: {
        [oauth ? "application/json" : "application/problem+json"]: {
          schema: ref("schemas", oauth ? "OAuthError" : "Problem"),
          examples: Object.fromEntries(names.map((name) => [name, { value: exampleOf(name, oauth) }])),
        },
      },
    },
  ]);
  return Object.fromEntries(entries);
}

function exampleOf(name: ProblemName, oauth: boolean): Record<string, unknown> {
  const errors = [{ path: "name", message: "is required" }];
  const problem = new Problem(name, name === "invalid-field" ? { errors } : {});
  return oauth ? oauthErrorBody(problem) : problemBody(problem, EXAMPLE_REQUEST_ID);
}

/** RateLimit headers belong to answers that took from a limit: successes and 429. */
function standardHeaders(route: RouteFacts, status?: number): Record<string, unknown> {
  const limited = route.limited === true && (status === undefined || status === 429);
  return {
    "X-Request-Id": ref("headers", "X-Request-Id"),
    ...(limited
      ? { "RateLimit-Policy": ref("headers", "RateLimit-Policy"), RateLimit: ref("headers", "RateLimit") }
      : {}),
  };
}

/** What a caller may send. */
export function inputSchema(schema: z.ZodType): JsonSchema {
  return plain(z.toJSONSchema(schema, { io: "input", unrepresentable: "any" }));
}

/** What a caller gets, open to fields that later versions add: a generated client must not refuse those. */
export function outputSchema(schema: z.ZodType): JsonSchema {
  return plain(
    z.toJSONSchema(schema, {
      io: "output",
      unrepresentable: "any",
      override: ({ jsonSchema }) => {
        if (jsonSchema.additionalProperties === false) delete jsonSchema.additionalProperties;
      },
    }),
  );
}

function plain(schema: object): JsonSchema {
  const { $schema: _, "~standard": __, ...rest } = schema as JsonSchema;
  return rest;
}

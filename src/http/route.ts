import * as z from "zod";
import type { AccountCredential, Credential, InstanceCredential, UserCredential } from "../access/credential.ts";
import { PROBLEMS, type ProblemName } from "../core/problem.ts";
import type { Deps } from "../deps.ts";
import { idSchema } from "./id-schema.ts";
import type { Reply } from "./reply.ts";

/**
 * How a caller proves who it is. `account`: an API key, a personal access token or a session; `account-or-user`: also a
 * person's access token on an instance, which is all that `user-token` takes. The last two travel in the body, so the
 * transport checks nothing for them.
 */
export type Security = BearerSecurity | "public" | "client-secret" | "registration-key";
export type BearerSecurity = "instance-token" | "user-token" | "account" | "account-or-user";
interface Credentials {
  "instance-token": InstanceCredential;
  "user-token": UserCredential;
  account: AccountCredential;
  "account-or-user": AccountCredential | UserCredential;
}
export type CredentialOf<S extends Security> = S extends BearerSecurity ? Credentials[S] : undefined;

const BEARER: ReadonlySet<Security> = new Set<BearerSecurity>([
  "instance-token",
  "user-token",
  "account",
  "account-or-user",
]);

/** Whether the transport proves the credential, which stands in a header. */
export function isBearer(security: Security | undefined): security is BearerSecurity {
  return security !== undefined && BEARER.has(security);
}

/** Whether it is a route of the account API. */
export function isAccount(security: Security | undefined): security is "account" | "account-or-user" {
  return security === "account" || security === "account-or-user";
}

export const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"] as const;
export type Method = (typeof METHODS)[number];

export type BodyContent = "application/json" | "application/x-www-form-urlencoded";

/** 16 KiB: the bound of a body unless its route declares another (design, "Edges"). */
export const DEFAULT_MAX_BYTES = 16 * 1024;

export interface BodyDefinition<B extends z.ZodType = z.ZodType, R extends boolean = boolean> {
  content: BodyContent;
  schema: B;
  /** False: a request without any bytes is accepted and the handler sees `undefined`. */
  required: R;
  maxBytes?: number;
  /** Valid by the schema; printed in the documents and used by the contract cases. */
  example: z.input<B>;
}

export interface ResponseDefinition {
  description: string;
  schema?: z.ZodType;
  example?: unknown;
  /** `application/json` unless said otherwise. */
  contentType?: string;
  /** Header name → one sentence on its meaning. */
  headers?: Readonly<Record<string, string>>;
}

export interface RouteInput<P, Q, B, C> {
  params: P;
  query: Q;
  body: B;
  credential: C;
  requestId: string;
  request: Request;
  deps: Deps;
}

/** What documents and mounting read of a route. */
export interface RouteFacts {
  readonly method: Method;
  /** OpenAPI style: `/api/v1/instances/{instance_id}`. */
  readonly path: string;
  readonly operationId: string;
  readonly summary: string;
  readonly description?: string;
  readonly tags: readonly string[];
  readonly security: Security;
  /** The scope that a person's access token must have been granted (RFC 6750 section 3.1). */
  readonly scope?: string;
  /** For the documents only; the verb behind the route is what checks it. */
  readonly permission?: string;
  /** Keys of the platform owner alone: the verb refuses all others with `forbidden`, whatever they are permitted. */
  readonly ownerOnly?: true;
  /** About the caller in person, whatever tenant: takes no tenant. */
  readonly personal?: true;
  readonly params?: z.ZodObject;
  readonly query?: z.ZodObject;
  /** Of a query without which the route says nothing; printed in the documents and used by the contract cases. */
  readonly exampleQuery?: Readonly<Record<string, string>>;
  readonly responses: Readonly<Record<number, ResponseDefinition>>;
  readonly problems: readonly ProblemName[];
  /** What a body is refused with that is not as its schema has it; `invalid-field` unless its RFC has a code of its own. */
  readonly invalidBody?: ProblemName;
  /** Taken from a rate limit: adds quota-exceeded, unavailable and the RateLimit headers to the documents. */
  readonly limited?: boolean;
  /** Of a public route that answers with data: pages of any origin may read it, as they may what takes a credential. */
  readonly anyOrigin?: true;
  /** Successes are not logged one by one (thousands a second); failures are. */
  readonly quiet?: boolean;
}

export interface RouteDefinition extends RouteFacts {
  readonly body?: Required<BodyDefinition>;
  readonly handle: (input: RouteInput<unknown, unknown, unknown, Credential | undefined>) => Promise<Reply>;
}

type Empty = Readonly<Record<never, never>>;
type BodyOf<B extends z.ZodType, R extends boolean> = [R] extends [true] ? z.output<B> : z.output<B> | undefined;

export interface RouteOptions<
  S extends Security,
  P extends z.ZodObject,
  Q extends z.ZodObject,
  B extends z.ZodType,
  R extends boolean,
> extends RouteFacts {
  readonly security: S;
  readonly params?: P;
  readonly query?: Q;
  readonly body?: BodyDefinition<B, R>;
  readonly handle: (input: RouteInput<z.output<P>, z.output<Q>, BodyOf<B, R>, CredentialOf<S>>) => Promise<Reply>;
}

/** Checks a route when it is built and freezes it, with the problems that its declaration implies added to its own. */
export function defineRoute<
  S extends Security,
  P extends z.ZodObject = z.ZodObject<Empty>,
  Q extends z.ZodObject = z.ZodObject<Empty>,
  B extends z.ZodType = z.ZodUndefined,
  R extends boolean = boolean,
>(options: RouteOptions<S, P, Q, B, R>): RouteDefinition {
  const { body, handle, ...declared } = options;
  const facts: RouteFacts = takesTenant(declared) ? { ...declared, query: withTenant(declared.query) } : declared;
  const name = `${facts.method} ${facts.path}`;
  if (!/^(?:\/(?:[A-Za-z0-9._-]+|\{[a-z][a-z0-9_]*\}))+$/.test(facts.path)) throw new TypeError(`${name}: bad path`);
  if (!/^[a-z][a-z0-9_]*$/.test(facts.operationId)) throw new TypeError(`${name}: operationId must be snake_case`);
  if (body !== undefined && facts.method === "GET") throw new TypeError(`${name}: GET takes no body`);
  const parameters = new Set(Object.keys(facts.params?.shape ?? {}));
  const placeholders = pathParameters(facts.path);
  if (placeholders.length !== parameters.size || !placeholders.every((placeholder) => parameters.has(placeholder))) {
    throw new TypeError(`${name}: params and the path's placeholders differ`);
  }
  if (body !== undefined && !body.schema.safeParse(body.example).success) {
    throw new TypeError(`${name}: the example is not valid`);
  }
  if (facts.query !== undefined && !facts.query.safeParse(facts.exampleQuery ?? {}).success) {
    throw new TypeError(`${name}: exampleQuery is not valid, or missing`);
  }
  const maxBytes = body?.maxBytes ?? DEFAULT_MAX_BYTES;
  if (!Number.isSafeInteger(maxBytes) || maxBytes < 1) throw new TypeError(`${name}: maxBytes must be positive`);
  return Object.freeze({
    ...facts,
    tags: Object.freeze([...facts.tags]),
    problems: Object.freeze(problemsOf(facts, body !== undefined)),
    ...(body === undefined ? {} : { body: Object.freeze({ ...body, maxBytes }) as Required<BodyDefinition> }),
    handle: handle as unknown as RouteDefinition["handle"],
  });
}

/** Whether `?tenant_id=…` says on which tenant the caller acts: on every account route whose path does not. */
function takesTenant({ security, personal, path }: RouteFacts): boolean {
  return isAccount(security) && personal !== true && !pathParameters(path).includes("tenant_id");
}

function withTenant(query: z.ZodObject = z.object({})): z.ZodObject {
  return query.extend({
    tenant_id: idSchema("tenant")
      .optional()
      .describe("The tenant to act on, where it is not the caller's only one: that one, or one below it."),
  });
}

/** Names of the placeholders of a path, in order. */
export function pathParameters(path: string): string[] {
  return [...path.matchAll(/\{([^}]+)\}/g)].map((match) => match[1] ?? "");
}

const OF_TOKENS = [
  ...["unauthenticated", "token-expired", "token-not-yet-valid", "token-revoked", "instance-deleted"],
] as const satisfies readonly ProblemName[];
const OF_USERS = [
  ...OF_TOKENS,
  ...["token-outdated", "sign-in-ended", "tenant-suspended", "tenant-closed", "unavailable"],
] as const satisfies readonly ProblemName[];
const OF_ACCOUNTS = [
  ...["unauthenticated", "key-expired", "key-revoked", "not-accepted-here", "cross-site"],
  ...["tenant-suspended", "tenant-closed", "unavailable"],
] as const satisfies readonly ProblemName[];

const BY_SECURITY: Record<Security, readonly ProblemName[]> = {
  public: [],
  "instance-token": OF_TOKENS,
  "user-token": OF_USERS,
  account: OF_ACCOUNTS,
  "account-or-user": [...OF_ACCOUNTS, ...OF_USERS],
  "client-secret": ["invalid-client", "client-revoked"],
  "registration-key": [
    "registration-key-unknown",
    "registration-key-expired",
    "registration-key-used",
    "registration-key-revoked",
  ],
};

function problemsOf(facts: RouteFacts, hasBody: boolean): ProblemName[] {
  const names = new Set<ProblemName>([...facts.problems, ...BY_SECURITY[facts.security], "internal"]);
  const add = (when: boolean, ...more: ProblemName[]) => when && more.forEach((name) => void names.add(name));
  add(facts.permission !== undefined, "forbidden", "reason-required");
  add(takesTenant(facts), "tenant-required", "not-found");
  add(facts.scope !== undefined, "insufficient-scope");
  add(
    isAccount(facts.security) && facts.method === "POST",
    "idempotency-key-in-use",
    "idempotency-key-reused",
    "invalid-field",
  );
  add(facts.params !== undefined, "invalid-field", "not-found");
  add(facts.query !== undefined, "invalid-field");
  add(hasBody, "malformed-body", "invalid-field", "body-too-large", "unsupported-media-type");
  add(facts.limited === true || facts.security === "public", "quota-exceeded", "cost-above-limit", "unavailable");
  return (Object.keys(PROBLEMS) as ProblemName[]).filter((name) => names.has(name));
}

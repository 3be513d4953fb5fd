import { SESSION_COOKIE } from "../access/session-cookie.ts";
import { PROBLEMS, type ProblemName } from "../core/problem.ts";
import { problemType } from "./problem-response.ts";
import type { Security } from "./route.ts";

/** Fixed, so that the document is the same every time. */
export const EXAMPLE_REQUEST_ID = "req_01JZ8Q4V7M3T9W5X2Y6A8B0CDE";

/** How a caller authenticates, in words: what OpenAPI's security requirements cannot say about bodies is said here. */
export const SECURITY_NOTES: Readonly<Record<Security, string>> = {
  public: "No credential is needed.",
  "instance-token": "Send the instance's access token: `Authorization: Bearer …`.",
  "user-token": "Send the access token of a person who signed in on the instance: `Authorization: Bearer …`.",
  "account-or-user":
    "Send an API key, a personal access token or the access token of a person who signed in on an instance (`Authorization: Bearer …`), or the session cookie; a change with a cookie needs `X-CSRF-Token` too.",
  account:
    "Send an API key or a personal access token (`Authorization: Bearer …`), or the session cookie; a change with a cookie needs `X-CSRF-Token` too.",
  "client-secret":
    "The client authenticates with `client_id` and `client_secret` in the body (RFC 6749 section 2.3.1).",
  "registration-key":
    "A registration key in the body (`instance_registration_key`) says which workspace the instance joins.",
};

/** OpenAPI 3.1 has no scheme for a credential in the body: those operations require none, and say so in words. */
export function securityRequirement(security: Security, scope?: string): Record<string, string[]>[] {
  const scopes = scope === undefined ? [] : [scope];
  switch (security) {
    case "instance-token":
      return [{ instance_token: [] }];
    case "user-token":
      return [{ access_token: scopes }];
    case "account":
      return ACCOUNT;
    case "account-or-user":
      return [...ACCOUNT, { access_token: scopes }];
    default:
      return [];
  }
}

const ACCOUNT: Record<string, string[]>[] = [{ api_key: [] }, { personal_access_token: [] }, { session: [] }];

const text = (description: string) => ({ description, schema: { type: "string" } });

export const OPENAPI_COMPONENTS = Object.freeze({
  securitySchemes: {
    instance_token: {
      type: "http",
      scheme: "bearer",
      bearerFormat: "JWT",
      description: "Access token of an instance, from `POST /oauth2/token` with client_credentials. Lives one hour.",
    },
    access_token: {
      type: "http",
      scheme: "bearer",
      bearerFormat: "JWT",
      description:
        "Access token of a person on an instance, from `POST /oauth2/token` with a device code, an authorization code or a refresh token. Lives seven days.",
    },
    api_key: { type: "http", scheme: "bearer", description: "API key of a tenant. It is shown once, when it is made." },
    personal_access_token: { type: "http", scheme: "bearer", description: "A person's own token, for one tenant." },
    session: { type: "apiKey", in: "cookie", name: SESSION_COOKIE, description: "A person who has signed in." },
  },
  headers: {
    "X-Request-Id": text("Names this request in our logs. Always ours: one that a caller sends is ignored."),
    "RateLimit-Policy": text(
      'The limits that apply, as a structured field: `"instance";q=60;w=60` (draft-ietf-httpapi-ratelimit-headers).',
    ),
    RateLimit: text('What is left of them: `"instance";r=59;t=60`, `t` in seconds.'),
    "Retry-After": { description: "Seconds to wait before trying again.", schema: { type: "integer", minimum: 0 } },
    "WWW-Authenticate": text("How to authenticate; carries a reason only for a credential proven genuine (RFC 6750)."),
  },
  schemas: {
    FieldError: {
      type: "object",
      description: "A field that was refused.",
      properties: {
        path: { type: "string", description: "As in `os.version`; empty for the body as a whole." },
        message: { type: "string" },
      },
      required: ["path", "message"],
    },
    Problem: {
      type: "object",
      description: "Problem details (RFC 9457). Some problems carry more members.",
      properties: {
        type: {
          type: "string",
          format: "uri",
          enum: names().map(problemType),
          description: "Stable name of the problem.",
        },
        title: { type: "string", description: "One fixed sentence per type." },
        status: { type: "integer" },
        code: { type: "integer", minimum: 0, description: "Stable number of the problem." },
        error: { type: "string", enum: names(), description: "The name alone." },
        message: { type: "string", description: "Equal to `title`." },
        request_id: { type: "string", description: "Equal to the header `X-Request-Id`." },
        errors: { type: "array", maxItems: 20, items: { $ref: "#/components/schemas/FieldError" } },
      },
      required: ["type", "title", "status", "code", "error", "message", "request_id"],
    },
    OAuthError: {
      type: "object",
      description: "Error of an OAuth endpoint (RFC 6749 section 5.2).",
      properties: {
        error: { type: "string", enum: [...new Set(names().map((name) => PROBLEMS[name].oauth))] },
        error_description: { type: "string", description: "One fixed sentence." },
        errors: { type: "array", maxItems: 20, items: { $ref: "#/components/schemas/FieldError" } },
      },
      required: ["error", "error_description"],
    },
  },
});

function names(): ProblemName[] {
  return Object.keys(PROBLEMS) as ProblemName[];
}

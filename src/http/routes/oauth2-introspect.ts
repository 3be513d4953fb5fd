import * as z from "zod";
import { introspect } from "../../grants/introspect.ts";
import { revokeToken } from "../../grants/revoke.ts";
import { CLIENT_EXAMPLE, clientFields } from "../client-fields.ts";
import { clientSecretOf } from "../client-secret.ts";
import { defineRoute, type RouteDefinition } from "../route.ts";
import { countryOf } from "../whence.ts";

const presented = z.object({
  ...clientFields,
  token: z.string().max(4_000),
  token_type_hint: z.string().max(100).optional().describe("Not needed: tokens of ours tell what they are."),
});
const EXAMPLE = { token: "eyJ…", ...CLIENT_EXAMPLE };

/** /oauth2/introspect and /oauth2/revoke: what a token is worth, and that it shall be worth nothing. */
export const introspectRoutes: RouteDefinition[] = [
  defineRoute({
    method: "POST",
    path: "/oauth2/introspect",
    operationId: "introspect",
    summary: "What a token is worth now",
    description:
      "RFC 7662. For clients, and only about tokens of their own tenant: any other, and any that is not live, is `active: false` and nothing else.",
    tags: ["api"],
    security: "client-secret",
    body: { content: "application/x-www-form-urlencoded", schema: presented, required: true, example: EXAMPLE },
    responses: {
      200: {
        description: "The meta information surrounding the token.",
        schema: z.object({
          active: z.boolean(),
          scope: z.string().optional(),
          client_id: z.string().optional(),
          token_type: z.string().optional(),
          sub: z.string().optional(),
          iat: z.int().optional(),
          exp: z.int().optional(),
          iss: z.string().optional(),
          meta: z.object({ kind: z.literal("instance"), instance_id: z.string(), workspace_id: z.string() }).optional(),
        }),
        example: {
          active: true,
          scope: "profile:read",
          client_id: "ebbc_…",
          token_type: "Bearer",
          sub: "ins_01KAHJ0000A1B2C3D4E5F6G7H8",
          iat: 1795219200,
          exp: 1795222800,
          iss: "https://ebb.example",
          meta: {
            kind: "instance",
            instance_id: "ins_01KAHJ0000A1B2C3D4E5F6G7H8",
            workspace_id: "wsp_01KAHJ0000M2N4P6Q8S0T2V4W6",
          },
        },
      },
    },
    problems: [],
    limited: true,
    handle: async ({ deps, requestId, body, request }) => {
      const { document, headers } = await introspect(deps, clientSecretOf(request, body), body.token, requestId);
      return { status: 200, headers, body: document };
    },
  }),
  defineRoute({
    method: "POST",
    path: "/oauth2/revoke",
    operationId: "revoke_token",
    summary: "A client gives a token back",
    description:
      "RFC 7009. A refresh token ends with the whole sign-in, an access token alone. A token that is unknown, or has ended, is as good as revoked; one of another client is refused and stays.",
    tags: ["instance"],
    security: "client-secret",
    body: { content: "application/x-www-form-urlencoded", schema: presented, required: true, example: EXAMPLE },
    responses: {
      200: { description: "It is worth nothing any more.", schema: z.object({}), example: {} },
    },
    problems: ["invalid-grant", "outcome-unknown"],
    limited: true,
    handle: async ({ deps, requestId, body, request }) => {
      const whence = { requestId, place: countryOf(request) };
      const headers = await revokeToken(deps, clientSecretOf(request, body), body.token, whence);
      return { status: 200, headers, body: {} };
    },
  }),
];

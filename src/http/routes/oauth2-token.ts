import * as z from "zod";
import { type FieldError, Problem } from "../../core/problem.ts";
import type { Deps } from "../../deps.ts";
import { redeemCode } from "../../grants/redeem-code.ts";
import { redeemDevice } from "../../grants/redeem-device.ts";
import { refresh } from "../../grants/refresh.ts";
import type { SignInTokens, Whence } from "../../grants/sign-in-tokens.ts";
import { issueToken } from "../../instances/issue-token.ts";
import { DEVICE_CODE_GRANT, GRANT_TYPES } from "../../oauth/client-metadata.ts";
import { CLIENT_EXAMPLE, clientFields } from "../client-fields.ts";
import { clientSecretOf } from "../client-secret.ts";
import { defineRoute, type RouteDefinition } from "../route.ts";
import { countryOf } from "../whence.ts";

const tokenInput = z.object({
  grant_type: z.string().max(100),
  ...clientFields,
  device_code: z.string().max(200).optional(),
  refresh_token: z.string().max(200).optional(),
  scope: z.string().max(500).optional(),
  code: z.string().max(200).optional(),
  redirect_uri: z.string().max(500).optional(),
  code_verifier: z.string().max(128).optional(),
});

const token = z.object({
  access_token: z.string(),
  token_type: z.string(),
  expires_in: z.int().min(0),
  refresh_token: z.string().optional(),
  scope: z.string(),
});

/** A parameter without which this grant means nothing (RFC 6749 section 5.2). Throws `invalid-field`. */
function needed<T>(path: string, value: T | undefined): T {
  if (value !== undefined) return value;
  const errors: FieldError[] = [{ path, message: "is required" }];
  throw new Problem("invalid-field", { errors });
}

type TokenInput = z.output<typeof tokenInput>;

/** The four grants (RFC 6749 sections 4.1.3, 4.4.2, 6; RFC 8628 section 3.4). Throws `unsupported-grant-type`. */
async function grant(deps: Deps, request: Request, body: TokenInput, whence: Whence): Promise<SignInTokens> {
  const secret = () => clientSecretOf(request, body);
  switch (body.grant_type) {
    case "client_credentials":
      return { ...(await issueToken(deps, whence.requestId, secret(), body.scope)), refreshToken: null };
    case DEVICE_CODE_GRANT:
      return await redeemDevice(deps, secret(), needed("device_code", body.device_code), whence);
    case "refresh_token":
      return await refresh(deps, secret(), needed("refresh_token", body.refresh_token), body.scope, whence);
    case "authorization_code": {
      const presented = {
        code: needed("code", body.code),
        redirectUri: body.redirect_uri,
        codeVerifier: body.code_verifier,
      };
      return await redeemCode(deps, secret(), presented, whence);
    }
    default:
      throw new Problem("unsupported-grant-type");
  }
}

/** /oauth2/token. */
export const tokenEndpointRoutes: RouteDefinition[] = [
  defineRoute({
    method: "POST",
    path: "/oauth2/token",
    operationId: "token",
    summary: "A client exchanges its secret, a code or a refresh token for an access token",
    description: `Grant types: ${GRANT_TYPES.join(", ")}. Access tokens are JWTs (RFC 9068), signed with Ed25519: an instance's own is valid for one hour, a person's for seven days. A refresh token lives 90 days, is replaced at every use, and comes only to clients that registered for it; the one before may be used once more within 60 seconds, when its answer was lost.`,
    tags: ["instance"],
    security: "client-secret",
    body: {
      content: "application/x-www-form-urlencoded",
      schema: tokenInput,
      required: true,
      example: { grant_type: "client_credentials", ...CLIENT_EXAMPLE },
    },
    responses: {
      200: {
        description: "Created token.",
        schema: token,
        example: { access_token: "eyJ…", token_type: "Bearer", expires_in: 3600, scope: "profile:read" },
      },
    },
    problems: [
      "unsupported-grant-type",
      "unauthorized-client",
      "client-unclaimed",
      "invalid-grant",
      "invalid-scope",
      "authorization-pending",
      "slow-down",
      "access-denied",
      "expired-token",
      "tenant-suspended",
      "tenant-closed",
    ],
    limited: true,
    handle: async ({ deps, requestId, body, request }) => {
      const issued = await grant(deps, request, body, { requestId, place: countryOf(request) });
      return {
        status: 200,
        headers: issued.headers,
        body: {
          access_token: issued.accessToken,
          token_type: "Bearer",
          expires_in: issued.expiresInS,
          ...(issued.refreshToken === null ? {} : { refresh_token: issued.refreshToken }),
          scope: issued.scope,
        },
      };
    },
  }),
];

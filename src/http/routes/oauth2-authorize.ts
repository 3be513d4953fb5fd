import * as z from "zod";
import { findClient } from "../../clients/find.ts";
import { PROBLEMS, Problem } from "../../core/problem.ts";
import {
  type AuthorizeError,
  authorizationResponse,
  readAuthorizationRequest,
} from "../../oauth/authorization-request.ts";
import { problemOf } from "../../oauth/refusal.ts";
import { carryRequest } from "../authorization-cookie.ts";
import { asPage } from "../page-call.ts";
import type { Reply } from "../reply.ts";
import { defineRoute, type RouteDefinition } from "../route.ts";

const optional = (maxLength: number) => z.string().max(maxLength).nullish();

/** The contract has 302 here, not 303. */
function found(location: string, ...cookies: string[]): Reply {
  return { status: 302, headers: { location }, cookies };
}

/** /oauth2/authorize: where a client sends the browser of whoever signs in (RFC 6749 section 3.1). */
export const authorizeRoutes: RouteDefinition[] = [
  defineRoute({
    method: "GET",
    path: "/oauth2/authorize",
    operationId: "authorize",
    summary: "A client asks for a person's sign-in through the browser",
    description:
      "RFC 6749 section 4.1.1 with PKCE (RFC 7636, S256 alone): needed by public clients, taken from all. The redirect URI must be one that the client has registered, exactly; of a loopback address the port may differ (RFC 8252 section 7.3). Nothing is redirected to any other. Answers carry `iss` (RFC 9207).",
    tags: ["api"],
    security: "public",
    query: z.object({
      response_type: z.string().max(100).optional(),
      client_id: z.string().max(200).optional(),
      redirect_uri: z.string().max(500).optional(),
      scope: optional(500),
      state: optional(1_500),
      code_challenge: z.string().max(200).optional(),
      code_challenge_method: z.string().max(20).optional(),
      response_mode: z.string().max(20).optional(),
    }),
    responses: {
      302: {
        description: "To the page that asks for consent, or back to the client with what is wrong.",
        headers: { Location: "Where to." },
      },
    },
    problems: ["unauthorized-client", "redirect-uri-mismatch"],
    handle: async ({ deps, query, request }) => {
      const answer = async (): Promise<Reply> => {
        const clientId = query.client_id ?? "";
        const client = await findClient(deps, clientId);
        const decision = readAuthorizationRequest(query, client?.client ?? null);
        if (decision.kind === "refuse") throw new Problem(problemOf(`authorize:${decision.reason}`));
        const back = (reason: AuthorizeError, redirectUri: string, state: string | null) => {
          const { oauth: error, title: description } = PROBLEMS[problemOf(`authorize:${reason}`)];
          return found(authorizationResponse(redirectUri, { error, description, state, iss: deps.publicUrl }));
        };
        if (decision.kind === "redirect-error") return back(decision.reason, decision.redirectUri, decision.state);
        const { redirectUri, scope, state, challenge } = decision.request;
        const cookie = carryRequest({
          client_id: clientId,
          redirect_uri: redirectUri,
          scope,
          state,
          code_challenge: challenge,
        });
        return cookie === null ? back("state", redirectUri, null) : found("/consent", cookie);
      };
      // Programs get the contract's JSON; a person whom a wrong link led here gets a page.
      const isPerson = (request.headers.get("accept") ?? "").includes("text/html");
      return isPerson ? await asPage("Sign in", answer) : await answer();
    },
  }),
];

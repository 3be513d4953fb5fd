import * as z from "zod";
import { findClient } from "../../clients/find.ts";
import { Problem } from "../../core/problem.ts";
import { type AuthorizeError, readAuthorizationRequest } from "../../oauth/authorization-request.ts";
import { problemOf } from "../../oauth/refusal.ts";
import { carryRequest } from "../authorization-cookie.ts";
import { asPage } from "../page-call.ts";
import type { Reply } from "../reply.ts";
import { defineRoute, type RouteDefinition } from "../route.ts";

/** What is too long is told to the client, or by a page: `readAuthorizationRequest` decides about it. */
const text = z.string().max(8_000);

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
      "RFC 6749 section 4.1.1 with PKCE (RFC 7636, S256 alone): needed by public clients, taken from all. The redirect URI must be one that the client has registered, exactly; of a loopback address the port may differ (RFC 8252 section 7.3). Nothing is redirected to any other, and nobody anywhere before they have signed in (RFC 9700 section 4.11.2): what is wrong with a request is told to its client by way of the page too. Answers carry `iss` (RFC 9207).",
    tags: ["api"],
    security: "public",
    query: z.object({
      response_type: text.optional(),
      client_id: text.optional(),
      redirect_uri: text.optional(),
      scope: text.nullish(),
      state: text.nullish(),
      code_challenge: text.optional(),
      code_challenge_method: text.optional(),
      response_mode: text.optional(),
    }),
    responses: {
      302: {
        description: "To the page that asks for consent, and answers the client.",
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
        const wrong = (reason: AuthorizeError, redirect_uri: string, state: string | null) => {
          const problem = problemOf(`authorize:${reason}`);
          return carryRequest({ client_id: clientId, redirect_uri, scope: "", state, code_challenge: null, problem });
        };
        const carried = () => {
          if (decision.kind === "redirect-error") {
            const { reason, redirectUri, state } = decision;
            return wrong(reason, redirectUri, state) ?? wrong(reason, redirectUri, null);
          }
          const { redirectUri, scope, state, challenge } = decision.request;
          const asked = { client_id: clientId, redirect_uri: redirectUri, scope, state, code_challenge: challenge };
          return carryRequest({ ...asked, problem: null }) ?? wrong("state", redirectUri, null);
        };
        return found("/consent", carried() as string);
      };
      // Programs get the contract's JSON; a person whom a wrong link led here gets a page.
      const isPerson = (request.headers.get("accept") ?? "").includes("text/html");
      return isPerson ? await asPage("Sign in", answer) : await answer();
    },
  }),
];

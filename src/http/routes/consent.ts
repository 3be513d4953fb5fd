import * as z from "zod";
import { noRequestCookie } from "../../access/request-cookie.ts";
import { csrfToken } from "../../access/session-cookie.ts";
import { findClient } from "../../clients/find.ts";
import { PROBLEMS, Problem, type ProblemName } from "../../core/problem.ts";
import { type RequestingClient, requestingClient } from "../../grants/device-request.ts";
import { issueCode } from "../../grants/issue-code.ts";
import {
  type AuthorizationRequest,
  authorizationResponse,
  readAuthorizationRequest,
} from "../../oauth/authorization-request.ts";
import { grantableScopes, parseScope } from "../../oauth/scope.ts";
import { enter } from "../../verb.ts";
import { broughtRequest } from "../authorization-cookie.ts";
import {
  choiceOf,
  chosenScopes,
  claimOf,
  consentFields,
  placesFor,
  readerContext,
  shownPlaces,
} from "../consent-form.ts";
import {
  asPage,
  fromOwnPage,
  PAGE,
  PAGES,
  type PageInput,
  REFUSED,
  type Reader,
  SENT_ON,
  seeOther,
  signedIn,
} from "../page-call.ts";
import { backToClient, wrongRequestPage } from "../pages/back-to-client.ts";
import { type ConsentPage, consentPage } from "../pages/consent.ts";
import { messagePage } from "../pages/page.ts";
import type { Reply } from "../reply.ts";
import { defineRoute, type RouteDefinition } from "../route.ts";

const TITLE = "Approve a sign-in";

interface Asked {
  /** By which a form says which request it answers. */
  name: string;
  client: RequestingClient;
  request: AuthorizationRequest;
}

/** What cannot be answered: where to go with what is wrong. */
interface Wrong {
  client: RequestingClient;
  problem: ProblemName;
  location: string;
}

/** What the browser brought, checked as the endpoint checks it. Throws `not-found` where there is nothing to answer. */
async function asked(input: PageInput): Promise<Asked | Wrong> {
  const brought = await broughtRequest(input.request);
  if (brought === null) throw new Problem("not-found");
  const { client_id, redirect_uri, scope, state, code_challenge, problem } = brought.carried;
  const found = await findClient(input.deps, client_id);
  const client = found === null ? null : await requestingClient(input.deps, client_id);
  const challenge = code_challenge === null ? {} : { code_challenge, code_challenge_method: "S256" };
  const params = { response_type: "code", redirect_uri, scope, state, ...challenge };
  const decision = readAuthorizationRequest(params, found?.client ?? null);
  if (client === null || decision.kind === "refuse") throw new Problem("not-found");
  if (problem !== null) {
    const { oauth: error, title: description } = PROBLEMS[problem];
    const answer = { error, description, state, iss: input.deps.publicUrl };
    return { client, problem, location: authorizationResponse(redirect_uri, answer) };
  }
  if (decision.kind !== "ok") throw new Problem("not-found");
  return { name: brought.name, request: decision.request, client };
}

async function askConsent(
  input: PageInput,
  reader: Reader,
  { name, request, client }: Asked,
  again: Pick<ConsentPage, "alert" | "status" | "chosen"> = {},
): Promise<Reply> {
  const places = await placesFor(input, reader, client);
  if (client.tenantId === null && places.length === 0) {
    const text = "You belong to no account into which you could claim this instance: an invitation brings you in.";
    return await messagePage({ status: 403, title: TITLE }, text, { href: "/account", text: "To your account" });
  }
  const context = readerContext(input, reader, client, places, null);
  const { entered } = await enter(context, "device:approve", () => []);
  return await consentPage({
    person: reader.person,
    csrf: await csrfToken(reader.secret),
    action: "/consent",
    fields: { request: name },
    client,
    scopes: grantableScopes({
      requested: parseScope(request.scope),
      registered: parseScope(client.scope),
      permissions: entered.permissions,
    }),
    userCode: null,
    places: shownPlaces(places, client),
    nowMs: input.deps.clock.now(),
    redirectUri: request.redirectUri,
    ...again,
  });
}

/** /consent: where a person lets a client that sent their browser here sign them in, or not. */
export const consentRoutes: RouteDefinition[] = [
  defineRoute({
    ...PAGES,
    method: "GET",
    path: "/consent",
    operationId: "get_consent_page",
    summary: "The page that asks whether a client may sign one in",
    responses: { 200: PAGE, 303: SENT_ON, 400: REFUSED, 404: REFUSED },
    problems: [],
    handle: async (input) =>
      await asPage(TITLE, async () => {
        // Who has not signed in is asked to before anything is looked up for what the cookie says.
        if ((await broughtRequest(input.request)) === null) throw new Problem("not-found");
        const reader = await signedIn(input);
        if (reader === null) return seeOther("/login?return_to=%2Fconsent");
        const found = await asked(input);
        if ("request" in found) return await askConsent(input, reader, found);
        const { client, problem, location } = found;
        // Whoever registered it without anybody's leave may have done so for the sake of this redirect.
        if (client.tenantId === null) return await wrongRequestPage(client.name, PROBLEMS[problem].title, location);
        // As with a request that is right: to those of another account it is unknown, and sends them nowhere.
        await enter(readerContext(input, reader, client, [], null), "device:approve", () => []);
        return seeOther(location, noRequestCookie());
      }),
  }),
  defineRoute({
    ...PAGES,
    method: "POST",
    path: "/consent",
    operationId: "answer_consent_page",
    summary: "Sends the browser back to the client, with a code or with the refusal",
    body: {
      content: "application/x-www-form-urlencoded",
      schema: z.object({ ...consentFields, request: z.string().max(100) }),
      required: true,
      example: { csrf_token: "…", request: "…", answer: "approve" },
    },
    responses: { 200: PAGE, 303: SENT_ON, 401: REFUSED, 403: REFUSED, 404: REFUSED, 409: REFUSED },
    problems: [],
    handle: async (input) =>
      await asPage(TITLE, async () => {
        const { deps, body } = input;
        const reader = await fromOwnPage(input, body.csrf_token);
        const answered = await asked(input);
        // Another tab began another request meanwhile: nobody approves what they have not seen.
        if (!("request" in answered) || answered.name !== body.request) throw new Problem("conflict");
        const { request, client } = answered;
        const { redirectUri, state } = request;
        const iss = deps.publicUrl;
        if (body.answer === "deny") {
          const back = authorizationResponse(redirectUri, { error: "access_denied", state, iss });
          return await backToClient(back, noRequestCookie());
        }
        const places = await placesFor(input, reader, client);
        const claim = claimOf(body);
        const context = readerContext(input, reader, client, places, claim.workspaceId);
        try {
          const { code } = await issueCode(context, client.clientId, request, { chosen: chosenScopes(body), claim });
          return await backToClient(authorizationResponse(redirectUri, { code, state, iss }), noRequestCookie());
        } catch (error) {
          if (!(error instanceof Problem) || error.problem !== "claim-code-required") throw error;
          return await askConsent(input, reader, answered, {
            alert: PROBLEMS[error.problem].title,
            status: 403,
            chosen: choiceOf(body),
          });
        }
      }),
  }),
];

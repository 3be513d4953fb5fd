import * as z from "zod";
import {
  browserCookie,
  browserSecret,
  carriedInvitation,
  invitationCookie,
  presentBrowserSecret,
} from "../../access/login-cookie.ts";
import { csrfToken, sessionCookie, sessionSecret } from "../../access/session-cookie.ts";
import { Problem } from "../../core/problem.ts";
import { acceptInvitation, showInvitation } from "../../people/accept-invitation.ts";
import { INVITATION_TOKEN } from "../../people/invitation-token.ts";
import { endOwnSessions, ownEvents, ownSessions, ownTenants } from "../../people/own.ts";
import { beginSignIn } from "../../sign-in/begin.ts";
import { findProvider, tenantProviders } from "../../sign-in/find-provider.ts";
import { finishSignIn } from "../../sign-in/finish.ts";
import { returnPath } from "../../sign-in/origin.ts";
import { idSchema } from "../id-schema.ts";
import { asPage, csrf, fromOwnPage, PAGE, PAGES, REFUSED, SENT_ON, seeOther, signedIn } from "../page-call.ts";
import { accountPage } from "../pages/account.ts";
import { invitationPage } from "../pages/invitation.ts";
import { loginPage } from "../pages/login.ts";
import { defineRoute, type RouteDefinition } from "../route.ts";
import { countryOf } from "../whence.ts";

const providerInPath = z.object({ provider: z.string().regex(/^[A-Za-z0-9_-]{1,40}$/) });
const returnTo = z.string().max(250).optional().describe("A path of ours to go to afterwards.");

/** The pages that people meet: signing in and out, their account, an invitation. */
export const signInRoutes: RouteDefinition[] = [
  defineRoute({
    ...PAGES,
    method: "GET",
    path: "/login",
    operationId: "get_login_page",
    summary: "The page to sign in on",
    query: z.object({
      return_to: returnTo,
      organisation: z.string().max(40).optional().describe("A tenant's id: shows the providers of its own."),
    }),
    responses: { 200: PAGE },
    problems: [],
    handle: async ({ deps, query, request }) =>
      await asPage("Sign in", async () => {
        const tenant = idSchema("tenant").safeParse(query.organisation?.trim());
        const invitation = carriedInvitation(request, INVITATION_TOKEN);
        const invited = invitation === null ? null : await showInvitation(deps, invitation);
        const own = query.organisation !== undefined;
        return await loginPage({
          providers: !own ? deps.providers : tenant.success ? await tenantProviders(deps, tenant.data) : [],
          returnTo: returnPath(query.return_to ?? (invited === null ? null : "/invitation")),
          tenantId: own ? (query.organisation ?? "") : null,
          invitedTo: invited?.state === "open" ? invited.tenantName : null,
        });
      }),
  }),
  defineRoute({
    ...PAGES,
    method: "GET",
    path: "/login/callback/{provider}",
    operationId: "finish_login",
    summary: "Where this OpenID provider, and no other, sends browsers back to",
    params: providerInPath,
    query: z.object({
      state: z.string().max(200).optional(),
      code: z.string().max(4_000).optional(),
      iss: z.string().max(400).optional(),
      error: z.string().max(200).optional(),
    }),
    responses: { 303: SENT_ON, 400: REFUSED, 403: REFUSED, 502: REFUSED },
    problems: ["not-found"],
    handle: async ({ deps, params, request, requestId }) => {
      const browser = presentBrowserSecret(request);
      // Who has begun nothing finds nothing there. Who has is told on a page, also of a provider that was removed meanwhile.
      if (browser === null && (await findProvider(deps, params.provider)) === null) throw new Problem("not-found");
      return await asPage("You are not signed in", async () => {
        const { secret, returnTo: path } = await finishSignIn(deps, {
          provider: params.provider,
          parameters: new URL(request.url).searchParams,
          browser,
          formerSession: sessionSecret(request),
          place: countryOf(request),
          requestId,
        });
        return seeOther(path, sessionCookie(secret));
      });
    },
  }),
  defineRoute({
    ...PAGES,
    method: "GET",
    path: "/login/{provider}",
    operationId: "begin_login",
    summary: "Sends the browser to an OpenID provider",
    params: providerInPath,
    query: z.object({ return_to: returnTo }),
    responses: { 303: SENT_ON, 502: REFUSED },
    problems: ["not-found"],
    handle: async ({ deps, params, query, request }) => {
      const provider = await findProvider(deps, params.provider);
      if (provider === null) throw new Problem("not-found");
      const browser = browserSecret(request);
      return await asPage("Sign in", async () =>
        seeOther(await beginSignIn(deps, provider, browser, query.return_to ?? null), browserCookie(browser)),
      );
    },
  }),
  defineRoute({
    ...PAGES,
    method: "POST",
    path: "/logout",
    operationId: "logout",
    summary: "Sign out, here or everywhere",
    body: {
      content: "application/x-www-form-urlencoded",
      schema: z.object({ ...csrf, everywhere: z.enum(["true"]).optional() }),
      required: true,
      example: { csrf_token: "…" },
    },
    responses: { 303: SENT_ON, 401: REFUSED, 403: REFUSED },
    problems: [],
    handle: async (input) =>
      await asPage("Sign out", async () => {
        const { deps, request, requestId, body } = input;
        const { hash } = await fromOwnPage(input, body.csrf_token);
        const current = (await ownSessions(deps, hash)).find((session) => session.current);
        const wanted = body.everywhere === "true" ? null : (current?.id ?? null);
        await endOwnSessions(deps, hash, wanted, { place: countryOf(request), requestId });
        return seeOther("/login", sessionCookie(null));
      }),
  }),
  defineRoute({
    ...PAGES,
    method: "GET",
    path: "/account",
    operationId: "get_account_page",
    summary: "The page about oneself",
    responses: { 200: PAGE, 303: SENT_ON },
    problems: [],
    handle: async (input) =>
      await asPage("Your account", async () => {
        const reader = await signedIn(input);
        if (reader === null) return seeOther("/login");
        const { deps } = input;
        const { hash, person, secret } = reader;
        const [tenants, sessions, events, token] = await Promise.all([
          ownTenants(deps, hash),
          ownSessions(deps, hash),
          ownEvents(deps, hash, { limit: 10, after: null }),
          csrfToken(secret),
        ]);
        return await accountPage({ person, tenants, sessions, events: events.items, csrf: token });
      }),
  }),
  defineRoute({
    ...PAGES,
    method: "POST",
    path: "/account/sessions/end",
    operationId: "end_session_page",
    summary: "Ends one session from the account page",
    body: {
      content: "application/x-www-form-urlencoded",
      schema: z.object({ ...csrf, session_id: idSchema("session") }),
      required: true,
      example: { csrf_token: "…", session_id: "ses_01KAHJ7777G8H9J0K1M2N3P4Q5" },
    },
    responses: { 303: SENT_ON, 401: REFUSED, 403: REFUSED, 404: REFUSED },
    problems: [],
    handle: async (input) =>
      await asPage("Your account", async () => {
        const { deps, request, requestId, body } = input;
        const { hash } = await fromOwnPage(input, body.csrf_token);
        await endOwnSessions(deps, hash, body.session_id, { place: countryOf(request), requestId });
        return seeOther("/account");
      }),
  }),
  defineRoute({
    ...PAGES,
    method: "GET",
    path: "/invitation",
    operationId: "get_invitation_page",
    summary: "The page on which an invitation is accepted",
    description:
      "The link of the mail carries the token once; it moves into a cookie and out of the address before any page is shown.",
    query: z.object({ token: z.string().max(200).optional() }),
    responses: { 200: PAGE, 303: SENT_ON, 404: REFUSED, 410: REFUSED },
    problems: [],
    handle: async (input) =>
      await asPage("Invitation", async () => {
        const { deps, query, request } = input;
        if (query.token !== undefined && INVITATION_TOKEN.test(query.token)) {
          return seeOther("/invitation", invitationCookie(query.token));
        }
        const token = carriedInvitation(request, INVITATION_TOKEN);
        const invited = token === null ? null : await showInvitation(deps, token);
        if (invited === null) throw new Problem("not-found");
        const reader = await signedIn(input);
        if (reader === null) return seeOther("/login?return_to=%2Finvitation");
        return await invitationPage(invited, reader.person, await csrfToken(reader.secret));
      }),
  }),
  defineRoute({
    ...PAGES,
    method: "POST",
    path: "/invitation",
    operationId: "accept_invitation_page",
    summary: "Accepts the invitation that the browser brought",
    body: {
      content: "application/x-www-form-urlencoded",
      schema: z.object(csrf),
      required: true,
      example: { csrf_token: "…" },
    },
    responses: { 303: SENT_ON, 401: REFUSED, 403: REFUSED, 404: REFUSED, 409: REFUSED },
    problems: [],
    handle: async (input) =>
      await asPage("Invitation", async () => {
        const { deps, request, requestId, body } = input;
        const { hash } = await fromOwnPage(input, body.csrf_token);
        const token = carriedInvitation(request, INVITATION_TOKEN);
        if (token === null) throw new Problem("not-found");
        await acceptInvitation(deps, hash, token, requestId);
        return seeOther("/account", invitationCookie(null));
      }),
  }),
];

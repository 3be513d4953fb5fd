import * as z from "zod";
import { csrfToken } from "../../access/session-cookie.ts";
import { PROBLEMS, Problem } from "../../core/problem.ts";
import { tryUserCode } from "../../gate/user-code.ts";
import { approveDevice } from "../../grants/approve-device.ts";
import { denyDevice } from "../../grants/deny-device.ts";
import { type DeviceRequest, deviceRequest } from "../../grants/device-request.ts";
import { inspectDevice } from "../../grants/inspect-device.ts";
import { normaliseUserCode } from "../../oauth/user-code.ts";
import {
  choiceOf,
  chosenScopes,
  claimOf,
  consentFields,
  placesFor,
  readerContext,
  shownPlaces,
} from "../consent-form.ts";
import { networkOf } from "../network.ts";
import {
  asPage,
  csrf,
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
import { type ConsentPage, consentPage } from "../pages/consent.ts";
import { deviceCodePage } from "../pages/device.ts";
import { messagePage } from "../pages/page.ts";
import type { Reply } from "../reply.ts";
import { defineRoute, type RouteDefinition } from "../route.ts";
import { countryOf } from "../whence.ts";

const TITLE = "Sign in on a device";
const userCode = z.string().max(100);
const TO_ACCOUNT = { href: "/account", text: "To your account" };

/** Does something with the request behind a code that this reader typed: every try counts, right or wrong. */
function withRequest(
  { deps, request, requestId }: PageInput,
  reader: Reader,
  typed: string,
  fn: (asked: DeviceRequest) => Promise<Reply>,
): Promise<Reply> {
  const whose = { network: networkOf(request), person: reader.person.id };
  return tryUserCode(deps, requestId, whose, async () => await fn(await deviceRequest(deps, typed)));
}

/** The page that asks; a code of another tenant's instance is as unknown as one that never was. */
async function askConsent(
  input: PageInput,
  reader: Reader,
  request: DeviceRequest,
  again: Pick<ConsentPage, "alert" | "status" | "chosen"> = {},
): Promise<Reply> {
  const { client } = request;
  const places = await placesFor(input, reader, client);
  if (client.tenantId === null && places.length === 0) {
    const text = "You belong to no account into which you could claim this instance: an invitation brings you in.";
    return await messagePage({ status: 403, title: TITLE }, text, TO_ACCOUNT);
  }
  const context = readerContext(input, reader, client, places, null);
  const { scopes } = await inspectDevice(context, request.userCode);
  // Told only to whom the request is shown.
  if (request.answered) throw new Problem("conflict");
  return await consentPage({
    person: reader.person,
    csrf: await csrfToken(reader.secret),
    action: "/device/answer",
    fields: { user_code: request.userCode },
    client,
    scopes,
    userCode: request.userCode,
    places: shownPlaces(places, client),
    nowMs: input.deps.clock.now(),
    ...again,
  });
}

/** /device: where a person enters the code that a device shows, and lets it sign them in or not. */
export const devicePageRoutes: RouteDefinition[] = [
  defineRoute({
    ...PAGES,
    method: "GET",
    path: "/device",
    operationId: "get_device_page",
    summary: "The page on which a device's code is entered",
    description: "A link may bring the code; it is shown to be compared with the device's all the same.",
    // Whatever a link brings, a person gets a page.
    query: z.object({ user_code: z.string().max(8_000).optional() }),
    responses: { 200: PAGE, 303: SENT_ON },
    problems: [],
    handle: async (input) =>
      await asPage(TITLE, async () => {
        const { query } = input;
        const code = normaliseUserCode(query.user_code ?? "") ?? "";
        const reader = await signedIn(input);
        if (reader === null) {
          const back = code === "" ? "/device" : `/device?user_code=${code}`;
          return seeOther(`/login?return_to=${encodeURIComponent(back)}`);
        }
        return await deviceCodePage({ csrf: await csrfToken(reader.secret), userCode: code });
      }),
  }),
  defineRoute({
    ...PAGES,
    method: "POST",
    path: "/device",
    operationId: "show_device_request_page",
    summary: "Shows what stands behind a device's code",
    body: {
      content: "application/x-www-form-urlencoded",
      schema: z.object({ ...csrf, user_code: userCode }),
      required: true,
      example: { csrf_token: "…", user_code: "WDJB-MJHT" },
    },
    responses: { 200: PAGE, 401: REFUSED, 403: REFUSED, 404: REFUSED, 409: REFUSED },
    problems: [],
    handle: async (input) =>
      await asPage(TITLE, async () => {
        const { body } = input;
        const reader = await fromOwnPage(input, body.csrf_token);
        try {
          return await withRequest(input, reader, body.user_code, (asked) => askConsent(input, reader, asked));
        } catch (error) {
          if (!(error instanceof Problem) || error.problem !== "not-found") throw error;
          return await deviceCodePage({
            csrf: await csrfToken(reader.secret),
            userCode: normaliseUserCode(body.user_code) ?? "",
            status: 404,
            alert: "No device waits with this code. Codes end after ten minutes: begin anew on the device.",
          });
        }
      }),
  }),
  defineRoute({
    ...PAGES,
    method: "POST",
    path: "/device/answer",
    operationId: "answer_device_request_page",
    summary: "Approves a device's sign-in, or turns it down",
    body: {
      content: "application/x-www-form-urlencoded",
      schema: z.object({ ...consentFields, user_code: userCode, code_matches: z.enum(["yes"]).optional() }),
      required: true,
      example: { csrf_token: "…", user_code: "WDJB-MJHT", answer: "approve", code_matches: "yes" },
    },
    responses: { 200: PAGE, 401: REFUSED, 403: REFUSED, 404: REFUSED, 409: REFUSED },
    problems: [],
    handle: async (input) =>
      await asPage(TITLE, async () => {
        const { deps, body, request, requestId } = input;
        const reader = await fromOwnPage(input, body.csrf_token);
        return await withRequest(input, reader, body.user_code, async (asked) => {
          const name = asked.client.name ?? "The instance";
          if (body.answer === "deny") {
            await denyDevice(deps, reader.hash, asked.userCode, { requestId, place: countryOf(request) });
            return await messagePage({ title: "Denied" }, `${name} is told so. Nobody was signed in.`, TO_ACCOUNT);
          }
          if (body.code_matches !== "yes") {
            const alert = "Compare the code with what your device shows, and say that it is the same.";
            return await askConsent(input, reader, asked, { alert, status: 400, chosen: choiceOf(body) });
          }
          const places = await placesFor(input, reader, asked.client);
          const claim = claimOf(body);
          const context = readerContext(input, reader, asked.client, places, claim.workspaceId);
          try {
            const { claimed } = await approveDevice(context, asked.userCode, { chosen: chosenScopes(body), claim });
            const text = claimed
              ? `${claim.name?.trim() || name} is yours now, and you are signed in on it. You can close this page.`
              : `You are signed in on ${asked.client.name ?? "the instance"}. You can close this page.`;
            return await messagePage({ title: "Approved" }, text, TO_ACCOUNT);
          } catch (error) {
            if (!(error instanceof Problem) || error.problem !== "claim-code-required") throw error;
            return await askConsent(input, reader, asked, {
              alert: PROBLEMS[error.problem].title,
              status: 403,
              chosen: choiceOf(body),
            });
          }
        });
      }),
  }),
];

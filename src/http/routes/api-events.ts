import * as z from "zod";
import { type AuthenticationEvent, listEvents } from "../../access/list-events.ts";
import { accountCall, listBody, listSchema, pageQuery, seconds } from "../account-call.ts";
import { actorId } from "../actor-id.ts";
import { defineRoute, type RouteDefinition } from "../route.ts";

const event = z.object({
  object: z.literal("event"),
  id: z.string(),
  event: z.string(),
  outcome: z.enum(["succeeded", "refused"]),
  actor_kind: z.string().nullable(),
  actor_id: z.string().nullable(),
  person_id: z.string().nullable(),
  place: z.string().nullable().describe("The country it came from, ISO 3166-1."),
  reason: z.string().nullable().describe("Why it was refused: the name of a problem."),
  request_id: z.string(),
  recorded_at: z.int(),
});

/** One event, as every route that lists some shows it. */
export function showsEvent(shown: AuthenticationEvent) {
  return {
    object: "event",
    id: shown.id,
    event: shown.event,
    outcome: shown.outcome,
    actor_kind: shown.actorKind,
    actor_id: shown.actorId === null ? null : actorId(shown.actorKind, shown.actorId),
    person_id: shown.personId,
    place: shown.place,
    reason: shown.reason,
    request_id: shown.requestId,
    recorded_at: seconds(shown.recordedAt),
  };
}

/** /api/v1/events. */
export const eventRoutes: RouteDefinition[] = [
  defineRoute({
    method: "GET",
    path: "/api/v1/events",
    operationId: "get_events",
    summary: "The tenant's authentication history, newest first",
    description:
      "Sign-ins, keys used from a new place, rotations, and refusals of genuine keys, tokens and sessions: of each at most one an hour and reason, at that hour. Kept for 12 months. No network addresses.",
    tags: ["api"],
    security: "account",
    permission: "events:read",
    query: pageQuery("authenticationEvent"),
    responses: {
      200: {
        description: "One page of events.",
        schema: listSchema(event),
        example: {
          object: "list",
          data: [
            {
              object: "event",
              id: "aev_01KAHJ8888H4J5K6M7N8P9Q0R1",
              event: "request",
              outcome: "refused",
              actor_kind: "api-key",
              actor_id: "crd_01KAHJ7777G8H9J0K1M2N3P4Q5",
              person_id: null,
              place: "AT",
              reason: "key-expired",
              request_id: "req_01KAHJ7777Z6A7B8C9D0E1F2G3",
              recorded_at: 1795219200,
            },
          ],
          next_cursor: null,
        },
      },
    },
    problems: [],
    limited: true,
    handle: async (input) => {
      const { context, headers } = await accountCall(input);
      const { limit, cursor = null } = input.query;
      const page = await listEvents(context, { limit, after: cursor });
      return { status: 200, headers, body: listBody(page, showsEvent) };
    },
  }),
];

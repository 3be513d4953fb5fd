import * as z from "zod";
import { logOut } from "../../sign-ins/log-out.ts";
import { profileOf } from "../../sign-ins/profile.ts";
import { recordAsked } from "../../telemetry/record-asked.ts";
import { defineRoute, type RouteDefinition } from "../route.ts";
import { countryOf } from "../whence.ts";

const instant = z.string().meta({ format: "date-time" });

const session = z.object({
  id: z.string(),
  client_id: z.string(),
  user_id: z.string(),
  workspace_id: z.string(),
  generation: z.int().meta({ format: "int64" }),
  scopes: z.array(z.string()),
  expires_at: instant,
  created_at: instant,
});

const profile = z.object({
  id: z.string(),
  identity: z.object({ name: z.string(), email: z.string() }),
  subscription: z.object({
    plan: z.object({ name: z.string() }),
    entitlements: z.array(z.object({ name: z.string() })),
  }),
});

const ended = z.object({ id: z.string(), ended: z.literal(true), effective: z.boolean() });

const ONCE_AN_HOUR = "Recorded once an hour a person and instance, however often it is asked: the hour, and no more.";

/** /instance/user/*: what an instance asks with the access token of somebody who is signed in on it. */
export const instanceUserRoutes: RouteDefinition[] = [
  defineRoute({
    method: "GET",
    path: "/instance/user/session",
    operationId: "get_session",
    summary: "An instance asks whether somebody's sign-in on it still lasts",
    description: `What the token says of itself, while it is accepted. \`id\` is the sign-in's, \`created_at\` when the person approved it, \`expires_at\` the token's end: a refresh comes later. ${ONCE_AN_HOUR}`,
    tags: ["instance"],
    security: "user-token",
    scope: "profile:read",
    responses: {
      200: {
        description: "The sign-in.",
        schema: session,
        example: {
          id: "fam_01KAHJ3333A4B5C6D7E8F9G0H1",
          client_id: "ebbc_…",
          user_id: "per_01KAHJ1111N2P3Q4R5S6T7V8W9",
          workspace_id: "wsp_01KAHJ0000M2N4P6Q8S0T2V4W6",
          generation: 1,
          scopes: ["profile:read"],
          expires_at: "2026-11-28T00:00:00.000Z",
          created_at: "2026-11-21T00:00:00.000Z",
        },
      },
    },
    problems: [],
    limited: true,
    quiet: true,
    handle: async ({ deps, requestId, credential }) => {
      const headers = await recordAsked(deps, requestId, credential, "session");
      const { familyId, clientId, personId, workspaceId, generation, scopes, expiresAtMs, signedInAtMs } = credential;
      return {
        status: 200,
        headers,
        body: {
          id: familyId,
          client_id: clientId,
          user_id: personId,
          workspace_id: workspaceId,
          generation,
          scopes,
          expires_at: new Date(expiresAtMs).toISOString(),
          created_at: new Date(signedInAtMs).toISOString(),
        },
      };
    },
  }),
  defineRoute({
    method: "GET",
    path: "/instance/user/profile",
    operationId: "get_profile",
    summary: "An instance asks who is signed in on it",
    description: `The person as their provider named them, the tenant's plan and what it includes. \`name\` falls back to the address; either is "" where the provider gave none. ${ONCE_AN_HOUR}`,
    tags: ["instance"],
    security: "user-token",
    scope: "profile:read",
    responses: {
      200: {
        description: "The person's profile.",
        schema: profile,
        example: {
          id: "per_01KAHJ1111N2P3Q4R5S6T7V8W9",
          identity: { name: "Grace Hopper", email: "grace@acme.example" },
          subscription: { plan: { name: "team" }, entitlements: [{ name: "assistant" }] },
        },
      },
    },
    problems: [],
    limited: true,
    quiet: true,
    handle: async ({ deps, requestId, credential }) => {
      const headers = await recordAsked(deps, requestId, credential, "profile");
      const { id, name, email, plan, entitlements } = await profileOf(deps, credential);
      return {
        status: 200,
        headers,
        body: {
          id,
          identity: { name: name || email || "", email: email ?? "" },
          subscription: {
            plan: { name: plan },
            entitlements: entitlements.map((entitlement) => ({ name: entitlement })),
          },
        },
      };
    },
  }),
  defineRoute({
    method: "POST",
    path: "/instance/user/session/revoke",
    operationId: "revoke_session",
    summary: "Somebody logs out of an instance",
    description:
      "Ends the sign-in of which the token came, with all its tokens. Repeating it answers the same. `effective: false`: the tokens are refused within minutes, not yet.",
    tags: ["instance"],
    security: "user-token",
    responses: {
      200: {
        description: "The sign-in has ended.",
        schema: ended,
        example: { id: "fam_01KAHJ3333A4B5C6D7E8F9G0H1", ended: true, effective: true },
      },
    },
    problems: [],
    limited: true,
    handle: async ({ deps, requestId, credential, request }) => {
      const { effective, headers } = await logOut(deps, requestId, credential, countryOf(request));
      return { status: 200, headers, body: { id: credential.familyId, ended: true, effective } };
    },
  }),
];

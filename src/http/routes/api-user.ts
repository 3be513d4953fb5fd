import * as z from "zod";
import type { KeyCredential, SessionCredential, UserCredential } from "../../access/credential.ts";
import { permissionsOf } from "../../core/permission.ts";
import type { Deps } from "../../deps.ts";
import { takeOrRefuse } from "../../gate/limit.ts";
import { platformGateId, takePublic } from "../../gate/platform.ts";
import { takeOfUser } from "../../gate/user.ts";
import { knownKey } from "../../keys/known-key.ts";
import { type AskingPerson, askingPerson } from "../../people/asking-person.ts";
import { personOfSignIn } from "../../people/of-sign-in.ts";
import { seconds } from "../account-call.ts";
import { networkOf } from "../network.ts";
import type { Reply } from "../reply.ts";
import { defineRoute, type RouteDefinition } from "../route.ts";
import { whenceOf } from "../whence.ts";

const user = z.object({
  object: z.literal("user"),
  /** How the caller proved who it is. */
  kind: z.enum(["api-key", "personal-access-token", "session", "access-token"]),
  id: z.string(),
  name: z.string().nullable(),
  email: z.string().nullable(),
  created_at: z.int(),
  updated_at: z.int(),
  /** Whose token it is, or who made the key. */
  person_id: z.string().nullable(),
  credential_id: z.string().nullable(),
  tenant_id: z.string().nullable(),
  role: z.string().nullable(),
  permissions: z.array(z.string()).nullable(),
  memberships: z.array(z.object({ tenant_id: z.string(), role: z.string() })).nullable(),
});

const EXAMPLE = {
  object: "user",
  kind: "api-key",
  id: "crd_01KAHJ7777G8H9J0K1M2N3P4Q5",
  name: "dashboard",
  email: null,
  created_at: 1795219200,
  updated_at: 1795219200,
  person_id: null,
  credential_id: "crd_01KAHJ7777G8H9J0K1M2N3P4Q5",
  tenant_id: "tnt_01KAHJ0000M2N4P6Q8S0T2V4W6",
  role: null,
  permissions: ["instances:read"],
  memberships: null,
};

/** What we know of a person comes from their provider; `updated_at` is when that last told something else. */
const showsPerson = ({
  id,
  name,
  email,
  createdAt,
  updatedAt,
}: Pick<AskingPerson, "id" | "name" | "email" | "createdAt" | "updatedAt">) => ({
  id,
  name,
  email,
  created_at: seconds(createdAt),
  updated_at: seconds(updatedAt ?? createdAt),
  person_id: id,
});

/** /api/v1/user. */
export const userRoutes: RouteDefinition[] = [
  defineRoute({
    method: "GET",
    path: "/api/v1/user",
    operationId: "get_user",
    summary: "Who is asking, for which tenant, and what they may do now",
    description:
      "With a personal access token, a session or a person's access token on an instance (scope `profile:read`): the person. With an API key: the key itself, which is who asks then; `kind` says which. `permissions` are as they are now, never more than the person's role allows. Somebody in person who belongs to several tenants has no `tenant_id`, `role` and `permissions` here, but `memberships`.",
    tags: ["api"],
    security: "account-or-user",
    scope: "profile:read",
    personal: true,
    responses: { 200: { description: "Who is asking.", schema: user, example: EXAMPLE } },
    problems: ["tenant-suspended"],
    limited: true,
    handle: ({ deps, credential, request, requestId }) => {
      if (credential.kind === "user-token") return onInstance(deps, credential, requestId);
      return credential.kind === "session"
        ? inPerson(deps, credential, request, requestId)
        : withKey(deps, credential, request, requestId);
    },
  }),
];

/** What a person may do there is for the token's scopes to say, which it holds: no permissions of the account. */
async function onInstance(deps: Deps, credential: UserCredential, requestId: string): Promise<Reply> {
  const headers = await takeOfUser(deps, requestId, credential);
  const person = await personOfSignIn(deps.app, credential);
  return {
    status: 200,
    headers,
    body: {
      object: "user",
      kind: "access-token",
      ...showsPerson(person),
      credential_id: null,
      tenant_id: credential.tenantId,
      role: person.role,
      permissions: null,
      memberships: null,
    },
  };
}

async function withKey(deps: Deps, credential: KeyCredential, request: Request, requestId: string): Promise<Reply> {
  const { facts, headers } = await knownKey(deps, credential, { requestId, ...whenceOf(request) });
  // A gate keeps nobody's name or address: those of a token's person are asked for.
  const who =
    facts.kind === "personal-access-token"
      ? showsPerson(await askingPerson(deps.app, credential.hash))
      : {
          id: facts.id,
          name: facts.name,
          email: null,
          created_at: seconds(facts.createdAt),
          updated_at: seconds(facts.createdAt),
          person_id: facts.personId,
        };
  return {
    status: 200,
    headers,
    body: {
      object: "user",
      kind: facts.kind,
      ...who,
      credential_id: facts.id,
      tenant_id: facts.tenantId,
      role: facts.role === "none" ? null : facts.role,
      permissions: facts.permissions,
      memberships: null,
    },
  };
}

async function inPerson(deps: Deps, session: SessionCredential, request: Request, requestId: string): Promise<Reply> {
  const network = networkOf(request);
  // A cookie that anybody can make up is looked up in Postgres: that is limited first.
  await takePublic(deps, requestId, network);
  const person = await askingPerson(deps.app, session.hash);
  const headers =
    person.gateId === null
      ? // Nobody's member yet: counted as somebody from that network.
        await takeOrRefuse(deps, platformGateId(network), { requestId, routeClass: "public", subjects: { network } })
      : await takeOrRefuse(deps, person.gateId, {
          requestId,
          routeClass: "account",
          subjects: { person: person.uuid },
        });
  const [only, ...others] = person.memberships;
  const one = others.length === 0 ? only : undefined;
  return {
    status: 200,
    headers,
    body: {
      object: "user",
      kind: "session",
      ...showsPerson(person),
      credential_id: null,
      tenant_id: one?.tenantId ?? null,
      role: one?.role ?? null,
      permissions: one === undefined ? null : permissionsOf(one.role),
      memberships: person.memberships.map(({ tenantId, role }) => ({ tenant_id: tenantId, role })),
    },
  };
}

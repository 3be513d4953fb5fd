import * as z from "zod";
import type { Id } from "../core/id.ts";
import type { Claim } from "../grants/claim.ts";
import type { RequestingClient } from "../grants/device-request.ts";
import { SCOPE_TABLE, SCOPES } from "../oauth/scope.ts";
import { type OwnWorkspace, ownWorkspaces } from "../people/own-workspaces.ts";
import type { Context } from "../verb.ts";
import { idSchema } from "./id-schema.ts";
import { csrf, type PageInput, type Reader } from "./page-call.ts";
import { type ConsentChoice, scopeField } from "./pages/consent.ts";
import { shownName } from "./text-schema.ts";

const box = z.enum(["yes"]).optional();

/** What the page that asks for consent sends: the answer, a box for each scope, and what claiming takes. */
export const consentFields = {
  ...csrf,
  answer: z.enum(["approve", "deny"]),
  workspace_id: idSchema("workspace").optional(),
  claim_code: z.string().max(100).optional(),
  name: shownName(100).optional(),
  ...Object.fromEntries(SCOPES.map((scope) => [scopeField(scope), box])),
};

type ConsentAnswer = Readonly<Record<string, unknown>>;

/** The scopes that were ticked, and those without which nothing is granted: their boxes cannot be unticked. */
export function chosenScopes(answer: ConsentAnswer): string[] {
  return SCOPES.filter((scope) => SCOPE_TABLE[scope].required || answer[scopeField(scope)] === "yes");
}

export function claimOf(answer: ConsentAnswer): Claim {
  return {
    workspaceId: (answer["workspace_id"] as Id<"workspace"> | undefined) ?? null,
    claimCode: (answer["claim_code"] as string | undefined) ?? null,
    name: (answer["name"] as string | undefined) ?? null,
  };
}

/** What a page that asks again shows as it was answered: the codes alone are to be entered anew. */
export function choiceOf(answer: ConsentAnswer): ConsentChoice {
  const { workspaceId, name } = claimOf(answer);
  return { scopes: chosenScopes(answer), workspaceId, name };
}

/** The reader as whoever acts in the tenant of the client, or, of an unclaimed one, in that of the workspace chosen. */
export function readerContext(
  { deps, requestId }: PageInput,
  reader: Reader,
  client: RequestingClient,
  places: readonly OwnWorkspace[],
  workspaceId: Id<"workspace"> | null,
): Context {
  const place = places.find((one) => one.workspaceId === workspaceId) ?? places[0];
  const target = client.tenantId ?? place?.tenantId ?? null;
  return { deps, requestId: requestId as Id<"request">, credentialHash: reader.hash, target };
}

/** Where an unclaimed client may go; nowhere for one that is claimed. */
export async function placesFor(
  { deps }: PageInput,
  reader: Reader,
  client: RequestingClient,
): Promise<OwnWorkspace[]> {
  return client.tenantId === null ? await ownWorkspaces(deps, reader.hash) : [];
}

/** The same as the page shows them. */
export function shownPlaces(places: readonly OwnWorkspace[], client: RequestingClient) {
  return places.map(({ workspaceId, tenantName, workspaceName, claimCodeRequired }) => ({
    workspaceId,
    label: `${tenantName}, ${workspaceName}`,
    claimCodeRequired: claimCodeRequired || client.claimCodeDemanded,
  }));
}

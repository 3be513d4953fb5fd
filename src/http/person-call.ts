import type { AccountCredential } from "../access/credential.ts";
import type { Deps } from "../deps.ts";
import { takePerson, takePublic } from "../gate/platform.ts";
import { type OwnPerson, ownPerson } from "../people/own.ts";
import { networkOf } from "./network.ts";

interface PersonInput {
  deps: Deps;
  requestId: string;
  credential: AccountCredential;
  request: Request;
}

/**
 * What every route about the caller in person does first: takes from the limits of the caller's network, learns whose
 * session it is, and takes from that person's limits. An API key is nobody's: `not-found`. A personal access token is for
 * one tenant, and tells nothing of the person's others: `forbidden`.
 */
export async function personCall({
  deps,
  requestId,
  credential,
  request,
}: PersonInput): Promise<{ person: OwnPerson; hash: Uint8Array; headers: Record<string, string> }> {
  await takePublic(deps, requestId, networkOf(request));
  const person = await ownPerson(deps, credential.hash);
  const headers = await takePerson(deps, requestId, person.id);
  return { person, hash: credential.hash, headers };
}

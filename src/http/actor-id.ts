import { type IdKind, idFromUuid } from "../core/id.ts";

/** What the id of an actor is an id of; all others are keys' and tokens'. */
const KINDS: Readonly<Record<string, IdKind>> = { person: "person", "registration-key": "registrationKey" };

/** Who did something, as the API shows ids: `per_…`, `crd_…` or `rgk_…`; `job` for what nobody asked for. */
export function actorId(kind: string | null, uuid: string): string {
  if (kind === "job") return kind;
  return idFromUuid(KINDS[kind ?? ""] ?? "credential", uuid);
}

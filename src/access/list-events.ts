import { desc, lt } from "drizzle-orm";
import type { Id } from "../core/id.ts";
import { type Page, type PageRequest, pageOf } from "../db/page.ts";
import { authenticationEvents } from "../db/schema.ts";
import { type Context, read } from "../verb.ts";

export interface AuthenticationEvent {
  id: Id<"authenticationEvent">;
  event: string;
  outcome: "succeeded" | "refused";
  actorKind: string | null;
  /** A uuid: of a person, a key or a token. */
  actorId: string | null;
  personId: Id<"person"> | null;
  /** ISO 3166-1. */
  place: string | null;
  /** The name of a problem. */
  reason: string | null;
  requestId: string;
  /** ms since 1970; of refusals the hour in which they were. */
  recordedAt: number;
}

/** The tenant's authentication history, newest first. */
export async function listEvents(
  context: Context,
  page: PageRequest<Id<"authenticationEvent">>,
): Promise<Page<AuthenticationEvent>> {
  const [rows] = await read(context, "events:read", (db) => [
    db
      .select({
        id: authenticationEvents.id,
        event: authenticationEvents.event,
        outcome: authenticationEvents.outcome,
        actorKind: authenticationEvents.actorKind,
        actorId: authenticationEvents.actorId,
        personId: authenticationEvents.personId,
        place: authenticationEvents.place,
        reason: authenticationEvents.reason,
        requestId: authenticationEvents.requestId,
        recordedAt: authenticationEvents.recordedAt,
      })
      .from(authenticationEvents)
      .where(page.after === null ? undefined : lt(authenticationEvents.id, page.after))
      .orderBy(desc(authenticationEvents.id))
      .limit(page.limit + 1),
  ]);
  return pageOf(rows, page.limit);
}

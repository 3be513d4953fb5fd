import { MINUTE_MS } from "../core/clock.ts";
import { gateHeartbeats } from "../db/schema.ts";
import { callGate } from "../gate/call.ts";
import { type Context, enter } from "../verb.ts";

/** What is journaled is in Postgres within seconds; what has waited as long as this waits for Postgres itself. */
const LATE_MS = 10 * MINUTE_MS;

export interface TenantHealth {
  /** `degraded`: the gate does not answer, rows have waited for ten minutes, or some were put aside as undeliverable. */
  status: "ok" | "degraded";
  gate: "ok" | "unreachable";
  /** As the gate last reported; null before its first flush. Counts are since it was made. */
  telemetry: { heardAt: number; pending: number; recorded: number; repeated: number; dead: number } | null;
}

/** How the tenant entered is served: its gate, and what that still holds. Postgres answers, or this throws `unavailable`. */
export async function tenantHealth(context: Context): Promise<TenantHealth> {
  const { deps } = context;
  const { entered, results } = await enter(context, "pings:read", (db) => [
    db
      .select({
        heardAt: gateHeartbeats.heardAt,
        pending: gateHeartbeats.pending,
        recorded: gateHeartbeats.recorded,
        repeated: gateHeartbeats.repeated,
        dead: gateHeartbeats.dead,
      })
      .from(gateHeartbeats),
  ]);
  const telemetry = results[0]?.[0] ?? null;
  const gate = await callGate(deps, entered.gateId, (stub) => stub.status()).then(
    () => "ok" as const,
    () => "unreachable" as const,
  );
  const late =
    telemetry !== null &&
    (telemetry.dead > 0 || (telemetry.pending > 0 && deps.clock.now() - telemetry.heardAt > LATE_MS));
  return { status: gate === "ok" && !late ? "ok" : "degraded", gate, telemetry };
}

import { parseGateId } from "../src/core/region.ts";
import type { Gate, GateDirectory } from "../src/gate/protocol.ts";
import type { Env } from "./bindings.ts";

/**
 * Finds a gate in the jurisdiction that its id names (Durable Objects, "Data location"): the only place that chooses a
 * namespace. The local runtime knows no jurisdictions; there, and only there, all gates share one.
 */
export function gateDirectory(env: Pick<Env, "TENANT_GATE" | "NEON_LOCAL_ENDPOINT">): GateDirectory {
  return {
    gate(gateId): Gate {
      const { region } = parseGateId(gateId);
      const local = env.NEON_LOCAL_ENDPOINT !== undefined;
      const namespace = region === "any" || local ? env.TENANT_GATE : env.TENANT_GATE.jurisdiction(region);
      return namespace.get(namespace.idFromName(gateId)) as unknown as Gate;
    },
  };
}

import type { InstanceCredential } from "../access/credential.ts";
import { Problem } from "../core/problem.ts";
import type { Deps } from "../deps.ts";
import { callGate, GateUnreachable, gateUnavailable } from "../gate/call.ts";
import { admittedHeaders } from "../gate/limit.ts";
import { PROTOCOL } from "../gate/protocol.ts";
import { ROUTE_CLASSES } from "../limits/route-classes.ts";
import { bucketStart, pingExpiresAt } from "./bucket.ts";

/** What an instance may tell of its operating system. */
export interface OperatingSystem {
  kind: string | null;
  name: string | null;
  version: string | null;
}

export interface AliveAnswer {
  /** Whether this ping is kept: false for a tenant that is suspended. */
  collect: boolean;
  headers: Record<string, string>;
}

/**
 * Records that an instance is alive: one call to its tenant's gate, which answers only after the ping is durable. When
 * the gate cannot be reached the ping goes straight to Postgres, except when the gate is overloaded. Recording twice in
 * a day is one ping. Throws `token-revoked`, `instance-deleted`, `quota-exceeded`, `unavailable`.
 */
export async function recordAlive(
  deps: Deps,
  requestId: string,
  credential: InstanceCredential,
  os: OperatingSystem,
): Promise<AliveAnswer> {
  const { gateId, tenantId, instanceId, tokenId, issuedAtMs } = credential;
  const call = {
    v: PROTOCOL,
    gateId,
    requestId,
    tenantId,
    instanceId,
    tokenId,
    issuedAtMs,
    kind: "alive",
    os,
  } as const;
  try {
    const answer = await callGate(deps, gateId, (gate) => gate.ping(call));
    switch (answer.outcome) {
      case "recorded":
      case "repeated":
        return { collect: true, headers: admittedHeaders(answer.decision) };
      case "ignored":
        return { collect: false, headers: {} };
      case "refused":
        throw new Problem(answer.reason);
      case "limited":
        return { collect: true, headers: admittedHeaders(answer.decision) };
    }
  } catch (error) {
    if (!(error instanceof GateUnreachable)) throw error;
    if (error.overloaded || ROUTE_CLASSES.alive.whenGateFails !== "straight-way") throw gateUnavailable(deps, error);
    deps.logger.log("warn", "straight-way", { gateId });
    return await recordStraight(deps, credential, os);
  }
}

/** The way past an unreachable gate: one statement, which checks credential, status and a bound of its own. */
async function recordStraight(deps: Deps, credential: InstanceCredential, os: OperatingSystem): Promise<AliveAnswer> {
  const bucket = bucketStart("alive", deps.clock.now());
  const outcome = await deps.ingest
    .straightPing({
      tenantId: credential.tenantId,
      instanceId: credential.instanceId,
      issuedAtMs: credential.issuedAtMs,
      kind: "alive",
      bucket,
      expiresAt: pingExpiresAt(bucket),
      osKind: os.kind,
      osName: os.name,
      osVersion: os.version,
    })
    .catch((error: unknown) => {
      throw gateUnavailable(deps, error);
    });
  switch (outcome) {
    case "recorded":
    case "repeated":
      return { collect: true, headers: {} };
    case "suspended":
      return { collect: false, headers: {} };
    case "gone":
      throw new Problem("instance-deleted");
    case "revoked":
      throw new Problem("token-revoked");
    case "limited":
      throw gateUnavailable(deps, null);
  }
}

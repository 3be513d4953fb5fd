import { type Id, idFromUuid } from "../core/id.ts";
import { Problem } from "../core/problem.ts";
import { bytesToSql, instantFromSql } from "../db/columns.ts";
import type { Deps } from "../deps.ts";
import { normaliseUserCode } from "../oauth/user-code.ts";
import { userCodeHash } from "./user-code-hash.ts";

/** The client behind a request for approval: an instance where it is claimed, else what is known of the registration. */
export interface RequestingClient {
  clientId: string;
  /** Null while nobody has claimed it. */
  tenantId: Id<"tenant"> | null;
  instanceId: Id<"instance">;
  name: string | null;
  workspaceId: Id<"workspace"> | null;
  workspaceName: string | null;
  /** What the client has registered for. */
  scope: string;
  registeredAtMs: number;
  /** Of a registration alone, until it is claimed. */
  country: string | null;
  networkOperator: string | null;
  /** It is claimed with the code that it prints alone, whatever a workspace waives. */
  claimCodeDemanded: boolean;
}

export interface DeviceRequest {
  id: Id<"deviceCode">;
  /** What the client asks for. */
  scope: string;
  userCode: string;
  expiresAtMs: number;
  /** Approved, denied or used already. */
  answered: boolean;
  client: RequestingClient;
}

/**
 * What stands behind a user code. Whoever shows it to anybody has counted the attempt first, and lets only those see the
 * instance of a tenant who may enter it. Throws `not-found` for whatever is no live code, alike.
 */
export async function deviceRequest(deps: Pick<Deps, "app">, typed: string): Promise<DeviceRequest> {
  const userCode = normaliseUserCode(typed);
  if (userCode === null) throw new Problem("not-found");
  const [row] = await deps.app.ask("select * from ebb.device_request($1)", [bytesToSql(await userCodeHash(userCode))]);
  if (row === undefined) throw new Problem("not-found");
  const client = await requestingClient(deps, row["client_id"] as string);
  if (client === null) throw new Problem("not-found");
  return {
    id: idFromUuid("deviceCode", row["id"] as string),
    scope: row["scope"] as string,
    userCode,
    expiresAtMs: instantFromSql(row["expires_at"] as string),
    answered: row["answered"] as boolean,
    client,
  };
}

/** A live client by its id; null for one that is revoked, removed, expired or was never there. */
export async function requestingClient(deps: Pick<Deps, "app">, clientId: string): Promise<RequestingClient | null> {
  const [row] = await deps.app.ask("select * from ebb.client_of($1)", [clientId]);
  if (row === undefined) return null;
  const id = <K extends "tenant" | "workspace">(kind: K, name: string) =>
    row[name] === null ? null : idFromUuid(kind, row[name] as string);
  return {
    clientId,
    tenantId: id("tenant", "tenant_id"),
    instanceId: idFromUuid("instance", row["instance_id"] as string),
    name: row["name"] as string | null,
    workspaceId: id("workspace", "workspace_id"),
    workspaceName: row["workspace_name"] as string | null,
    scope: row["registered_scope"] as string,
    registeredAtMs: instantFromSql(row["registered_at"] as string),
    country: row["country"] as string | null,
    networkOperator: row["network_operator"] as string | null,
    claimCodeDemanded: row["claim_code_demanded"] as boolean,
  };
}

import { unseal } from "../access/sealed.ts";
import { type Id, idFromUuid, parseId, uuidFromId } from "../core/id.ts";
import { bytesFromSql } from "../db/columns.ts";
import type { Deps } from "../deps.ts";
import type { Provider } from "./provider.ts";

/** The provider of this name or id, with its secret; null where there is none (any more). Throws `unavailable`. */
export async function findProvider(deps: Deps, id: string): Promise<Provider | null> {
  const own = parseId("identityProvider", id);
  if (own === null) return deps.providers.find((provider) => provider.id === id) ?? null;
  const uuid = uuidFromId("identityProvider", own);
  const [row] = await deps.app.ask("select * from ebb.provider_for_sign_in($1)", [uuid]);
  if (row === undefined) return null;
  const tenantId = idFromUuid("tenant", row["tenant_id"] as string);
  const clientSecret = await unseal(
    bytesFromSql(row["client_secret"]),
    clientSecretPlace(tenantId, own),
    deps.sealingKeys,
  );
  return {
    id: own,
    name: row["name"] as string,
    issuer: row["issuer"] as string,
    clientId: row["client_id"] as string,
    clientSecret,
    tenantId,
    // For its own tenant's invitations alone: `ebb.accept_invitation` sees to that.
    trustsEmail: true,
  };
}

/** Where a tenant's client secret is sealed for. */
export function clientSecretPlace(tenant: Id<"tenant">, row: Id<"identityProvider">) {
  return { tenant, table: "identity_providers", column: "client_secret", row };
}

/** What a tenant offers to its own people; nothing for a tenant that is not there. */
export async function tenantProviders(deps: Deps, tenant: Id<"tenant">): Promise<Pick<Provider, "id" | "name">[]> {
  const rows = await deps.app.ask("select * from ebb.providers_of($1)", [uuidFromId("tenant", tenant)]);
  return rows.map((row) => ({
    id: idFromUuid("identityProvider", row["id"] as string),
    name: row["name"] as string,
  }));
}

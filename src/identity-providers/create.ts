import { seal } from "../access/sealed.ts";
import { type Id, newId } from "../core/id.ts";
import { Problem } from "../core/problem.ts";
import { identityProviders } from "../db/schema.ts";
import { clientSecretPlace } from "../sign-in/find-provider.ts";
import { isIssuer, isLoopback } from "../sign-in/origin.ts";
import { type Context, mutate } from "../verb.ts";

export interface NewIdentityProvider {
  name: string;
  issuer: string;
  clientId: string;
  clientSecret: string;
}

export interface CreatedIdentityProvider {
  id: Id<"identityProvider">;
  createdAt: number;
}

/**
 * Brings an OpenID provider of the tenant's own, which vouches for its members alone. The secret is sealed: it must be
 * sent on. Throws `invalid-field` for an issuer that may not be reached, `conflict` where the tenant has it already.
 */
export async function createIdentityProvider(
  context: Context,
  { name, issuer, clientId, clientSecret }: NewIdentityProvider,
): Promise<CreatedIdentityProvider> {
  const { deps } = context;
  if (!isIssuer(issuer, isLoopback(deps.publicUrl))) {
    throw new Problem("invalid-field", {
      errors: [{ path: "issuer", message: "must be the https URL of a public host, without a query" }],
    });
  }
  return await mutate(context, "providers:write", async (tx, { tenantId }) => {
    const createdAt = deps.clock.now();
    const id = newId("identityProvider", createdAt);
    const sealed = await seal(clientSecret, clientSecretPlace(tenantId, id), deps.sealingKeys);
    const made = await tx
      .insert(identityProviders)
      .values({ id, tenantId, name, issuer, clientId, clientSecret: sealed, createdAt })
      .onConflictDoNothing()
      .returning({ id: identityProviders.id });
    if (made.length === 0) throw new Problem("conflict");
    return {
      result: { id, createdAt },
      audit: { action: "identity-provider.created", subject: id, detail: { issuer } },
    };
  });
}

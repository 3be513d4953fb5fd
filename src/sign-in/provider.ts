import * as z from "zod";
import type { Id } from "../core/id.ts";
import { isIssuer } from "./origin.ts";

/** An OpenID provider at which people sign in. */
export interface Provider {
  /** In `/login/{provider}`: the name that the deployment gives it, or the id of a tenant's. */
  id: string;
  /** What its button says. */
  name: string;
  issuer: string;
  clientId: string;
  clientSecret: string;
  /** Whose own provider it is, vouching for that tenant's members alone; null for one of the deployment's. */
  tenantId: Id<"tenant"> | null;
  /** Whether its `email_verified` counts: of the deployment's only where the deployment says so. */
  trustsEmail: boolean;
}

const Declared = z.array(
  z.strictObject({
    // Shorter than a uuid, by which login states name a tenant's provider, and unlike any typed id.
    id: z.string().regex(/^[a-z][a-z0-9-]{0,30}$/),
    name: z.string().min(1).max(100),
    issuer: z.string(),
    client_id: z.string().min(1),
    client_secret: z.string().min(1),
    trusts_email: z.boolean().default(false),
  }),
);

/** Reads OIDC_PROVIDERS. Throws a TypeError, which holds nothing of it, when malformed. */
export function loadProviders(json: string | undefined, local: boolean): Provider[] {
  const parsed = Declared.safeParse(parseJson(json ?? "[]"));
  if (!parsed.success) throw new TypeError("OIDC_PROVIDERS is not a list of providers");
  if (new Set(parsed.data.map(({ id }) => id)).size < parsed.data.length) {
    throw new TypeError("OIDC_PROVIDERS names a provider twice");
  }
  if (parsed.data.some(({ id }) => id === "callback")) throw new TypeError("OIDC_PROVIDERS uses the name of a path");
  if (!parsed.data.every(({ issuer }) => isIssuer(issuer, local))) {
    throw new TypeError("OIDC_PROVIDERS names an issuer that is not an https URL of a public host");
  }
  return parsed.data.map((declared) => ({
    id: declared.id,
    name: declared.name,
    issuer: declared.issuer,
    clientId: declared.client_id,
    clientSecret: declared.client_secret,
    tenantId: null,
    trustsEmail: declared.trusts_email,
  }));
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

import { seal } from "../access/sealed.ts";
import { hashSecret, newSecret } from "../access/secret.ts";
import { type Id, newId, parseId, uuidFromId } from "../core/id.ts";
import { bytesToSql } from "../db/columns.ts";
import type { Deps } from "../deps.ts";
import { authorizationUrl, discover } from "./openid-connect.ts";
import { isLoopback, returnPath } from "./origin.ts";
import type { Provider } from "./provider.ts";

/**
 * Where this provider sends browsers back to: each has an address of its own, so that the answer of one is never taken for
 * another's, also where it names no issuer (RFC 9700 section 4.4.2.2).
 */
export function redirectUri({ publicUrl }: Pick<Deps, "publicUrl">, { id }: Pick<Provider, "id">): string {
  return `${publicUrl}/login/callback/${id}`;
}

/** What we keep of state and browser together: neither without the other finds the sign-in again. */
export function stateHash(state: string, browser: string): Promise<Uint8Array> {
  return hashSecret(`${state}.${browser}`);
}

/** What the code verifier of a sign-in is sealed for. */
export function codeVerifierPlace(row: Id<"loginState">) {
  return { tenant: "", table: "login_states", column: "code_verifier", row };
}

/**
 * Begins a sign-in at this provider for the browser with this secret, and returns where to send it. Throws SignInRefused
 * `provider-unreachable`, and `unavailable`.
 */
export async function beginSignIn(
  deps: Deps,
  provider: Provider,
  browser: string,
  returnTo: string | null,
): Promise<string> {
  const nowMs = deps.clock.now();
  const server = await discover(provider, { nowMs, local: isLoopback(deps.publicUrl) });
  const id = newId("loginState", nowMs);
  const [state, nonce, codeVerifier] = [newSecret(), newSecret(), newSecret()];
  const own = parseId("identityProvider", provider.id);
  await deps.app.ask("select ebb.begin_sign_in($1, $2, $3, $4, $5, $6, $7)", [
    uuidFromId("loginState", id),
    bytesToSql(await stateHash(state, browser)),
    own === null ? provider.id : uuidFromId("identityProvider", own),
    provider.issuer,
    nonce,
    bytesToSql(await seal(codeVerifier, codeVerifierPlace(id), deps.sealingKeys)),
    returnPath(returnTo),
  ]);
  const challenge = { state, nonce, codeVerifier, redirectUri: redirectUri(deps, provider) };
  return await authorizationUrl(server, provider, challenge);
}

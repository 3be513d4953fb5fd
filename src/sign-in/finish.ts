import { unseal } from "../access/sealed.ts";
import { hashSecret, newSecret } from "../access/secret.ts";
import { idFromUuid } from "../core/id.ts";
import { bytesFromSql, bytesToSql } from "../db/columns.ts";
import type { Deps } from "../deps.ts";
import { codeVerifierPlace, redirectUri, stateHash } from "./begin.ts";
import { findProvider } from "./find-provider.ts";
import type { Identity } from "./identity.ts";
import { discover, identify } from "./openid-connect.ts";
import { isLoopback, returnPath } from "./origin.ts";
import type { Provider } from "./provider.ts";
import { SignInRefused } from "./refusal.ts";

/** The browser that brings a provider's answer. */
export interface Answer {
  /** The provider at whose address it arrived. */
  provider: string;
  parameters: URLSearchParams;
  /** The secret that this browser was given when it began; null where it has none. */
  browser: string | null;
  /** The secret of the session that it had until now: it ends, whoever's it was. */
  formerSession: string | null;
  /** The country it comes from, ISO 3166-1. */
  place: string | null;
  requestId: string;
}

/**
 * Ends a sign-in with a new session. Throws SignInRefused for what is not to be believed, which is recorded where the
 * sign-in was begun by us, and `unavailable`.
 */
export async function finishSignIn(deps: Deps, answer: Answer): Promise<{ secret: string; returnTo: string }> {
  const state = answer.parameters.get("state") ?? "";
  const row = answer.browser === null ? null : await takeLoginState(deps, state, answer.browser);
  if (row === null) throw new SignInRefused("state-unknown");
  try {
    // Before the code goes anywhere: it may be an honest provider's, sent on by another (RFC 9700 section 4.4).
    if (answer.provider !== row.provider) throw new SignInRefused("answer-invalid");
    const provider = await findProvider(deps, row.provider);
    if (provider === null || provider.issuer !== row.issuer) throw new SignInRefused("provider-unknown");
    const identity = await identityFrom(deps, provider, row, state, answer.parameters);
    const secret = newSecret();
    await signIn(deps, row.uuid, identity, secret, answer);
    return { secret, returnTo: returnPath(row.returnTo) };
  } catch (error) {
    if (error instanceof SignInRefused) {
      const { place, requestId } = answer;
      await deps.app.ask("select ebb.refuse_sign_in($1, $2, $3, $4)", [row.uuid, error.reason, place, requestId]);
    }
    throw error;
  }
}

type LoginState = NonNullable<Awaited<ReturnType<typeof takeLoginState>>>;

async function takeLoginState(deps: Deps, state: string, browser: string) {
  const hash = bytesToSql(await stateHash(state, browser));
  const [row] = await deps.app.ask("select * from ebb.take_login_state($1)", [hash]);
  if (row === undefined) return null;
  const uuid = row["id"] as string;
  const named = row["provider"] as string;
  const id = idFromUuid("loginState", uuid);
  const sealed = bytesFromSql(row["code_verifier"]);
  return {
    uuid,
    provider: /^[0-9a-f-]{36}$/.test(named) ? idFromUuid("identityProvider", named) : named,
    issuer: row["issuer"] as string,
    nonce: row["nonce"] as string,
    codeVerifier: await unseal(sealed, codeVerifierPlace(id), deps.sealingKeys),
    returnTo: row["return_to"] as string | null,
  };
}

async function identityFrom(
  deps: Deps,
  provider: Provider,
  { nonce, codeVerifier }: LoginState,
  state: string,
  parameters: URLSearchParams,
): Promise<Identity> {
  const circumstances = { nowMs: deps.clock.now(), local: isLoopback(deps.publicUrl) };
  const challenge = { state, nonce, codeVerifier, redirectUri: redirectUri(deps, provider) };
  return await identify(await discover(provider, circumstances), provider, challenge, parameters, circumstances);
}

async function signIn(deps: Deps, stateUuid: string, identity: Identity, secret: string, answer: Answer) {
  const { subject, email, emailVerified, name } = identity;
  const { formerSession, place, requestId } = answer;
  const signedIn = await deps.app.ask("select * from ebb.sign_in($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)", [
    stateUuid,
    subject,
    email,
    emailVerified,
    name,
    bytesToSql(await hashSecret(secret)),
    formerSession === null ? null : bytesToSql(await hashSecret(formerSession)),
    deps.firstOperator,
    place,
    requestId,
  ]);
  if (signedIn.length === 0) throw new SignInRefused("person-expired");
}

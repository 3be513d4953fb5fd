import { numberField, printable, textField } from "./json-field.ts";
import { harmless } from "./options.ts";
import type { Parts } from "./parts.ts";
import type { Registration } from "./registration.ts";
import { deviceRequest, pollRequest, signOutRequest } from "./request.ts";
import { type ClientError, fail, isTransient, ok, type Result } from "./result.ts";
import type { RegisteredClient } from "./state.ts";
import { readSignIn } from "./token-answer.ts";

/** What to show to the person. */
export interface SignInCode {
  /** To be typed at `verificationUri`, or compared with what the page shows. */
  userCode: string;
  /** Both are http(s) addresses. */
  verificationUri: string;
  verificationUriComplete: string;
  /** Asked for by whoever claims the instance; null once it is claimed. */
  claimCode: string | null;
  expiresAtMs: number;
}

export interface SignInRequest {
  /** What the instance asks for; everything that it may if left out. */
  scope?: string;
  onCode: (code: SignInCode) => void;
  signal?: AbortSignal;
}

interface DeviceCode extends SignInCode {
  deviceCode: string;
  intervalMs: number;
  lifetimeMs: number;
}

const DEFAULT_INTERVAL_S = 5;
const LONGEST_WAIT_MS = 60_000;

/**
 * Signs a person in through the cloud (RFC 8628). Polls no faster than the service allows: `slow_down` adds five seconds
 * for good, and what was lost on the way doubles the next wait (section 3.5). `scope` of the result is what was granted.
 */
export function createSignIn({ settings, memory, send }: Parts, registration: Registration) {
  const { now, schedule, emit } = settings;
  let underWay: AbortController | null = null;

  const begin = async (
    scope: string,
    signal: AbortSignal,
    again = true,
  ): Promise<Result<[RegisteredClient, DeviceCode]>> => {
    const client = await registration.ensure("person");
    if (!client.ok) return client;
    const askedAtMs = now();
    const answer = await send(deviceRequest(settings, client.value, scope), "person", signal);
    if (answer.ok) {
      const code = readDeviceCode(answer.value, client.value, askedAtMs);
      return code === null ? fail("invalid-answer") : ok([client.value, code]);
    }
    if (answer.error.reason !== "invalid_client") return answer;
    const refusal = await registration.refused(client.value, answer.error);
    // An unclaimed registration ends after a day; here is a person who wants a new one.
    return again && registration.known().ok === false ? await begin(scope, signal, false) : refusal;
  };

  /** Resolves false when it was stopped. A person waits for it: it keeps the program running. */
  const wait = (ms: number, signal: AbortSignal): Promise<boolean> =>
    new Promise((resolve) => {
      if (signal.aborted) return resolve(false);
      const stop = () => {
        cancel();
        resolve(false);
      };
      const cancel = schedule(
        () => {
          signal.removeEventListener("abort", stop);
          resolve(true);
        },
        ms,
        true,
      );
      signal.addEventListener("abort", stop, { once: true });
    });

  const poll = async (
    client: RegisteredClient,
    code: DeviceCode,
    signal: AbortSignal,
  ): Promise<Result<{ scope: string }>> => {
    let { intervalMs } = code;
    let waitMs = intervalMs;
    // The waits are counted, for the clock may be set meanwhile. The service knows better, and says so when it is over.
    for (let leftMs = code.lifetimeMs - waitMs; leftMs > 0; leftMs -= waitMs) {
      if (!(await wait(waitMs, signal))) return fail("aborted");
      const sentAtMs = now();
      const answer = await send(pollRequest(settings, client, code.deviceCode), "person", signal);
      if (answer.ok) {
        const user = readSignIn(answer.value, sentAtMs, null);
        return user === null ? fail("invalid-answer") : await keep(client, user, signal);
      }
      const { reason, retryAfterMs = 0 } = answer.error;
      if (reason === "slow_down" && answer.error.code === "refused") intervalMs += 5_000;
      else if (reason !== "authorization_pending" && !isTransient(answer.error))
        return await over(client, answer.error);
      const lost = isTransient(answer.error) && answer.error.code !== "limited";
      waitMs = Math.max(lost ? Math.max(intervalMs, Math.min(2 * waitMs, LONGEST_WAIT_MS)) : intervalMs, retryAfterMs);
    }
    return fail("expired");
  };

  const over = async (client: RegisteredClient, error: ClientError): Promise<Result<never>> => {
    const { code: _, ...detail } = error;
    switch (error.reason) {
      case "access_denied":
        return fail("denied", detail);
      case "expired_token":
      case "invalid_grant":
        return fail("expired", detail);
      case "invalid_client":
        return await registration.refused(client, error);
      default:
        return { ok: false, error };
    }
  };

  const keep = async (
    client: RegisteredClient,
    user: NonNullable<ReturnType<typeof readSignIn>>,
    signal: AbortSignal,
  ): Promise<Result<{ scope: string }>> => {
    await memory.read();
    // What was forgotten meanwhile, here or by another process, does not come back.
    if (signal.aborted || memory.state.client?.id !== client.id) return fail("aborted");
    const before = memory.state.user;
    // Whoever approved it has claimed the instance.
    await memory.save({ user, lease: null, client: { ...client, claimed: true, claimCode: null, expiresAtMs: null } });
    emit({ type: "signed-in", scope: user.scope });
    if (before !== null) await send(signOutRequest(settings, before.token), "person");
    return ok({ scope: user.scope });
  };

  const signIn = async ({ scope, onCode, signal }: SignInRequest): Promise<Result<{ scope: string }>> => {
    if (underWay !== null) return fail("busy");
    const mine = new AbortController();
    const abort = () => mine.abort();
    underWay = mine;
    try {
      if (signal?.aborted) abort();
      signal?.addEventListener("abort", abort, { once: true });
      const begun = await begin(scope ?? settings.scope, mine.signal);
      if (!begun.ok) return begun;
      const [client, code] = begun.value;
      const { deviceCode: _, intervalMs: __, lifetimeMs: ___, ...shown } = code;
      harmless(() => onCode(shown));
      return await poll(client, code, mine.signal);
    } finally {
      signal?.removeEventListener("abort", abort);
      underWay = null;
    }
  };

  return {
    begin: signIn,
    /** Ends the one that is under way. */
    stop: () => underWay?.abort(),
  };
}

function readDeviceCode(answer: unknown, client: RegisteredClient, askedAtMs: number): DeviceCode | null {
  const deviceCode = textField(answer, "device_code", 4_096);
  const userCode = printable(textField(answer, "user_code", 64) ?? "", 64);
  const verificationUri = addressField(answer, "verification_uri");
  const lifetimeS = numberField(answer, "expires_in", 1, 86_400);
  if (deviceCode === null || userCode === "" || verificationUri === null || lifetimeS === null) return null;
  return {
    deviceCode,
    userCode,
    verificationUri,
    verificationUriComplete: addressField(answer, "verification_uri_complete") ?? verificationUri,
    claimCode: client.claimed ? null : client.claimCode,
    intervalMs: (numberField(answer, "interval", 1, 300) ?? DEFAULT_INTERVAL_S) * 1000,
    lifetimeMs: lifetimeS * 1000,
    expiresAtMs: askedAtMs + lifetimeS * 1000,
  };
}

/** Hosts hand it to a browser or a shell: nothing but a web address, normalised. */
function addressField(answer: unknown, name: string): string | null {
  const text = textField(answer, name, 2_048);
  if (text === null) return null;
  try {
    const url = new URL(text);
    return url.protocol === "https:" || url.protocol === "http:" ? url.href : null;
  } catch {
    return null;
  }
}

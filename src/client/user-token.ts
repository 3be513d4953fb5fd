import type { Parts } from "./parts.ts";
import type { Registration } from "./registration.ts";
import { type OutgoingRequest, refreshRequest } from "./request.ts";
import { type ClientError, fail, isTransient, ok, type Result } from "./result.ts";
import { singleFlight } from "./single-flight.ts";
import type { SignIn } from "./state.ts";
import { readSignIn } from "./token-answer.ts";

/** How long the service takes a refresh token a second time, after an answer that was lost. */
const REPEATABLE_MS = 60_000;
/** A repetition that leaves later than this might arrive too late. */
const LAST_REPEAT_MS = 50_000;
/** What says that no refresh can help. */
const ENDED: ReadonlySet<string> = new Set(["sign-in-ended", "instance-deleted"]);

export interface UserToken {
  /** Sends what needs the signed-in person's token; refreshes it once and repeats when the service refuses it (401). */
  send(build: (token: string) => OutgoingRequest): Promise<Result<unknown>>;
  /** Asks again now if a refresh of the last minute has lost its answer, as when the program was stopped meanwhile. */
  resume(): Promise<void>;
  /** Sends nothing by a timer until `resume`: a refresh that is to be repeated waits for the next call. */
  stop(): void;
  /** As `stop`, for what is planned now. */
  pause(): void;
  /** Forgets who is signed in, with their lease. */
  drop(reason: string): Promise<void>;
}

/** Whether this sign-in's last refresh has lost its answer, and may be repeated at `nowMs`. */
export function isRepeatable(user: SignIn | null, nowMs: number): boolean {
  const since = user?.refreshSentAtMs ?? null;
  return since !== null && nowMs - since <= LAST_REPEAT_MS;
}

export function createUserToken(parts: Parts, registration: Registration): UserToken {
  const { settings, memory, send, permitted } = parts;
  const { now, random, schedule, emit } = settings;
  let stopped = false;
  let cancelTimer = () => {};
  /** From when the repetition that is planned may be sent at all. */
  let repeatableAtMs: number | null = null;
  let nextTryAtMs = 0;

  const cancelRepeat = (): void => {
    cancelTimer();
    repeatableAtMs = null;
  };

  const drop = async (reason: string): Promise<void> => {
    cancelRepeat();
    if (memory.state.user === null) return;
    await memory.save({ user: null, lease: null });
    emit({ type: "signed-out", reason });
  };

  /**
   * One refresh at a time. Its moment is kept before it is sent: what a crash interrupts can still be repeated. The store
   * is read before and after: who presents a token that another process has replaced ends the sign-in for both.
   */
  const refresh = singleFlight(async (): Promise<Result<string>> => {
    cancelRepeat();
    const ours = memory.state.user;
    const stored = await memory.read();
    if (!stored.ok) return stored;
    const { user, client } = memory.state;
    if (user === null || client === null) return fail("signed-out");
    if (user.token !== ours?.token && now() < user.expiresAtMs) return ok(user.token);
    const sentAtMs = now();
    const since = user.refreshSentAtMs;
    const firstAtMs = since !== null && sentAtMs - since < REPEATABLE_MS && since <= sentAtMs ? since : sentAtMs;
    await memory.save({ user: { ...user, refreshSentAtMs: firstAtMs } });
    const answer = await send(refreshRequest(settings, client, user.refreshToken), "person");
    const renewed = answer.ok ? readSignIn(answer.value, sentAtMs, user) : null;
    const replaced = () => memory.state.user?.refreshToken !== user.refreshToken;
    // Another sign-in has taken its place here meanwhile, or none.
    if (replaced()) return current();
    await memory.read();
    // Another process has signed out, or has refreshed. Of two that did so at once the later answer is the good one.
    if (memory.state.user === null || (renewed === null && replaced())) return current();
    if (renewed !== null) {
      await memory.save({ user: renewed });
      emit({ type: "refreshed", scope: renewed.scope });
      return ok(renewed.token);
    }
    const { error } = answer.ok ? fail("invalid-answer") : answer;
    if (error.reason === "invalid_grant") {
      await drop("invalid_grant");
      return fail("signed-out", { reason: "invalid_grant" });
    }
    nextTryAtMs = now() + Math.max(error.retryAfterMs ?? 0, REPEATABLE_MS);
    if (isTransient(error)) repeatWithin(firstAtMs, error);
    else await memory.save({ user: { ...user, refreshSentAtMs: null } });
    return error.reason === "invalid_client" ? await registration.refused(client, error) : { ok: false, error };
  });

  /** By a timer where the client may send by itself; else at a call after that moment. */
  const repeatWithin = (firstAtMs: number, error: ClientError): void => {
    const delayMs = Math.max(error.retryAfterMs ?? 0, 2_000) + Math.floor(random() * 8_000);
    if (now() + delayMs > firstAtMs + LAST_REPEAT_MS) return;
    if (stopped || !permitted()) {
      nextTryAtMs = now() + delayMs;
      return;
    }
    repeatableAtMs = now() + (error.retryAfterMs ?? 0);
    cancelTimer = schedule(() => void byItself().catch(() => undefined), delayMs, false);
  };

  const pause = (): void => {
    nextTryAtMs = repeatableAtMs ?? nextTryAtMs;
    cancelRepeat();
  };

  const byItself = async (): Promise<void> => {
    pause();
    const known = await memory.read();
    if (known.ok && !stopped && permitted() && isRepeatable(memory.state.user, now())) await refresh();
  };

  const current = (): Result<string> => {
    const { user } = memory.state;
    return user === null ? fail("signed-out") : ok(user.token);
  };

  const token = async (rejected: string | null): Promise<Result<string>> => {
    const { user } = memory.state;
    if (user === null) return fail("signed-out");
    const usable = user.token !== rejected && now() < user.expiresAtMs;
    const due = now() >= user.renewAtMs || user.refreshSentAtMs !== null;
    if (usable && (!due || now() < nextTryAtMs)) return ok(user.token);
    const renewed = await refresh();
    // Half offline is no reason to give up a token that still holds.
    return !renewed.ok && usable && isTransient(renewed.error) ? current() : renewed;
  };

  return {
    drop,
    pause,
    stop: () => {
      stopped = true;
      pause();
    },
    resume: async () => {
      stopped = false;
      await byItself();
    },
    send: async (build) => {
      const first = await token(null);
      if (!first.ok) return first;
      const answer = await send(build(first.value), "person");
      if (answer.ok || answer.error.status !== 401) return answer;
      const reason = answer.error.reason ?? "";
      if (ENDED.has(reason)) {
        await memory.read();
        // Unless another process has signed somebody in meanwhile.
        if (memory.state.user?.token === first.value) {
          await drop(reason);
          return fail("signed-out", { reason });
        }
      }
      const second = await token(first.value);
      return second.ok ? await send(build(second.value), "person") : second;
    },
  };
}

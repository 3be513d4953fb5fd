import { nextPingAt, pingedToday, retryDelay } from "./cadence.ts";
import type { AsInstance } from "./instance-token.ts";
import { field } from "./json-field.ts";
import type { Parts } from "./parts.ts";
import { createQueue } from "./queue.ts";
import type { Registration } from "./registration.ts";
import { aliveRequest } from "./request.ts";
import { type ClientError, fail, isTransient, ok, type Result } from "./result.ts";

/** How a ping went. `pinged` is false when today had one already. */
export interface PingOutcome {
  pinged: boolean;
  /** False: the service keeps nothing of this instance for now. */
  collect: boolean;
  nextAtMs: number | null;
}

export interface Alive {
  /** Begins to ping: now, unless today (UTC) had its ping, then once a day. Registers first if it must, after `before`. */
  start(before: () => Promise<unknown>): Promise<Result<PingOutcome>>;
  stop(): void;
  /** Stops what is under way and what is planned, until `wake`. */
  pause(): void;
  /** Something has changed because of which a ping makes sense now. Does nothing before `start`. */
  wake(): void;
  readonly nextAtMs: number | null;
}

const HOUR_MS = 3_600_000;
/** No wait is longer: a day that the service may ask for, and the spread. What is later was planned by a wrong clock. */
const LONGEST_WAIT_MS = 25 * HOUR_MS;
/** Nor is a ping planned for later than the end of tomorrow (UTC). */
const LONGEST_PLAN_MS = 48 * HOUR_MS;

export function createAlive(parts: Parts, registration: Registration, asInstance: AsInstance): Alive {
  const { settings, memory, permitted } = parts;
  const { now, random, schedule, emit } = settings;
  let running = false;
  /** Once at each start: an instance whose registration has ended does not come back by itself. */
  let mayRegister = false;
  let failures = 0;
  let nextAtMs: number | null = null;
  /** The last failure that waiting mends, and until when it is waited for. */
  let waiting: { untilMs: number; error: ClientError } | null = null;
  let cancelTimer = () => {};
  let underWay = new AbortController();

  const unplan = (): void => {
    cancelTimer();
    nextAtMs = null;
  };

  const plan = (atMs: number): void => {
    unplan();
    if (!running || !permitted()) return;
    nextAtMs = atMs;
    // No timer is longer than an hour: the clock may be set meanwhile, and a long one overflows in some runtimes.
    cancelTimer = schedule(look, Math.min(Math.max(0, atMs - now()), HOUR_MS), false);
  };

  const look = (): void => {
    const leftMs = (nextAtMs ?? 0) - now();
    const tooLate = leftMs > (waiting === null ? LONGEST_PLAN_MS : LONGEST_WAIT_MS);
    if (nextAtMs !== null && leftMs > 0 && !tooLate) plan(nextAtMs);
    else void attempt().catch(() => undefined);
  };

  const outcome = (pinged: boolean): Result<PingOutcome> =>
    ok({ pinged, collect: memory.state.alive?.collect ?? true, nextAtMs });

  const planAfter = (lastAtMs: number): void => plan(nextPingAt(Math.min(lastAtMs, now()), random()));

  const failed = (error: ClientError): void => {
    // Whoever stopped it plans what comes next.
    if (error.code === "aborted") return;
    if (error.code === "not-permitted") {
      unplan();
      return;
    }
    const [transient, storeFailed] = [isTransient(error), error.code === "store-failed"];
    const untilMs = now() + retryDelay(failures, random(), error.retryAfterMs);
    // What only a person can mend is asked again tomorrow.
    if (!transient && !storeFailed) planAfter(now());
    else {
      failures += 1;
      if (transient) waiting = { untilMs, error };
      plan(untilMs);
    }
    // A store has an event of its own, and being offline is none.
    const quiet = storeFailed || error.code === "offline" || error.code === "timeout";
    if (!quiet) emit({ type: "ping-failed", error, nextAtMs });
  };

  const ping = async (): Promise<Result<PingOutcome>> => {
    const sentAtMs = now();
    const { alive } = memory.state;
    if (alive !== null && pingedToday(alive.atMs, sentAtMs)) {
      planAfter(alive.atMs);
      return outcome(false);
    }
    if (underWay.signal.aborted) underWay = new AbortController();
    const { signal } = underWay;
    const client = mayRegister ? await registration.ensure("telemetry") : registration.known();
    if (!client.ok) return client;
    mayRegister = false;
    const answer = await asInstance((token) => aliveRequest(settings, token), "telemetry", signal);
    if (!answer.ok) return answer;
    failures = 0;
    const collect = field(answer.value, "collect") !== false;
    await memory.save({ alive: { atMs: sentAtMs, collect } });
    planAfter(sentAtMs);
    emit({ type: "pinged", collect, nextAtMs });
    return outcome(true);
  };

  const guarded = async (): Promise<Result<PingOutcome>> => {
    const known = await memory.read();
    const result = !known.ok ? known : permitted() ? await due() : fail("not-permitted");
    if (!result.ok && result.error !== waiting?.error) failed(result.error);
    return result;
  };

  const due = async (): Promise<Result<PingOutcome>> => {
    const leftMs = (waiting?.untilMs ?? 0) - now();
    if (waiting !== null && leftMs > 0 && leftMs <= LONGEST_WAIT_MS) {
      plan(waiting.untilMs);
      return { ok: false, error: waiting.error };
    }
    waiting = null;
    return await ping();
  };
  const inTurn = createQueue();
  /** Never two at once: the second finds that today has had its ping. */
  const attempt = () => inTurn(async () => (running ? await guarded() : fail("aborted")));

  const pause = (): void => {
    unplan();
    underWay.abort();
  };

  return {
    get nextAtMs() {
      return nextAtMs;
    },
    start: async (before) => {
      running = true;
      mayRegister = true;
      await before();
      return await attempt();
    },
    pause,
    stop: () => {
      running = false;
      pause();
    },
    wake: () => {
      if (running) void attempt().catch(() => undefined);
    },
  };
}

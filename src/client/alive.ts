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
  /** Begins to ping: now, unless today (UTC) had its ping, then once a day. Registers first if it must. */
  start(): Promise<Result<PingOutcome>>;
  stop(): void;
  /** Stops what is under way and what is planned, until `wake`. */
  pause(): void;
  /** Something has changed because of which a ping makes sense now. Does nothing before `start`. */
  wake(): void;
  readonly nextAtMs: number | null;
}

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

  const plan = (atMs: number): void => {
    cancelTimer();
    nextAtMs = null;
    if (!running || !permitted()) return;
    nextAtMs = atMs;
    cancelTimer = schedule(() => void attempt().catch(() => undefined), Math.max(0, atMs - now()), false);
  };

  const outcome = (pinged: boolean): Result<PingOutcome> =>
    ok({ pinged, collect: memory.state.alive?.collect ?? true, nextAtMs });

  const planAfter = (lastAtMs: number): void => plan(nextPingAt(Math.min(lastAtMs, now()), random()));

  const failed = (error: ClientError): void => {
    if (error.code === "aborted" || error.code === "not-permitted") return;
    const again = isTransient(error) ? retryDelay(failures++, random(), error.retryAfterMs) : null;
    // What only a person can mend is asked again tomorrow.
    if (again === null) planAfter(now());
    else {
      waiting = { untilMs: now() + again, error };
      plan(waiting.untilMs);
    }
    if (error.code !== "offline" && error.code !== "timeout") emit({ type: "ping-failed", error, nextAtMs });
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
    const loaded = await memory.load();
    if (!loaded.ok) {
      plan(now() + retryDelay(failures++, random()));
      return loaded;
    }
    if (!permitted()) return fail("not-permitted");
    if (waiting !== null && now() < waiting.untilMs) {
      plan(waiting.untilMs);
      return { ok: false, error: waiting.error };
    }
    waiting = null;
    const result = await ping();
    if (!result.ok) failed(result.error);
    return result;
  };
  const inTurn = createQueue();
  /** Never two at once: the second finds that today has had its ping. */
  const attempt = () => inTurn(async () => (running ? await guarded() : fail("aborted")));

  const pause = (): void => {
    nextAtMs = null;
    cancelTimer();
    underWay.abort();
  };

  return {
    get nextAtMs() {
      return nextAtMs;
    },
    start: () => {
      running = true;
      mayRegister = true;
      return attempt();
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

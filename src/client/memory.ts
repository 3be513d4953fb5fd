import type { Settings } from "./options.ts";
import { createQueue } from "./queue.ts";
import { fail, ok, type Result } from "./result.ts";
import { emptyState, parseState, type State } from "./state.ts";

const STORE_TIMEOUT_MS = 10_000;

/**
 * What the client knows, in memory and in the host's store, which other processes may share. A write reads the store
 * first and changes no more of it than was changed here. One read or write at a time.
 */
export interface Memory {
  /** `store-failed` as long as it cannot be read: an instance that began anew without it would register a second time. */
  load(): Promise<Result<State>>;
  /** Reads the store again, and takes over all of it but what could not be written yet. */
  read(): Promise<Result<State>>;
  /** What is known now; empty before `load` has succeeded. */
  readonly state: State;
  /** What the owner wants; null: nothing is known. A no of this run holds, whatever the store says. */
  readonly consent: boolean | null;
  /** Changes what is known at once, without a write. The next one holds the change too. */
  note(change: Partial<State>): void;
  /** Changes what is known, then writes it: `store-failed` or `store-newer` if that was not possible. */
  save(change: Partial<State>): Promise<Result<undefined>>;
}

export function createMemory(settings: Settings): Memory {
  const { store, url, now, schedule, emit } = settings;
  let state = emptyState(url);
  let loaded = false;
  let damaged = false;
  let saidNo = false;
  /** Changes that no write has kept so far. */
  let unkept: Partial<State> = {};
  /** Whether `unkept.seenAtMs` puts right a moment that was too late. */
  let corrected = false;
  /** Whose registration the store held last; undefined before it was read. */
  let keptId: string | null | undefined;
  const inTurn = createQueue();

  /** A store that never answers has failed. */
  const bounded = async <T>(work: () => Promise<T>): Promise<T> => {
    let cancel = () => {};
    const late = new Promise<never>((_, reject) => {
      cancel = schedule(() => reject(new Error("late")), STORE_TIMEOUT_MS, false);
    });
    try {
      return await Promise.race([work(), late]);
    } finally {
      cancel();
      late.catch(() => undefined);
    }
  };

  const failed = (during: "read" | "write") => {
    emit({ type: "store-failed", during });
    return fail("store-failed");
  };

  /** What lies in the store, with what was not kept yet on top of it. */
  const merge = (stored: State): void => {
    const id = stored.client?.id ?? null;
    // Another process has replaced the registration: what we would add belongs to the last one.
    if (keptId !== undefined && id !== keptId && unkept.v === undefined) {
      const { consent, seenAtMs } = unkept;
      unkept = { ...(consent == null ? {} : { consent }), ...(seenAtMs === undefined ? {} : { seenAtMs }) };
    }
    keptId = id;
    const seenAtMs = corrected ? 0 : stored.seenAtMs;
    state = { ...stored, ...unkept, seenAtMs: Math.max(seenAtMs, unkept.seenAtMs ?? stored.seenAtMs) };
  };

  const pull = async (): Promise<Result<State>> => {
    let text: string | null;
    try {
      text = await bounded(async () => await store.get());
    } catch {
      return failed("read");
    }
    // Null also where somebody has removed it meanwhile: we still know what it held.
    const stored = text == null ? null : parseState(String(text), url);
    if (stored === "newer") return fail("store-newer");
    const unreadable = stored === "unreadable";
    if (unreadable && !damaged) emit({ type: "store-unreadable" });
    damaged = unreadable;
    // It may have held a no.
    if (unreadable) state = { ...state, consent: unkept.consent ?? false };
    else if (stored !== null) merge(stored);
    loaded = true;
    return ok(state);
  };

  const push = async (): Promise<Result<undefined>> => {
    const known = await pull();
    if (!known.ok) return known;
    const written = unkept;
    const id = state.client?.id ?? null;
    try {
      const text = JSON.stringify(state);
      await bounded(async () => await store.set(text));
    } catch {
      return failed("write");
    }
    unkept = Object.fromEntries(
      Object.entries(unkept).filter(([name, value]) => value !== written[name as keyof State]),
    );
    if (unkept.seenAtMs === undefined) corrected = false;
    keptId = id;
    return ok(undefined);
  };

  const note = (change: Partial<State>): void => {
    if (change.consent != null) saidNo = !change.consent;
    if (change.seenAtMs !== undefined) corrected = true;
    unkept = { ...unkept, ...change, seenAtMs: change.seenAtMs ?? Math.max(state.seenAtMs, now()) };
    state = { ...state, ...unkept };
  };

  return {
    load: async () => (loaded ? ok(state) : await inTurn(async () => (loaded ? ok(state) : await pull()))),
    read: () => inTurn(pull),
    get state() {
      return state;
    },
    get consent() {
      return saidNo ? false : state.consent;
    },
    note,
    save: (change) => {
      note(change);
      return inTurn(push);
    },
  };
}

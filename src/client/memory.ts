import type { Settings } from "./options.ts";
import { createQueue } from "./queue.ts";
import { fail, ok, type Result } from "./result.ts";
import { singleFlight } from "./single-flight.ts";
import { emptyState, parseState, type State } from "./state.ts";

const STORE_TIMEOUT_MS = 10_000;

/** What the client knows, in memory and in the host's store. Read once, written after every change, one write at a time. */
export interface Memory {
  /** `store-failed` as long as it cannot be read: an instance that began anew without it would register a second time. */
  load(): Promise<Result<State>>;
  /** What is known now; empty before `load` has succeeded. */
  readonly state: State;
  /**
   * Changes what is known, then writes it, and says whether it was written. A write that fails is an event as well; the
   * next one holds the change too.
   */
  save(change: Partial<State>): Promise<boolean>;
}

export function createMemory(settings: Settings): Memory {
  const { store, url, now, schedule, emit } = settings;
  let state = emptyState(url);
  let loaded = false;
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

  const write = async (): Promise<boolean> => {
    try {
      const text = JSON.stringify(state);
      await bounded(async () => await store.set(text));
      return true;
    } catch {
      emit({ type: "store-failed", during: "write" });
      return false;
    }
  };

  const load = singleFlight(async (): Promise<Result<State>> => {
    if (loaded) return ok(state);
    try {
      const text = await bounded(async () => await store.get());
      const known = text ? parseState(String(text), url) : emptyState(url);
      if (known === null) emit({ type: "store-unreadable" });
      state = known ?? emptyState(url);
      loaded = true;
      return ok(state);
    } catch {
      emit({ type: "store-failed", during: "read" });
      return fail("store-failed");
    }
  });

  return {
    load,
    get state() {
      return state;
    },
    save: async (change) => {
      state = { ...state, ...change, seenAtMs: change.seenAtMs ?? Math.max(state.seenAtMs, now()) };
      return await inTurn(write);
    },
  };
}

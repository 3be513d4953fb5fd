/**
 * A failure at the wire, for tests.
 * - `refuse`: the connection is dropped before anything runs.
 * - `drop-after-commit`: everything runs and commits, then the connection is dropped without an answer.
 * - `refuse-commit`: a WebSocket's transaction runs up to its COMMIT, which never arrives; nothing else meets it.
 * - `error-mid`: everything runs, is rolled back, and the connection is dropped.
 */
export interface Fault {
  kind: "refuse" | "drop-after-commit" | "refuse-commit" | "error-mid";
  /** How many requests, or WebSocket transactions, it meets. */
  times: number;
}

const KINDS: readonly Fault["kind"][] = ["refuse", "drop-after-commit", "refuse-commit", "error-mid"];

export interface Faults {
  set(fault: Fault | null): void;
  /** Whether the fault now set is of this kind; uses one of its times. */
  take(kind: Fault["kind"]): boolean;
}

export function faultBox(): Faults {
  let armed: Fault | null = null;
  return {
    set: (fault) => {
      armed = fault ? { ...fault } : null;
    },
    take: (kind) => {
      if (armed?.kind !== kind || armed.times < 1) return false;
      armed.times -= 1;
      return true;
    },
  };
}

/** The fault that a control request describes; a RangeError for anything else. */
export function parseFault(value: unknown): Fault | null {
  if (value === null) return null;
  if (typeof value === "object" && "kind" in value && "times" in value) {
    const { kind, times } = value;
    const known = KINDS.find((each) => each === kind);
    if (known !== undefined && typeof times === "number" && Number.isSafeInteger(times) && times > 0)
      return { kind: known, times };
  }
  throw new RangeError(
    "a fault is null or {kind: refuse | drop-after-commit | refuse-commit | error-mid, times: 1 or more}",
  );
}

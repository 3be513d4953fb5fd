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
  /** Meets only requests to `/sql` that have this among their parameters; whatever comes first when left out. */
  param?: string;
}

const KINDS: readonly Fault["kind"][] = ["refuse", "drop-after-commit", "refuse-commit", "error-mid"];

export interface Faults {
  set(fault: Fault | null): void;
  /** Whether the fault now set is of this kind and meets these parameters; uses one of its times. */
  take(kind: Fault["kind"], params?: readonly unknown[]): boolean;
}

export function faultBox(): Faults {
  let armed: Fault | null = null;
  return {
    set: (fault) => {
      armed = fault ? { ...fault } : null;
    },
    take: (kind, params = []) => {
      if (armed?.kind !== kind || armed.times < 1) return false;
      if (armed.param !== undefined && !params.includes(armed.param)) return false;
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
    const param: unknown = "param" in value ? value.param : undefined;
    const whole = typeof times === "number" && Number.isSafeInteger(times) && times > 0;
    if (known !== undefined && whole && (param === undefined || typeof param === "string")) {
      return { kind: known, times, ...(param !== undefined && { param }) };
    }
  }
  throw new RangeError(
    "a fault is null or {kind: refuse | drop-after-commit | refuse-commit | error-mid, times: 1 or more, param?: text}",
  );
}

/** A clock that stands still until a test moves it, with the timers that were set by it. */
export class VirtualTime {
  #nowMs: number;
  #timers = new Map<number, { atMs: number; fn: () => void; keepAlive: boolean }>();
  #count = 0;

  constructor(nowMs = Date.UTC(2026, 10, 21, 12)) {
    this.#nowMs = nowMs;
  }

  readonly now = (): number => this.#nowMs;

  readonly schedule = (fn: () => void, delayMs: number, keepAlive: boolean): (() => void) => {
    const id = this.#count++;
    this.#timers.set(id, { atMs: this.#nowMs + Math.max(0, delayMs), fn, keepAlive });
    return () => void this.#timers.delete(id);
  };

  /** How long until each timer, ms, soonest first. */
  pending(keepAlive?: boolean): number[] {
    const chosen = [...this.#timers.values()].filter(
      (timer) => keepAlive === undefined || timer.keepAlive === keepAlive,
    );
    return chosen.map(({ atMs }) => atMs - this.#nowMs).sort((a, b) => a - b);
  }

  /** Moves the clock without any timer: a machine that slept, or a hand on its clock. */
  jump(ms: number): void {
    this.#nowMs += ms;
  }

  /** A hand on its clock, as `jump`; timers end as long from now as before. */
  shift(ms: number): void {
    this.#nowMs += ms;
    for (const timer of this.#timers.values()) timer.atMs += ms;
  }

  /** Moves on, firing each timer at its moment, and lets what it began come to rest before the next. */
  async advance(ms: number): Promise<void> {
    const untilMs = this.#nowMs + ms;
    await rest();
    for (;;) {
      const [next] = [...this.#timers]
        .filter(([, { atMs }]) => atMs <= untilMs)
        .sort(([, a], [, b]) => a.atMs - b.atMs);
      if (next === undefined) break;
      const [id, { atMs, fn }] = next;
      this.#timers.delete(id);
      this.#nowMs = Math.max(this.#nowMs, atMs);
      fn();
      await rest();
    }
    this.#nowMs = Math.max(this.#nowMs, untilMs);
  }

  /** All that its timers hold goes, as when a program ends. */
  clear(): void {
    this.#timers.clear();
  }
}

/** Until nothing that runs inside this process has anything left to do. */
export async function rest(): Promise<void> {
  for (let turn = 0; turn < 8; turn++) await new Promise((resolve) => setImmediate(resolve));
}

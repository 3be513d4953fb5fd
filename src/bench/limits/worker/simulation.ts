import { env } from "cloudflare:workers";
import type { WorkerText } from "../terms.ts";

/**
 * The clock of a trace. Windows of a minute cannot be waited for: where CLOCK says so, Date.now, timers and Durable
 * Objects' alarms follow the trace's time, and rows are counted as they are written. Nobody's code is changed for it. To
 * be imported before everything else. One object is looked at at a time: what belongs to it can be kept in this module,
 * as an isolate is shared by a Worker and its objects.
 */
const SIMULATED = (env as unknown as WorkerText).CLOCK === "simulated";

let nowMs = 0;
let writes = 0;
let alarmAt: number | null = null;
const timers = new Map<number, { at: number; callback: () => void }>();
let lastTimer = 0;
let cursors: SqlStorageCursor<Record<string, SqlStorageValue>>[] = [];

if (SIMULATED) {
  Date.now = () => nowMs;
  const setTimer = (callback: (...rest: unknown[]) => void, delayMs = 0, ...rest: unknown[]) => {
    lastTimer += 1;
    timers.set(lastTimer, { at: nowMs + delayMs, callback: () => callback(...rest) });
    return lastTimer;
  };
  const clearTimer = (id: unknown) => void timers.delete(id as number);
  Object.assign(globalThis, { setTimeout: setTimer, clearTimeout: clearTimer });
}

/** A fresh trace, with a fresh object. */
export function beginTrace(): void {
  nowMs = 0;
  writes = 0;
  alarmAt = null;
  cursors = [];
  timers.clear();
}

/** Lets time pass until `toMs`; what was due on the way comes first, in order. */
export async function advance(toMs: number, ring: () => Promise<void>): Promise<void> {
  for (;;) {
    const [id, timer] = [...timers].sort(([, a], [, b]) => a.at - b.at)[0] ?? [];
    const next = Math.min(timer?.at ?? Number.POSITIVE_INFINITY, alarmAt ?? Number.POSITIVE_INFINITY);
    if (next > toMs) break;
    nowMs = Math.max(nowMs, next);
    if (timer !== undefined && timer.at === next) {
      timers.delete(id as number);
      timer.callback();
    } else {
      alarmAt = null;
      await ring();
    }
  }
  nowMs = toMs;
}

/** Rows written since the trace began. */
export function rowsWritten(): number {
  // A cursor has counted its rows only once its statement has run to the end.
  for (const cursor of cursors) writes += cursor.rowsWritten;
  cursors = [];
  return writes;
}

/** Has an object's storage count what is written, and keep its alarm on the trace's time. To be called when it is made. */
export function watchStorage(storage: DurableObjectStorage): void {
  if (!SIMULATED) return;
  const { sql } = storage;
  const [exec, put, remove] = [sql.exec.bind(sql), storage.put.bind(storage), storage.delete.bind(storage)];
  const counted = (entries: unknown) => {
    writes += typeof entries === "string" ? 1 : Object.keys(entries as object).length;
  };
  Object.assign(sql, {
    exec: (query: string, ...bindings: unknown[]) => {
      const cursor = exec(query, ...bindings);
      cursors.push(cursor);
      return cursor;
    },
  });
  Object.assign(storage, {
    put: (...args: [never, never]) => {
      counted(args[0]);
      return put(...args);
    },
    delete: (...args: [never]) => {
      counted(args[0]);
      return remove(...args);
    },
    getAlarm: () => Promise.resolve(alarmAt),
    setAlarm: (at: number | Date) => {
      writes += 1;
      alarmAt = Number(at);
      return Promise.resolve();
    },
    deleteAlarm: () => {
      alarmAt = null;
      return Promise.resolve();
    },
  });
}

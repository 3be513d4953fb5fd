import type { Table } from "./table.ts";

/** How long and how often to measure. */
export interface BenchOptions {
  /** Seconds of load in one run of one subject. */
  seconds: number;
  runs: number;
  /** Larger tables too, by a bench that has some. */
  large: boolean;
}

export interface BenchContext extends BenchOptions {
  /** Aborted by Ctrl-C, at any moment. */
  signal: AbortSignal;
  /** A throw-away folder on the disk of the data folder, gone after the bench. */
  folder: string;
  /** Has something undone when the bench is over, however it ends; last come, first undone. */
  undo(step: () => Promise<unknown>): void;
  /** Says what is going on, for a person who waits. */
  say(line: string): void;
}

/** Something that must hold, and whether it did. */
export interface Target {
  /** One sentence with both numbers. */
  sentence: string;
  met: boolean;
}

export interface BenchReport {
  tables: Table[];
  /** How it was measured, where that is not obvious. */
  notes: string[];
  targets: Target[];
  /** All that was measured, for the JSON file. */
  figures: Record<string, unknown>;
}

export interface Bench {
  summary: string;
  /** What `--large` adds; a bench without it does not take the option. */
  large?: string;
  /** Throws a StartFailure when the measurement is void: a request failed, a row is missing. */
  run(context: BenchContext): Promise<BenchReport>;
}

import type { Configuration } from "./configuration.ts";
import { UsageFailure } from "./failure.ts";
import type { Style } from "./terminal.ts";

/** One command: `npm run ebb -- <name> [argument] [options]`. Every command also knows --json and --help. */
export interface Command {
  /** One to three words: `purge`, `tenant list`, `retention hold place`. */
  name: string;
  /** One line, for the list of commands. */
  summary: string;
  /** Paragraphs of the command's own help. */
  notes?: readonly string[];
  /** The one word that may stand behind the name. */
  argument?: { name: string; what: string };
  options?: Readonly<Record<string, Option>>;
  /** A whole line that can be pasted, without `npm run ebb -- `. */
  example: string;
  run(call: Call): Promise<Outcome>;
}

export type Option =
  /** `value` names the value in the help. */
  { type: "string"; value: string; what: string; multiple?: true; required?: true } | { type: "boolean"; what: string };

export interface Call {
  argument: string | null;
  options: Options;
  configuration: Configuration;
  style: Style;
  /** How many characters a line of the terminal has. */
  width: number;
  /** Whether one JSON document is all that may reach the standard output. */
  json: boolean;
  /** Tells the person at the terminal, on the standard error, how far long work has come. */
  progress(line: string): void;
  /** All of the standard input. */
  stdin(): Promise<string>;
  /** ms since 1970. */
  now(): number;
}

/** What a command found or did, in both forms; the caller decides which is shown. */
export interface Outcome {
  json: unknown;
  text: readonly string[];
  /** A part that failed, in one sentence: shown after the rest, and the exit code is 1. */
  failure?: string;
}

type Values = Readonly<Record<string, string | boolean | (string | boolean)[] | undefined>>;

/** The options of one call, by their names without dashes. */
export class Options {
  readonly #values: Values;

  constructor(values: Values) {
    this.#values = values;
  }

  flag(name: string): boolean {
    return this.#values[name] === true;
  }

  text(name: string): string | null {
    const value = this.#values[name];
    return typeof value === "string" ? value : null;
  }

  list(name: string): string[] {
    const value = this.#values[name];
    return Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
  }

  /** One of these words, or null. Throws a UsageFailure for another. */
  choice<T extends string>(name: string, choices: readonly T[]): T | null {
    const value = this.text(name);
    if (value === null) return null;
    const found = choices.find((choice) => choice === value);
    if (found === undefined) throw new UsageFailure(`--${name} is one of ${choices.join(", ")}.`);
    return found;
  }

  /** A whole number from 1 to `most`, or null. Throws a UsageFailure for anything else. */
  count(name: string, most: number): number | null {
    const value = this.text(name);
    if (value === null) return null;
    const number = /^\d{1,9}$/.test(value) ? Number(value) : 0;
    if (number < 1 || number > most) throw new UsageFailure(`--${name} is a whole number from 1 to ${most}.`);
    return number;
  }
}

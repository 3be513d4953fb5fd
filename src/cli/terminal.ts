import process from "node:process";
import { text } from "node:stream/consumers";
import { styleText } from "node:util";
import { print, printError } from "../local/print.ts";

/** How a text looks: itself, where colours are not wanted. */
export interface Style {
  strong(text: string): string;
  faint(text: string): string;
  bad(text: string): string;
}

export const PLAIN: Style = { strong: (line) => line, faint: (line) => line, bad: (line) => line };

const COLOURED: Style = {
  strong: (line) => styleText("bold", line, { validateStream: false }),
  faint: (line) => styleText("dim", line, { validateStream: false }),
  bad: (line) => styleText("red", line, { validateStream: false }),
};

/** What a command has of the machine that it runs on. */
export interface Terminal {
  env: NodeJS.ProcessEnv;
  style: Style;
  /** How many characters a line has: 80 where that is not known. */
  width?: number;
  /** A line to the standard output. */
  out(line: string): void;
  /** A line to the standard error. */
  error(line: string): void;
  stdin(): Promise<string>;
  now(): number;
}

/** The process's own. Colours need a terminal, and no NO_COLOR (https://no-color.org). */
export function processTerminal(): Terminal {
  // A reader that has seen enough (`| head`) ends us, without a word.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 0 : 1));
  const coloured = process.stdout.isTTY && !process.env["NO_COLOR"];
  return {
    env: process.env,
    style: coloured ? COLOURED : PLAIN,
    width: process.stdout.columns ?? (Number(process.env["COLUMNS"]) || 80),
    out: print,
    error: printError,
    stdin: () => text(process.stdin),
    now: Date.now,
  };
}

/** Text that others wrote (names, titles), unable to steer the terminal: control characters become �. */
export function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, "\u{fffd}");
}

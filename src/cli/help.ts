import { stripVTControlCharacters } from "node:util";
import type { Command } from "./command.ts";
import { VARIABLES } from "./configuration.ts";
import { PLAIN, type Style } from "./terminal.ts";

const RUN = "npm run ebb --";
/** Without npm's own lines, which would stand first in what a command writes. */
const SILENT = "npm run -s ebb --";
const WIDTH = 100;

/** Commands, one line each. */
export function listing(commands: readonly Command[], style: Style = PLAIN): string[] {
  return [
    `Usage: ${RUN} <command> [options]`,
    "",
    ...pairs(commands.map(({ name, summary }) => [style.strong(name), summary])),
  ];
}

/** All commands, and what holds for every one of them. */
export function overview(commands: readonly Command[], style: Style = PLAIN): string[] {
  return [
    ...listing(commands, style),
    "",
    "Every command takes --help, and --json for one JSON document on the standard output",
    "(in a pipe use npm run -s, or npm's own lines come first).",
    "",
    "Commands talk to what npm run dev has started. The environment names something else:",
    "",
    ...pairs(Object.entries(VARIABLES).map(([name, what]) => [style.strong(name), what])),
  ];
}

/** One command: usage, options, an example. */
export function usage(command: Command, style: Style = PLAIN): string[] {
  const { name, summary, argument, notes = [], options = {}, example } = command;
  const required = Object.entries(options).flatMap(([option, spec]) =>
    spec.type === "string" && spec.required ? [` --${option} <${spec.value}>`] : [],
  );
  const listed: [string, string][] = [
    ...(argument ? [[argument.name, argument.what] as [string, string]] : []),
    ...Object.entries(options).map(([option, spec]): [string, string] => [
      spec.type === "string" ? `--${option} <${spec.value}>` : `--${option}`,
      spec.what,
    ]),
    ["--json", "one JSON document on the standard output and nothing else"],
    ["--help", "this text"],
  ];
  return [
    `Usage: ${RUN} ${name}${argument ? ` [${argument.name}]` : ""}${required.join("")} [options]`,
    "",
    `${summary.charAt(0).toUpperCase()}${summary.slice(1)}.`,
    ...notes.flatMap((note) => wrapped(note)),
    "",
    ...pairs(listed.map(([left, right]) => [style.strong(left), right])),
    "",
    `Example: ${SILENT} ${example}`,
  ];
}

/** What `--help --json` says of a command. */
export function described({ name, summary, notes = [], argument, options = {}, example }: Command) {
  return { name, summary, notes, argument: argument ?? null, options, example: `${SILENT} ${example}` };
}

function pairs(list: readonly (readonly [string, string])[]): string[] {
  const length = (text: string) => stripVTControlCharacters(text).length;
  const wide = Math.max(...list.map(([left]) => length(left)));
  return list.flatMap(([left, right]) =>
    wrapped(right, WIDTH - wide).map(
      (line, at) => `  ${at > 0 ? " ".repeat(wide) : left + " ".repeat(wide - length(left))}  ${line}`,
    ),
  );
}

/** Lines of at most so many characters, broken between words. */
export function wrapped(text: string, width = WIDTH): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line];
}

import { stripVTControlCharacters } from "node:util";
import type { Command } from "./command.ts";
import { VARIABLES } from "./configuration.ts";
import { PLAIN, type Style } from "./terminal.ts";

const RUN = "npm run ebb --";

/** All commands, one line each. */
export function overview(commands: readonly Command[], style: Style = PLAIN): string[] {
  return [
    `Usage: ${RUN} <command> [options]`,
    "",
    ...pairs(commands.map(({ name, summary }) => [style.strong(name), summary])),
    "",
    "Every command takes --help, and --json for one JSON document on the standard output",
    "(in a pipe use npm run -s ebb, or npm's own lines come first).",
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
    ...notes,
    "",
    ...pairs(listed.map(([left, right]) => [style.strong(left), right])),
    "",
    `Example: ${RUN} ${example}`,
  ];
}

/** What `--help --json` says of a command. */
export function described({ name, summary, notes = [], argument, options = {}, example }: Command) {
  return { name, summary, notes, argument: argument ?? null, options, example: `${RUN} ${example}` };
}

function pairs(list: readonly (readonly [string, string])[]): string[] {
  const length = (text: string) => stripVTControlCharacters(text).length;
  const wide = Math.max(...list.map(([left]) => length(left)));
  return list.map(([left, right]) => `  ${left}${" ".repeat(wide - length(left))}  ${right}`);
}

import { parseArgs } from "node:util";
import { type Command, Options } from "./command.ts";
import { UsageFailure } from "./failure.ts";

export interface Parsed {
  /** The command named; those that the one word given begins; or none: the overview. */
  command: Command | null;
  among: readonly Command[];
  argument: string | null;
  options: Options;
  json: boolean;
  help: boolean;
}

const COMMON = { json: { type: "boolean" }, help: { type: "boolean", short: "h" } } as const;

/** Reads a command line. Throws a UsageFailure of one sentence for what it does not know. */
export function parse(args: readonly string[], commands: readonly Command[]): Parsed {
  // `ebb --json tenant list` and `ebb help purge` are understood, too.
  const first = args.findIndex((arg) => !arg.startsWith("-"));
  const before = first === -1 ? args : args.slice(0, first);
  const [word = "", ...more] = first === -1 ? [] : args.slice(first);
  if (word === "help") return parse([...before, ...more, "--help"], commands);
  if (word === "") {
    const { values } = strict("ebb", args, {});
    return { command: null, among: commands, argument: null, options: new Options({}), ...flags(values) };
  }
  const { command, group: shared } = longestNames([word, ...more], commands);
  if (command === null || shared > length(command)) {
    const words = Math.max(1, shared);
    return group([word, ...more].slice(0, words).join(" "), [...before, ...more.slice(words - 1)], commands);
  }
  const rest = more.slice(length(command) - 1);
  const { values, positionals } = strict(command.name, [...before, ...rest], command.options ?? {});
  const [argument = null, surplus] = positionals;
  const unwanted = command.argument === undefined ? argument : (surplus ?? null);
  if (unwanted !== null) {
    throw new UsageFailure(`${command.name} does not take “${unwanted}”: ${helpOf(command.name)} shows what it takes.`);
  }
  const parsed = { command, among: [], argument, options: new Options(values), ...flags(values) };
  if (!parsed.help) requireOptions(command, parsed.options);
  return parsed;
}

const length = ({ name }: Command) => name.split(" ").length;

/** The command with the longest name that these words begin with, and with how many of them others only begin. */
function longestNames(words: readonly string[], commands: readonly Command[]) {
  const first = (count: number) => words.slice(0, count).join(" ");
  const counts = words.map((_, at) => words.length - at);
  return {
    command: counts.map((count) => commands.find(({ name }) => name === first(count))).find(Boolean) ?? null,
    group: counts.find((count) => commands.some(({ name }) => name.startsWith(`${first(count)} `))) ?? 0,
  };
}

/** `tenant` alone: its commands, when help is asked for. */
function group(word: string, rest: readonly string[], commands: readonly Command[]): Parsed {
  const among = commands.filter(({ name }) => name.startsWith(`${word} `));
  const [next] = rest.filter((arg) => !arg.startsWith("-"));
  if (among.length === 0) throw new UsageFailure(`There is no command “${word}”: npm run ebb lists them.`);
  if (next !== undefined || !rest.some((arg) => arg === "--help" || arg === "-h")) {
    const names = among.map(({ name }) => name).join(" or ");
    throw new UsageFailure(`There is no command “${[word, next].filter(Boolean).join(" ")}”: did you mean ${names}?`);
  }
  const { values } = strict(word, rest, {});
  return { command: null, among, argument: null, options: new Options({}), ...flags(values) };
}

function strict(name: string, args: readonly string[], options: NonNullable<Command["options"]>) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        ...COMMON,
        ...Object.fromEntries(
          Object.entries(options).map(([option, spec]) => [
            option,
            { type: spec.type, multiple: spec.type === "string" && spec.multiple === true },
          ]),
        ),
      },
      allowPositionals: true,
    });
  } catch (error) {
    throw new UsageFailure(complaint(name, error));
  }
}

/** Node's own words are for programmers, and run over several sentences. */
function complaint(name: string, error: unknown): string {
  const { code, message } = error as Error & { code?: string };
  const [, option = "an option"] = /'(?:-\w, )?(-[^'\s=]*)/.exec(message) ?? [];
  if (code === "ERR_PARSE_ARGS_UNKNOWN_OPTION") {
    return `${name} has no option ${option}: ${name === "ebb" ? "npm run ebb" : helpOf(name)} shows what there is.`;
  }
  if (/does not take an argument/.test(message)) return `${option} takes no value.`;
  return `${option} needs a value.`;
}

function requireOptions(command: Command, options: Options): void {
  for (const [option, spec] of Object.entries(command.options ?? {})) {
    if (spec.type === "string" && spec.required && options.text(option) === null) {
      throw new UsageFailure(`${command.name} needs --${option} <${spec.value}>: ${spec.what}.`);
    }
  }
}

function flags(values: Record<string, unknown>): { json: boolean; help: boolean } {
  return { json: values["json"] === true, help: values["help"] === true };
}

function helpOf(name: string): string {
  return `npm run ebb -- ${name} --help`;
}

import { parseArgs } from "node:util";
import { errorMessage, StartFailure } from "../local/failure.ts";
import type { BenchOptions } from "./bench.ts";

export interface BenchArguments extends BenchOptions {
  name: string;
  json: boolean;
  help: boolean;
}

export const DEFAULTS: BenchOptions = { seconds: 3, runs: 5 };

/** Reads the command line; `names` are the benches there are, the first being the default. Throws a StartFailure. */
export function parseArguments(args: readonly string[], names: readonly string[]): BenchArguments {
  const { values, positionals } = parse(args);
  const [name = names[0] as string, ...more] = positionals;
  if (!names.includes(name)) {
    throw new StartFailure(`There is no bench named ${JSON.stringify(name)}: there is ${names.join(", ")}.`);
  }
  if (more.length > 0) throw new StartFailure("One bench at a time: they would disturb each other.");
  return {
    name,
    seconds: amount("--seconds", values.seconds, DEFAULTS.seconds, { from: 0.5, to: 60 }),
    runs: amount("--runs", values.runs, DEFAULTS.runs, { from: 1, to: 50, whole: true }),
    json: values.json,
    help: values.help,
  };
}

export function helpText(summaries: Readonly<Record<string, string>>): string {
  const [first = ""] = Object.keys(summaries);
  const width = Math.max(...Object.keys(summaries).map((name) => name.length));
  return [
    "Usage: npm run bench [-- <name>] [--seconds <n>] [--runs <n>] [--json]",
    "",
    ...Object.entries(summaries).map(([name, summary]) => `  ${name.padEnd(width)}  ${summary}`),
    "",
    `  --seconds  load in one run of one subject, ${DEFAULTS.seconds} by default`,
    `  --runs     runs of each subject, interleaved, ${DEFAULTS.runs} by default`,
    "  --json     the report as JSON instead of tables; it is in .ebb/bench/<name>.json either way",
    "",
    `Without a name: ${first}. Exit code 1 when a target is missed or the measurement is void.`,
  ].join("\n");
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        seconds: { type: "string" },
        runs: { type: "string" },
        json: { type: "boolean", default: false },
        help: { type: "boolean", short: "h", default: false },
      },
    });
  } catch (error) {
    throw new StartFailure(`${errorMessage(error).split(". ")[0]?.replace(/\.$/, "")}: see npm run bench -- --help.`);
  }
}

function amount(
  name: string,
  text: string | undefined,
  otherwise: number,
  { from, to, whole = false }: { from: number; to: number; whole?: boolean },
): number {
  if (text === undefined) return otherwise;
  const value = Number(text);
  if (/^\d+(\.\d+)?$/.test(text) && value >= from && value <= to && (!whole || Number.isInteger(value))) return value;
  throw new StartFailure(`${name} takes a ${whole ? "whole number" : "number"} from ${from} to ${to}.`);
}

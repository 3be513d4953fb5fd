import { parseArgs } from "node:util";
import { errorMessage, StartFailure } from "../local/failure.ts";
import type { Bench, BenchOptions } from "./bench.ts";

export interface BenchArguments extends BenchOptions {
  name: string;
  json: boolean;
  help: boolean;
}

export const DEFAULTS = { seconds: 3, runs: 5 };

/** The benches there are, by name. */
export type Known = Readonly<Record<string, Pick<Bench, "summary" | "large">>>;

/** Reads the command line; the first bench is the default. Throws a StartFailure. */
export function parseArguments(args: readonly string[], benches: Known): BenchArguments {
  const names = Object.keys(benches);
  const { values, positionals } = parse(args);
  const [name = names[0] as string, ...more] = positionals;
  if (!names.includes(name)) {
    throw new StartFailure(`There is no bench named ${JSON.stringify(name)}: there is ${names.join(", ")}.`);
  }
  if (more.length > 0) throw new StartFailure("One bench at a time: they would disturb each other.");
  if (values.large && benches[name]?.large === undefined) {
    throw new StartFailure(`${name} has no larger tables: --large is for ${takingLarge(benches).join(", ")} alone.`);
  }
  return {
    name,
    seconds: amount("--seconds", values.seconds, DEFAULTS.seconds, { from: 0.5, to: 60 }),
    runs: amount("--runs", values.runs, DEFAULTS.runs, { from: 1, to: 50, whole: true }),
    large: values.large,
    json: values.json,
    help: values.help,
  };
}

export function helpText(benches: Known): string {
  const [first = ""] = Object.keys(benches);
  const width = Math.max(...Object.keys(benches).map((name) => name.length));
  return [
    "Usage: npm run bench [-- <name>] [--seconds <n>] [--runs <n>] [--large] [--json]",
    "",
    ...Object.entries(benches).map(([name, { summary }]) => `  ${name.padEnd(width)}  ${summary}`),
    "",
    `  --seconds  load in one run of one subject, ${DEFAULTS.seconds} by default`,
    `  --runs     runs of each subject, interleaved, ${DEFAULTS.runs} by default`,
    ...takingLarge(benches).map((name) => `  --large    ${name} alone: ${benches[name]?.large}`),
    "  --json     the report as JSON instead of tables; it is in .ebb/bench/<name>.json either way",
    "",
    `Without a name: ${first}. Exit code 1 when a target is missed or the measurement is void.`,
  ].join("\n");
}

function takingLarge(benches: Known): string[] {
  return Object.keys(benches).filter((name) => benches[name]?.large !== undefined);
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        seconds: { type: "string" },
        runs: { type: "string" },
        large: { type: "boolean", default: false },
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

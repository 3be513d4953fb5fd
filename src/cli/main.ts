import process from "node:process";
import { errorMessage, StartFailure } from "../local/failure.ts";
import { COMMANDS } from "./commands.ts";
import { Configuration } from "./configuration.ts";
import { CommandFailure, UsageFailure } from "./failure.ts";
import { described, listing, overview, usage } from "./help.ts";
import { type Parsed, parse } from "./parse.ts";
import { printable, processTerminal, type Terminal } from "./terminal.ts";

/** Runs one command line. Returns the exit code: 1 when it failed, 2 when it was not understood. */
export async function run(args: readonly string[], terminal: Terminal): Promise<number> {
  try {
    const parsed = parse(args, COMMANDS);
    if (parsed.command === null || parsed.help) return help(parsed, terminal);
    const { command, argument, options, json } = parsed;
    const {
      json: document,
      text,
      failure,
    } = await command.run({
      argument,
      options,
      json,
      configuration: await Configuration.read(terminal.env),
      style: terminal.style,
      width: terminal.width ?? 80,
      progress: terminal.error,
      stdin: terminal.stdin,
      now: terminal.now,
    });
    if (json) terminal.out(JSON.stringify(document, null, 2));
    else for (const line of text) terminal.out(line);
    if (failure !== undefined) terminal.error(printable(failure));
    return failure === undefined ? 0 : 1;
  } catch (error) {
    terminal.error(printable(sentence(error)));
    return error instanceof UsageFailure ? 2 : 1;
  }
}

function help({ command, among, json }: Parsed, { out, style }: Terminal): number {
  if (json) out(JSON.stringify(command ? described(command) : { commands: among.map(described) }, null, 2));
  else {
    const text = command ? usage(command, style) : among === COMMANDS ? overview(among, style) : listing(among, style);
    for (const line of text) out(line);
  }
  return 0;
}

function sentence(error: unknown): string {
  if (error instanceof CommandFailure || error instanceof UsageFailure || error instanceof StartFailure) {
    return error.message;
  }
  return `The command failed: ${errorMessage(error).split("\n", 1)[0]}`;
}

if (import.meta.main) process.exitCode = await run(process.argv.slice(2), processTerminal());

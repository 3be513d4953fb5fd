import { spawn } from "node:child_process";
import { delimiter, join } from "node:path";
import process from "node:process";
import { stripVTControlCharacters } from "node:util";
import { errorCode, errorMessage } from "./failure.ts";
import { PROJECT } from "./paths.ts";

export interface CommandOptions {
  /** Added to our own environment; undefined takes a variable away. */
  env?: Readonly<Record<string, string | undefined>>;
  /** Written to its standard input, which is otherwise closed: nothing waits for an answer. */
  input?: string;
}

export interface CommandResult {
  /** 127 when there is no such program, 124 when it was stopped after ten minutes. */
  code: number;
  /** Both streams, as they came, without colours. */
  output: string;
}

export type Exec = (command: string, args: readonly string[], options?: CommandOptions) => Promise<CommandResult>;

const LIMIT_MS = 10 * 60_000;

/** Runs a program of the machine or of node_modules in the project's folder and collects what it says. Never throws. */
export const runCommand: Exec = (command, args, { env = {}, input } = {}) =>
  new Promise((resolve) => {
    const path = [join(PROJECT, "node_modules/.bin"), process.env["PATH"] ?? ""].join(delimiter);
    const child = spawn(command, args, { cwd: PROJECT, env: { ...process.env, PATH: path, ...env } });
    let output = "";
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      child.kill("SIGKILL");
    }, LIMIT_MS);
    const finish = (code: number, message = "") => {
      clearTimeout(timer);
      resolve({ code, output: stripVTControlCharacters(output + message) });
    };
    const collect = (chunk: string) => {
      output += chunk;
    };
    child.stdout.setEncoding("utf8").on("data", collect);
    child.stderr.setEncoding("utf8").on("data", collect);
    child.stdin.on("error", () => undefined); // a program that ends without reading is judged by its exit code
    child.stdin.end(input ?? "");
    child.on("error", (error) => finish(errorCode(error) === "ENOENT" ? 127 : 126, errorMessage(error)));
    child.on("close", (code) =>
      late ? finish(124, `${command} was stopped after ${LIMIT_MS / 60_000} minutes.`) : finish(code ?? 1),
    );
  });

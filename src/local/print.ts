import process from "node:process";
/** Writes one line for the person at the terminal. */
export function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** Writes one line about something that went wrong. */
export function printError(line: string): void {
  process.stderr.write(`${line}\n`);
}

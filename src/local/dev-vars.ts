import { join } from "node:path";
import { StartFailure } from "./failure.ts";
import { PROJECT } from "./paths.ts";
import { readIfThere, writePrivateFile } from "./private-file.ts";

const HEADER = "# Written by npm run db and npm run dev: changes are lost.";

/** The file that a plain `wrangler dev` reads. */
export const WRANGLER_DEV_VARS = join(PROJECT, ".dev.vars");

/** Writes the Worker's variables as a dotenv file (0600). Single quotes: nothing in them is expanded. */
export async function writeDevVars(path: string, vars: Record<string, string>): Promise<void> {
  const lines = Object.entries(vars).map(([name, value]) => {
    if (/['\n\r]/.test(value))
      throw new StartFailure(`${name} contains a quote or a line break: it cannot be a variable.`);
    return `${name}='${value}'`;
  });
  await writePrivateFile(path, `${[HEADER, ...lines].join("\n")}\n`);
}

/** Writes `.dev.vars` beside wrangler.toml, but never over one that a person wrote: then false. */
export async function writeWranglerDevVars(vars: Record<string, string>): Promise<boolean> {
  const existing = await readIfThere(WRANGLER_DEV_VARS);
  if (existing !== null && !existing.startsWith(HEADER)) return false;
  await writeDevVars(WRANGLER_DEV_VARS, vars);
  return true;
}

import { runCommand } from "../local/command.ts";

/** Builds `ebb/client` into a folder, as `npm run build:client` does into dist/. */
export async function buildClient(folder: string): Promise<void> {
  const { code, output } = await runCommand("tsc", ["-p", "src/client/tsconfig.json", "--outDir", folder]);
  if (code !== 0) throw new Error(output);
}

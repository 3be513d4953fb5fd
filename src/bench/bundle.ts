import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { runCommand } from "../local/command.ts";
import { StartFailure } from "../local/failure.ts";
import { PROJECT } from "../local/paths.ts";

/** What `wrangler deploy` would upload. */
export interface Bundle {
  /** The one ES module. */
  module: string;
  compatibilityDate: string;
  compatibilityFlags: string[];
}

/**
 * Bundles a Worker exactly as a deployment does (`wrangler deploy --dry-run`), with the compatibility date and flags of
 * wrangler.toml. `main` is relative to the project; `classes` are its Durable Objects by binding; `alias` says which file
 * stands for a module. Throws a StartFailure.
 */
export async function bundleWorker(
  folder: string,
  main: string,
  classes: Record<string, string>,
  alias: Record<string, string> = {},
): Promise<Bundle> {
  await mkdir(folder, { recursive: true });
  const compatibility = await compatibilityOf(join(PROJECT, "wrangler.toml"));
  const config = join(folder, "wrangler.json");
  await writeFile(
    config,
    JSON.stringify({
      name: "ebb-bench",
      main: join(PROJECT, main),
      compatibility_date: compatibility.compatibilityDate,
      compatibility_flags: compatibility.compatibilityFlags,
      alias,
      durable_objects: { bindings: Object.entries(classes).map(([name, class_name]) => ({ name, class_name })) },
      migrations: [{ tag: "v1", new_sqlite_classes: Object.values(classes) }],
    }),
  );
  const out = join(folder, "out");
  const { code, output } = await runCommand("wrangler", ["deploy", "--dry-run", "--config", config, "--outdir", out], {
    env: { WRANGLER_SEND_METRICS: "false", WRANGLER_HIDE_BANNER: "true", WRANGLER_WRITE_LOGS: "false" },
  });
  if (code !== 0) throw new StartFailure(`${main} does not bundle:\n${output.trim()}`);
  const modules = (await readdir(out)).filter((name) => name.endsWith(".js"));
  const [module] = modules;
  if (module === undefined || modules.length > 1) throw new StartFailure(`${main} does not bundle into one module.`);
  return { module: join(out, module), ...compatibility };
}

/** wrangler's own reader knows every spelling of the file. */
async function compatibilityOf(path: string): Promise<Omit<Bundle, "module">> {
  const { unstable_readConfig: readConfig } = await import("wrangler");
  const { compatibility_date: compatibilityDate, compatibility_flags: compatibilityFlags } = readConfig({
    config: path,
  });
  if (compatibilityDate === undefined) throw new StartFailure(`${path} has no compatibility_date.`);
  return { compatibilityDate, compatibilityFlags };
}

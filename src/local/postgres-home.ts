import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { lstatSync, mkdirSync, realpathSync, rmSync, symlinkSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import process from "node:process";
import { errorCode, StartFailure } from "./failure.ts";
import { PROJECT } from "./paths.ts";
import { type Account, serverAccount } from "./postgres-account.ts";
import { stopPreviousRun } from "./postgres-previous-run.ts";
import { copyPrograms, installedPrograms, type Programs, tryPrograms } from "./postgres-programs.ts";

/** Where the server runs from, and as whom. */
export interface PostgresHome {
  programs: Programs;
  account: Account | null;
  /** The real data folder, links resolved. */
  dataDir: string;
  /** Set when the data had to go elsewhere; the wanted place is then a link to `dataDir`. */
  linkedFrom: string | null;
}

/**
 * Decides where the server can run. Only root has a choice to make: the account it hands the server to may be unable to
 * reach a checkout below a closed folder such as root's home. Programs and data then live in a folder of root's below
 * /var/tmp, and the wanted data folder becomes a link, so that removing the link still forgets the data.
 */
export async function postgresHome(wantedDataDir: string): Promise<PostgresHome> {
  const installed = installedPrograms();
  const account = serverAccount();
  const first = tryPrograms(installed, account);
  if (!account && !first.ok) throw new StartFailure(`PostgreSQL's programs do not run here: ${first.problem}.`);
  const programs = first.ok ? installed : copyPrograms(installed, refuge());
  if (!first.ok) {
    const second = tryPrograms(programs, account);
    if (!second.ok) throw new StartFailure(`PostgreSQL's programs do not run here: ${second.problem}.`);
  }
  const linked = linkTarget(wantedDataDir);
  if (linked) return { programs, account, dataDir: linked, linkedFrom: wantedDataDir };
  if (!account || canEnter(dirname(wantedDataDir), account)) {
    return {
      programs,
      account,
      dataDir: join(realpathSync(dirname(wantedDataDir)), basename(wantedDataDir)),
      linkedFrom: null,
    };
  }
  if (isThere(wantedDataDir)) {
    throw new StartFailure(
      `The database in ${wantedDataDir} can no longer be reached by PostgreSQL's account: open its parent folders (chmod o+x).`,
    );
  }
  const dataDir = join(refuge(), `data-${shortHash(wantedDataDir)}`);
  // Nothing links there any more: what remains belongs to a data folder that somebody removed.
  await stopPreviousRun(dataDir);
  rmSync(dataDir, { recursive: true, force: true });
  symlinkSync(dataDir, wantedDataDir);
  return { programs, account, dataDir, linkedFrom: wantedDataDir };
}

/**
 * A folder below /var/tmp that is ours and that all may traverse. Its name is predictable, so one that is a link, belongs
 * to somebody else or may be written by others is refused.
 */
function refuge(): string {
  const uid = process.getuid?.() ?? 0;
  const path = `/var/tmp/ebb-${uid}-${shortHash(PROJECT)}`;
  try {
    mkdirSync(path, { mode: 0o711 });
  } catch (error) {
    if (errorCode(error) !== "EEXIST") {
      throw new StartFailure(
        `PostgreSQL's account cannot reach this folder, and ${path} cannot be made: move the checkout.`,
      );
    }
  }
  const found = lstatSync(path);
  if (!found.isDirectory() || found.uid !== uid || (found.mode & 0o022) !== 0) {
    throw new StartFailure(`${path} is needed for the database, but it is not ours alone: remove it.`);
  }
  return path;
}

/** What the wanted folder links to, when it is a link that we made. */
function linkTarget(path: string): string | null {
  if (!isThere(path) || !lstatSync(path).isSymbolicLink()) return null;
  try {
    return realpathSync(path);
  } catch {
    // Whoever cleaned /var/tmp took the data along.
    rmSync(path);
    return null;
  }
}

function isThere(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}

function canEnter(folder: string, account: Account): boolean {
  return spawnSync("/bin/sh", ["-c", 'cd -- "$1"', "sh", folder], { cwd: "/", ...account }).status === 0;
}

function shortHash(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 12);
}

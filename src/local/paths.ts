import { accessSync, chmodSync, constants, existsSync, mkdirSync, statSync } from "node:fs";
import { dirname, isAbsolute, join, resolve } from "node:path";
import process from "node:process";
import { errorCode, errorMessage, StartFailure } from "./failure.ts";

/** The folder of package.json and wrangler.toml. */
export const PROJECT = resolve(import.meta.dirname, "../..");

/** Everything that the local side keeps, in one folder: deleting the folder forgets it all. */
export interface LocalPaths {
  data: string;
  /** PostgreSQL's data folder; a link to another place when the server's account cannot reach this one. */
  postgres: string;
  /** Durable Object storage of `wrangler dev`. */
  wrangler: string;
  /** What scripts need: URLs, keys, tenant ids (0600). */
  localJson: string;
  /** The Worker's variables (0600). */
  devVars: string;
  /** Passwords of the login roles and signing keys (0600). */
  secrets: string;
  /** What the local mailbox took, a file each. */
  mail: string;
  lock: string;
  /** PostgreSQL's log. */
  log: string;
}

/** The layout below `EBB_DATA`, by default `.ebb` beside package.json. Throws a StartFailure for an unusable value. */
export function localPaths(env: NodeJS.ProcessEnv = process.env): LocalPaths {
  const wanted = env["EBB_DATA"] ?? ".ebb";
  if (wanted.trim() === "" || wanted.includes("\0") || wanted.includes("\n")) {
    throw new StartFailure("EBB_DATA is empty or not a path: name a folder, or leave it unset for .ebb.");
  }
  const data = isAbsolute(wanted) ? resolve(wanted) : resolve(PROJECT, wanted);
  return {
    data,
    postgres: join(data, "postgres"),
    wrangler: join(data, "wrangler"),
    localJson: join(data, "local.json"),
    devVars: join(data, "dev.vars"),
    secrets: join(data, "secrets.json"),
    mail: join(data, "mail"),
    lock: join(data, "lock"),
    log: join(data, "postgres.log"),
  };
}

/**
 * Makes the data folder. As root it may be traversed, not listed, by others, because PostgreSQL then runs under another
 * account; every file of ours in it is 0600. A folder that is already there keeps its mode.
 */
export function makeDataFolder(data: string): void {
  try {
    if (existsSync(data)) {
      if (!statSync(data).isDirectory()) throw new StartFailure(`The data folder ${data} is a file: set EBB_DATA.`);
      accessSync(data, constants.R_OK | constants.W_OK | constants.X_OK);
      return;
    }
    makeFolder(data);
    chmodSync(data, process.getuid?.() === 0 ? 0o711 : 0o700);
  } catch (error) {
    if (error instanceof StartFailure) throw error;
    const reason = errorCode(error) === "EACCES" ? "permission denied" : errorMessage(error);
    throw new StartFailure(`The data folder ${data} cannot be used (${reason}): set EBB_DATA to a folder of yours.`);
  }
}

/** Node's own recursive mkdir never ends below a folder that cannot have folders, such as /proc. */
function makeFolder(path: string): void {
  try {
    mkdirSync(path);
  } catch (error) {
    if (errorCode(error) !== "ENOENT" || existsSync(dirname(path))) throw error;
    makeFolder(dirname(path));
    mkdirSync(path);
  }
}

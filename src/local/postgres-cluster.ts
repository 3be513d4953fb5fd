import { spawn, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { existsSync, statSync } from "node:fs";
import { chown, mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import process from "node:process";
import { errorMessage, StartFailure } from "./failure.ts";
import type { PostgresHome } from "./postgres-home.ts";

/** In the data folder, so that data and password are made, moved and removed together. Mode 0600. */
const PASSWORD_FILE = "ebb-superuser-password";

export interface ClusterOptions {
  throwaway: boolean;
  signal: AbortSignal;
  say: (line: string) => void;
}

/**
 * Neon's driver derives the key of a password in 4,096 calls of WebCrypto, which is 0.18 s of each session. Passwords of
 * 32 random bytes that live for minutes need no such stretching.
 */
export const THROWAWAY = { scram_iterations: "1" };

/** Environment of PostgreSQL's programs: nothing of the caller's `PG…` variables or language may change what they do. */
export const PROGRAM_ENVIRONMENT = { PATH: process.env["PATH"] ?? "", LC_ALL: "C", TZ: "UTC" };

/**
 * Makes the database cluster unless it is there, and returns the superuser's password. It is made in a folder beside and
 * renamed when complete: a data folder is whole or absent, whenever the power goes.
 */
export async function ensureCluster(home: PostgresHome, options: ClusterOptions): Promise<string> {
  const { dataDir, account, programs } = home;
  await removeDrafts(dataDir);
  const passwordFile = join(dataDir, PASSWORD_FILE);
  if (existsSync(join(dataDir, "PG_VERSION")) && existsSync(join(dataDir, "global/pg_control"))) {
    const major = (await readFile(join(dataDir, "PG_VERSION"), "utf8")).trim();
    if (major !== programs.major) {
      throw new StartFailure(
        `The database in ${dataDir} was made by PostgreSQL ${major}, this is ${programs.major}: move it away to start anew.`,
      );
    }
    if (!existsSync(passwordFile)) {
      throw new StartFailure(`${passwordFile} is missing: put it back, or move ${dataDir} away to start anew.`);
    }
    if (account && statSync(dataDir).uid !== account.uid) {
      spawnSync("chown", ["-R", `${account.uid}:${account.gid}`, dataDir]);
    }
    return (await readFile(passwordFile, "utf8")).trim();
  }
  if (existsSync(dataDir)) await moveAside(dataDir, options.say);
  options.say("Making the database (first start only) …");
  return await makeCluster(home, options);
}

async function makeCluster({ dataDir, account, programs }: PostgresHome, options: ClusterOptions): Promise<string> {
  const draft = `${dataDir}${DRAFT}${process.pid}`;
  const password = randomBytes(32).toString("base64url");
  try {
    await mkdir(draft, { mode: 0o700 });
    await writeFile(join(draft, "password"), `${password}\n`, { mode: 0o600 });
    if (account) {
      await chown(join(draft, "password"), account.uid, account.gid);
      await chown(draft, account.uid, account.gid);
    }
    const made = join(draft, "data");
    const initdb = spawn(
      join(programs.folder, "bin/initdb"),
      [
        ...["-D", made, "--username=postgres", `--pwfile=${join(draft, "password")}`, "--auth=scram-sha-256"],
        ...["--encoding=UTF8", "--locale=C", "--locale-provider=libc", "--no-instructions"],
        ...(options.throwaway ? ["--no-sync", ...settingsOf(THROWAWAY)] : []),
      ],
      {
        cwd: "/",
        env: PROGRAM_ENVIRONMENT,
        stdio: ["ignore", "ignore", "pipe"],
        signal: options.signal,
        killSignal: "SIGKILL",
        ...account,
      },
    );
    let problem = "";
    initdb.stderr.setEncoding("utf8").on("data", (text: string) => {
      problem += text;
    });
    const [code] = (await once(initdb, "close")) as [number | null];
    options.signal.throwIfAborted();
    if (code !== 0) throw new Error(problem.trim().replaceAll("\n", " ") || "initdb was killed");
    await rename(join(draft, "password"), join(made, PASSWORD_FILE));
    await rename(made, dataDir);
    return password;
  } catch (error) {
    options.signal.throwIfAborted();
    throw new StartFailure(`The database could not be made in ${dataDir}: ${errorMessage(error)}.`);
  } finally {
    await rm(draft, { recursive: true, force: true, maxRetries: 3 });
  }
}

export const settingsOf = (settings: Readonly<Record<string, string>>): string[] =>
  Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);

const DRAFT = ".draft-";

/** What a killed first start left behind. */
async function removeDrafts(dataDir: string): Promise<void> {
  for (const name of await readdir(dirname(dataDir))) {
    if (!name.startsWith(basename(dataDir) + DRAFT)) continue;
    await rm(join(dirname(dataDir), name), { recursive: true, force: true, maxRetries: 3 });
  }
}

/** Ours are never half-made, so somebody else had a hand in this one: it is kept, out of the way. */
async function moveAside(dataDir: string, say: (line: string) => void): Promise<void> {
  if ((await readdir(dataDir)).length === 0) {
    await rm(dataDir, { recursive: true });
    return;
  }
  const aside = `${dataDir}.incomplete-${Date.now()}`;
  await rename(dataDir, aside);
  say(`The database folder was incomplete: kept as ${aside}, a new one is made.`);
}

import { spawnSync } from "node:child_process";
import process from "node:process";

/** The operating system's account that the server runs under. */
export interface Account {
  uid: number;
  gid: number;
}

const NOBODY: Account = { uid: 65_534, gid: 65_534 };

/**
 * PostgreSQL refuses to run as root, so root hands it to the system account `postgres`, made when missing, else to
 * `nobody`. Null when we are not root: the server then runs as we do.
 */
export function serverAccount(): Account | null {
  if (process.getuid?.() !== 0) return null;
  const existing = lookUp();
  if (existing) return existing;
  spawnSync("useradd", [
    "--system",
    "--user-group",
    "--no-create-home",
    "--home-dir",
    "/nonexistent",
    "--shell",
    "/usr/sbin/nologin",
    "postgres",
  ]);
  return lookUp() ?? NOBODY;
}

function lookUp(): Account | null {
  const uid = idOf("-u");
  const gid = idOf("-g");
  return uid === null || gid === null || uid === 0 ? null : { uid, gid };
}

function idOf(flag: "-u" | "-g"): number | null {
  const { status, stdout } = spawnSync("id", [flag, "postgres"], { encoding: "utf8" });
  return status === 0 && /^\d+$/.test(stdout.trim()) ? Number(stdout) : null;
}

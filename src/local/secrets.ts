import { randomBytes } from "node:crypto";
import { z } from "zod";
import { newSigningKey } from "../access/token-keys.ts";
import { StartFailure } from "./failure.ts";
import type { LocalPaths } from "./paths.ts";
import { readIfThere, writePrivateFile } from "./private-file.ts";

/** The login roles of the database. */
export const LOGIN_ROLES = ["ebb_owner", "ebb_app", "ebb_ingest", "ebb_purge", "ebb_jobs"] as const;
export type LoginRole = (typeof LOGIN_ROLES)[number];

const LocalSecrets = z.strictObject({
  /** 32 random bytes each, base64url. */
  passwords: z.record(z.enum(LOGIN_ROLES), z.string().min(1)),
  /** JSON `{current, next, previous}`: Ed25519 private JWKs whose `kid` is the RFC 7638 thumbprint; `previous` may be null. */
  TOKEN_SIGNING_KEYS: z.string().min(1),
  /** JSON `{current: 1, keys: {"1": base64url of 32 bytes}}`: keys are added, never dropped while ids live. */
  ROUTING_HMAC_KEYS: z.string().min(1),
  /** JSON `{current: 1, keys: {"1": base64url of 32 bytes}}`; absent from a file of a version before it. */
  SEALING_KEYS: z.string().min(1),
});

export type LocalSecrets = z.infer<typeof LocalSecrets>;

/** The secrets of this data folder, made on the first start. Throws a StartFailure for a damaged file. */
export async function loadLocalSecrets(paths: Pick<LocalPaths, "secrets">): Promise<LocalSecrets> {
  const text = await readIfThere(paths.secrets);
  if (text === null) {
    const made = await makeLocalSecrets();
    await writePrivateFile(paths.secrets, `${JSON.stringify(made, null, 2)}\n`);
    return made;
  }
  try {
    const kept: unknown = JSON.parse(text);
    const read = LocalSecrets.safeParse(kept);
    if (read.success) return read.data;
    const added = LocalSecrets.parse({ ...(kept as object), SEALING_KEYS: newKeys() });
    await writePrivateFile(paths.secrets, `${JSON.stringify(added, null, 2)}\n`);
    return added;
  } catch {
    // Made anew they would orphan every stored client id and token: not for us to decide.
    throw new StartFailure(`${paths.secrets} is damaged: put it back, or remove the data folder to start anew.`);
  }
}

/** New random secrets, in memory only: for tests and benchmarks. */
export async function makeLocalSecrets(): Promise<LocalSecrets> {
  const passwords = Object.fromEntries(LOGIN_ROLES.map((role) => [role, random()])) as Record<LoginRole, string>;
  const [current, next] = await Promise.all([newSigningKey(), newSigningKey()]);
  return {
    passwords,
    TOKEN_SIGNING_KEYS: JSON.stringify({ current, next, previous: null }),
    ROUTING_HMAC_KEYS: newKeys(),
    SEALING_KEYS: newKeys(),
  };
}

function newKeys(): string {
  return JSON.stringify({ current: 1, keys: { "1": random() } });
}

function random(): string {
  return randomBytes(32).toString("base64url");
}

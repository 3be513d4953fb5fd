import { loadTokenKeys, rotateSigningKeys, type SigningKeys } from "../access/token-keys.ts";
import { readIfThere, writePrivateFile } from "../local/private-file.ts";
import { loadLocalSecrets } from "../local/secrets.ts";
import type { Command } from "./command.ts";
import type { Configuration } from "./configuration.ts";
import { CommandFailure } from "./failure.ts";

const WAIT = "Do not rotate again within 65 minutes: tokens signed before would stop being valid.";

export const tokenKeysRotateCommand: Command = {
  name: "token-keys rotate",
  summary: "bring the next token signing key into use, and make a new next one",
  notes: [
    "The key in use becomes the previous one and goes on verifying the tokens that it signed. Local keys are changed in place.",
    "For a deployment it takes the JSON of the secret TOKEN_SIGNING_KEYS, which Cloudflare never shows again: npm run deploy -- --keep <file> writes it down when it is made.",
    WAIT,
  ],
  options: {
    stdin: {
      type: "boolean",
      what: "read the keys' JSON on the standard input and write the new JSON, alone, on the standard output",
    },
  },
  example: "token-keys rotate --stdin < keys.json > new-keys.json",
  run: async ({ options, configuration, json, progress, stdin }) => {
    if (!options.flag("stdin")) return await rotateLocal(configuration);
    const next = await rotated(await stdin(), "The standard input");
    progress(
      "The new keys are on the standard output. Store them; that also redeploys the Worker, so that it takes them up:",
    );
    progress("  npx wrangler secret put TOKEN_SIGNING_KEYS < new-keys.json");
    progress(WAIT);
    return { json: next, text: json ? [] : [JSON.stringify(next)] };
  },
};

async function rotateLocal(configuration: Configuration) {
  const { paths } = configuration;
  if ((await readIfThere(paths.secrets)) === null) {
    throw new CommandFailure(`There is no ${paths.secrets}: start npm run dev first, or give the keys with --stdin.`);
  }
  const secrets = await loadLocalSecrets(paths);
  const keys = await rotated(secrets.TOKEN_SIGNING_KEYS, paths.secrets);
  const written = { ...secrets, TOKEN_SIGNING_KEYS: JSON.stringify(keys) };
  await writePrivateFile(paths.secrets, `${JSON.stringify(written, null, 2)}\n`);
  const kids = { current: keys.current.kid, next: keys.next.kid, previous: keys.previous?.kid };
  return {
    json: { ...kids, file: paths.secrets },
    text: [
      `Rotated in ${paths.secrets}:`,
      "",
      `  current   ${kids.current}`,
      `  next      ${kids.next}`,
      `  previous  ${kids.previous}`,
      "",
      "Restart npm run dev now: a Worker that runs goes on signing with the key that it started with.",
      WAIT,
    ],
  };
}

/** The keys of this JSON, rotated. Throws a CommandFailure, which holds nothing of a key, when malformed. */
async function rotated(text: string, from: string): Promise<SigningKeys> {
  try {
    await loadTokenKeys(text);
    const keys = JSON.parse(text) as SigningKeys;
    if (!keys.next) throw new TypeError("no next key");
    return await rotateSigningKeys(keys);
  } catch {
    throw new CommandFailure(
      `${from} does not hold {"current": …, "next": …, "previous": …} with Ed25519 private keys.`,
    );
  }
}

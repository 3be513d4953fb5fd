import { existsSync } from "node:fs";
import { dirname, resolve } from "node:path";
import process from "node:process";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { type Exec, runCommand } from "./command.ts";
import { HEALTH_LIMIT_MS, untilHealthy } from "./deploy-health.ts";
import { deploySettings, type Environment, passwordOf } from "./deploy-settings.ts";
import { NO_ACCOUNT, noWorker, secretNames, severalAccounts } from "./deploy-wrangler.ts";
import { errorMessage } from "./failure.ts";
import { print, printError } from "./print.ts";
import { writePrivateFile } from "./private-file.ts";

const USAGE = `Usage: npm run deploy [-- --dry-run] [--keep <file>]

Deploys Ebb to Cloudflare and Neon. Runs the steps below in order and stops at the first that fails; it may be run again.
Reads NEON_DATABASE_URL, PUBLIC_URL and EBB_FIRST_OPERATOR, EBB_OIDC_PROVIDERS (at which people sign in) and EBB_MAIL_FROM
where they are set, and CLOUDFLARE_API_TOKEN unless wrangler is logged in.
--keep writes the signing, routing and sealing keys that this run makes, if any, to a new file that you alone can read. Cloudflare
never shows them again, and ebb token-keys rotate and ebb key create --operator need them; else they are on no disk.
`;
const AGAIN = "Then run again: npm run deploy";

export type PrepareProduction = (options: {
  ownerUrl: string;
  publicUrl: string;
  firstOperator: string;
  providers: string | null;
  mailFrom: string | null;
  /** Names of the secrets that Cloudflare has: those are not made anew. */
  stored: string[];
  log: (line: string) => void;
}) => Promise<{ secrets: Record<string, string>; operatorKey: string | null }>;

export interface DeployContext {
  env: Environment;
  prepareProduction: PrepareProduction;
  /** Writes secrets that Cloudflare will never show again to the file that the operator asked for; null when not asked. */
  keep: { path: string; write(secrets: Record<string, string>): Promise<void> } | null;
  fetch(url: string): Promise<Response>;
  sleep(ms: number): Promise<unknown>;
  now(): number;
  log(line: string): void;
  /** Has `last` called before an interrupted deployment ends. */
  onInterrupt(last: () => void): void;
}

/** A step throws with one sentence. Those that follow see what it found out through the list's own closure. */
export interface DeployStep {
  name: string;
  plan: string;
  run(exec: Exec): Promise<void>;
}

/** Neither the checks nor wrangler need the owner's connection string or the providers' secrets; the checks do not need the account. */
const WITHOUT_DATABASE = { NEON_DATABASE_URL: undefined, EBB_OIDC_PROVIDERS: undefined };
const WITHOUT_ACCOUNT = { ...WITHOUT_DATABASE, CLOUDFLARE_API_TOKEN: undefined, CLOUDFLARE_API_KEY: undefined };
const WRANGLER = { ...WITHOUT_DATABASE, WRANGLER_HIDE_BANNER: "true", WRANGLER_WRITE_LOGS: "false" };

export function steps(ctx: DeployContext): DeployStep[] {
  const { settings, missing } = deploySettings(ctx.env);
  const hidden = new Set([...spellings(settings.ownerUrl), ...spellings(settings.providers ?? "")]);
  let stored: string[] = [];
  let secrets: Record<string, string> = {};
  let keptIn: string | null = null;
  let operatorKey: string | null = null;

  /** Takes every secret that we know out of what another program said. */
  const redact = (text: string): string =>
    [...hidden].filter((secret) => secret !== "").reduce((rest, secret) => rest.replaceAll(secret, "[secret]"), text);
  const must = async (exec: Exec, failure: string, ...call: Parameters<Exec>): Promise<string> => {
    const { code, output } = await exec(...call);
    if (code !== 0) throw new Error(`${failure}\n${redact(output).trim()}`);
    return output;
  };
  const showOperatorKey = () => {
    if (operatorKey !== null) ctx.log(`The first operator's API key, shown only this once: ${operatorKey}`);
    if (keptIn !== null)
      ctx.log(`The new signing, routing and sealing keys are in ${keptIn}: keep it where you keep secrets.`);
    operatorKey = null;
    keptIn = null;
  };
  const listSecrets = (exec: Exec) => exec("wrangler", ["secret", "list", "--format", "json"], { env: WRANGLER });

  const list: DeployStep[] = [
    {
      name: "preflight",
      plan: "look for the settings and ask wrangler for the Cloudflare account",
      run: async (exec) => {
        const { code, output } = await exec("wrangler", ["whoami", "--json"], { env: WRANGLER });
        const account = code === 0 ? severalAccounts(output, ctx.env) : NO_ACCOUNT;
        const all = account === null ? missing : [...missing, account];
        if (all.length > 0) throw new Error(`Not everything needed is there.\n${all.join("\n")}`);
      },
    },
    {
      name: "check",
      plan: "npm run check",
      run: async (exec) => {
        await must(exec, "The checks failed.", "npm", ["run", "check"], { env: WITHOUT_ACCOUNT });
      },
    },
    {
      name: "stored",
      plan: "ask Cloudflare for the names of the secrets that the Worker has",
      run: async (exec) => {
        const { code, output } = await listSecrets(exec);
        // A first deployment. Any other failure must not be taken for it: every key would be made anew.
        if (code !== 0 && noWorker(output)) return;
        const names = code === 0 ? secretNames(output) : null;
        if (names === null) throw new Error(`The secrets cannot be listed.\n${redact(output).trim()}`);
        stored = names;
      },
    },
    {
      name: "database",
      plan: "apply the migrations to Neon, and make the passwords and keys that the Worker lacks",
      run: async () => {
        try {
          const log = (line: string) => ctx.log(redact(line));
          ({ secrets, operatorKey } = await ctx.prepareProduction({ ...settings, stored, log }));
        } catch (error) {
          throw new Error(`The database could not be prepared: ${redact(errorMessage(error))}`);
        }
        for (const value of [...Object.values(secrets), operatorKey ?? ""]) {
          for (const spelling of spellings(value)) hidden.add(spelling);
        }
        const made = Object.entries(secrets).filter(([name]) => UNREPEATABLE.includes(name));
        if (ctx.keep === null || made.length === 0) return;
        await ctx.keep.write(Object.fromEntries(made));
        keptIn = ctx.keep.path;
      },
    },
    {
      name: "secrets",
      plan: "wrangler secret bulk, the values through its standard input; then compare the names",
      run: async (exec) => {
        const input = JSON.stringify(secrets);
        await must(exec, "The secrets were not stored.", "wrangler", ["secret", "bulk"], { env: WRANGLER, input });
        // `secret bulk` ends with 0 even when it has read nothing, so its word is not enough.
        const { code, output } = await listSecrets(exec);
        const names = code === 0 ? secretNames(output) : null;
        if (names === null) throw new Error(`The secrets cannot be listed.\n${redact(output).trim()}`);
        const absent = Object.keys(secrets).filter((name) => !names.includes(name));
        if (absent.length > 0) throw new Error(`Cloudflare does not have these secrets: ${absent.join(", ")}.`);
      },
    },
    {
      name: "worker",
      plan: "wrangler deploy",
      run: async (exec) => {
        await must(exec, "The Worker was not deployed.", "wrangler", ["deploy"], { env: WRANGLER });
      },
    },
    {
      name: "health",
      plan: `wait up to ${HEALTH_LIMIT_MS / 60_000} minutes for PUBLIC_URL/healthz to answer ok`,
      run: () => untilHealthy(`${settings.publicUrl}/healthz`, ctx),
    },
    { name: "operator", plan: "print the first operator's key, once", run: async () => showOperatorKey() },
  ];
  // The key exists from the moment the database is ready, and only here: neither a failure nor Ctrl-C may lose it.
  ctx.onInterrupt(showOperatorKey);
  return list.map((step) => ({
    ...step,
    run: (exec) =>
      step.run(exec).catch((error: unknown) => {
        showOperatorKey();
        throw error;
      }),
  }));
}

/** A secret as itself, as text within JSON and, of a connection string, its password alone: what an error may repeat. */
function spellings(secret: string): string[] {
  const password = passwordOf(secret) ?? "";
  return [secret, password, URL.parse(secret)?.password ?? ""].flatMap((form) => [
    form,
    JSON.stringify(form).slice(1, -1),
  ]);
}

/** A rotation and `ebb key create --operator` need their values; passwords can always be made anew. */
const UNREPEATABLE = ["TOKEN_SIGNING_KEYS", "ROUTING_HMAC_KEYS", "SEALING_KEYS"];

/** Runs the steps up to the first that fails. Returns the exit code. */
export async function deploy(ctx: DeployContext, exec: Exec): Promise<number> {
  for (const step of steps(ctx)) {
    ctx.log(`${step.name}: ${step.plan}`);
    try {
      await step.run(exec);
    } catch (error) {
      ctx.log(`✗ ${step.name} failed. ${errorMessage(error)}\n${AGAIN}`);
      return 1;
    }
    ctx.log(`✓ ${step.name}`);
  }
  return 0;
}

async function main(args: string[]): Promise<number> {
  let options: { "dry-run"?: boolean; help?: boolean; keep?: string };
  try {
    options = parseArgs({
      args,
      options: { "dry-run": { type: "boolean" }, help: { type: "boolean" }, keep: { type: "string" } },
    }).values;
  } catch (error) {
    printError(`${errorMessage(error)}\n${USAGE}`);
    return 2;
  }
  const { keep } = options;
  if (keep !== undefined && (existsSync(keep) || !existsSync(dirname(resolve(keep))))) {
    printError(`--keep ${keep}: name a file that does not exist yet, in a folder that does.`);
    return 2;
  }
  const ctx: DeployContext = {
    env: process.env,
    prepareProduction: async (options) => (await import("./production.ts")).prepareProduction(options),
    keep: keep === undefined ? null : { path: keep, write: (made) => writePrivateFile(keep, JSON.stringify(made)) },
    fetch: (url) => fetch(url, { redirect: "error", signal: AbortSignal.timeout(10_000) }),
    sleep: delay,
    now: Date.now,
    log: print,
    onInterrupt: (last) => {
      for (const signal of ["SIGINT", "SIGTERM"] as const) {
        process.once(signal, () => {
          last();
          process.exit(1);
        });
      }
    },
  };
  if (!options.help && !options["dry-run"]) return deploy(ctx, runCommand);
  if (options.help) print(USAGE);
  for (const [index, { name, plan }] of steps(ctx).entries()) print(`${index + 1}. ${name}: ${plan}`);
  if (options["dry-run"]) print("Nothing was done: this was a dry run.");
  return 0;
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2));

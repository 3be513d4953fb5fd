import process from "node:process";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { type Exec, runCommand } from "./command.ts";
import { deploySettings, type Environment, passwordOf } from "./deploy-settings.ts";
import { errorMessage } from "./failure.ts";
import { print, printError } from "./print.ts";

const USAGE = `Usage: npm run deploy [-- --dry-run]

Deploys Ebb to Cloudflare and Neon. Runs the steps below in order and stops at the first that fails; it may be run again.
Reads NEON_DATABASE_URL, PUBLIC_URL and EBB_FIRST_OPERATOR, and CLOUDFLARE_API_TOKEN unless wrangler is logged in.
`;
const AGAIN = "Then run again: npm run deploy";
const HEALTH_LIMIT_MS = 2 * 60_000;
const HEALTH_PAUSE_MS = 3_000;

export type PrepareProduction = (options: {
  ownerUrl: string;
  publicUrl: string;
  firstOperator: string;
  log: (line: string) => void;
}) => Promise<{ secrets: Record<string, string>; operatorKey: string | null }>;

export interface DeployContext {
  env: Environment;
  prepareProduction: PrepareProduction;
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

/** Neither the checks nor wrangler need the owner's connection string; the checks do not need the account. */
const WITHOUT_DATABASE = { NEON_DATABASE_URL: undefined };
const WITHOUT_ACCOUNT = { ...WITHOUT_DATABASE, CLOUDFLARE_API_TOKEN: undefined, CLOUDFLARE_API_KEY: undefined };
const WRANGLER = { ...WITHOUT_DATABASE, WRANGLER_HIDE_BANNER: "true", WRANGLER_WRITE_LOGS: "false" };

export function steps(ctx: DeployContext): DeployStep[] {
  const { settings, missing } = deploySettings(ctx.env);
  const hidden = new Set(spellings(settings.ownerUrl));
  let secrets: Record<string, string> = {};
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
    operatorKey = null;
  };

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
      name: "database",
      plan: "apply the migrations to Neon and give the login roles fresh passwords",
      run: async () => {
        try {
          const log = (line: string) => ctx.log(redact(line));
          ({ secrets, operatorKey } = await ctx.prepareProduction({ ...settings, log }));
        } catch (error) {
          throw new Error(`The database could not be prepared: ${redact(errorMessage(error))}`);
        }
        for (const value of [...Object.values(secrets), operatorKey ?? ""]) {
          for (const spelling of spellings(value)) hidden.add(spelling);
        }
      },
    },
    {
      name: "secrets",
      plan: "wrangler secret bulk, the values through its standard input; then compare the names",
      run: async (exec) => {
        const input = JSON.stringify(secrets);
        await must(exec, "The secrets were not stored.", "wrangler", ["secret", "bulk"], { env: WRANGLER, input });
        // `secret bulk` ends with 0 even when it has read nothing, so its word is not enough.
        const listing = ["secret", "list", "--format", "json"];
        const stored = await must(exec, "The secrets cannot be listed.", "wrangler", listing, { env: WRANGLER });
        const absent = Object.keys(secrets).filter((name) => !stored.includes(JSON.stringify(name)));
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

const NO_ACCOUNT =
  "CLOUDFLARE_API_TOKEN is not set or not valid, and wrangler is not logged in: npx wrangler login, or a token from the Cloudflare dashboard, My Profile, API Tokens, template “Edit Cloudflare Workers”.";

/** Wrangler cannot choose between accounts without a person at the terminal. */
function severalAccounts(whoami: string, env: Environment): string | null {
  const [list = ""] = /"accounts":\s*\[[^\]]*\]/.exec(whoami) ?? [];
  if (list.split('"id":').length <= 2 || env["CLOUDFLARE_ACCOUNT_ID"]) return null;
  return "CLOUDFLARE_ACCOUNT_ID is not set, and the login reaches several accounts: npx wrangler whoami lists them.";
}

async function untilHealthy(url: string, ctx: DeployContext): Promise<void> {
  const deadline = ctx.now() + HEALTH_LIMIT_MS;
  for (let last = ""; ; ) {
    const answer = await health(url, ctx);
    if (answer === "ok") return;
    if (ctx.now() >= deadline) throw new Error(`${url} did not answer ok within two minutes; at last: ${answer}.`);
    if (answer !== last) ctx.log(`  waiting for ${url}: ${answer}`);
    last = answer;
    await ctx.sleep(HEALTH_PAUSE_MS);
  }
}

async function health(url: string, ctx: DeployContext): Promise<string> {
  try {
    const response = await ctx.fetch(url);
    const body: unknown = await response.json().catch(() => null);
    const status = typeof body === "object" && body !== null && "status" in body ? String(body.status) : "no status";
    return response.ok && status === "ok" ? "ok" : `HTTP ${response.status}, ${status}`;
  } catch {
    return "no answer";
  }
}

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
  const ctx: DeployContext = {
    env: process.env,
    prepareProduction: async (options) => (await import("./production.ts")).prepareProduction(options),
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
  let options: { "dry-run"?: boolean; help?: boolean };
  try {
    options = parseArgs({ args, options: { "dry-run": { type: "boolean" }, help: { type: "boolean" } } }).values;
  } catch (error) {
    printError(`${errorMessage(error)}\n${USAGE}`);
    return 2;
  }
  if (!options.help && !options["dry-run"]) return deploy(ctx, runCommand);
  if (options.help) print(USAGE);
  for (const [index, { name, plan }] of steps(ctx).entries()) print(`${index + 1}. ${name}: ${plan}`);
  if (options["dry-run"]) print("Nothing was done: this was a dry run.");
  return 0;
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2));

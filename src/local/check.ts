import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { gzipSync } from "node:zlib";
import { architectureViolations } from "./architecture.ts";
import { type Exec, runCommand } from "./command.ts";
import { errorMessage } from "./failure.ts";
import { PROJECT } from "./paths.ts";
import { print, printError } from "./print.ts";

const BUNDLE_BUDGET_KIB = 400;
const USAGE = "Usage: npm run check -- [--only <step>]… [--json]";

export interface StepResult {
  ok: boolean;
  /** Shown when the step failed. */
  output: string;
  /** Shown beside the step's name in any case. */
  note?: string;
}

export interface Step {
  name: string;
  /** Names of earlier steps without which this one says nothing new. */
  needs?: readonly string[];
  run(): Promise<StepResult>;
}

export interface Report extends StepResult {
  name: string;
  skipped: boolean;
  seconds: number;
}

/** What must hold of every commit, in the order in which it is checked. */
export function checkSteps(exec: Exec, root: string): Step[] {
  const command = async (name: string, ...args: string[]): Promise<StepResult> => {
    const { code, output } = await exec(name, args);
    return { ok: code === 0, output };
  };
  const script = async (path: string, ...args: string[]): Promise<StepResult> =>
    existsSync(join(root, path)) ? command("node", path, ...args) : failed(`${path} does not exist.`);
  return [
    { name: "types", run: () => command("tsc", "--pretty", "false") },
    { name: "lint", run: () => command("biome", "check", "--error-on-warnings", "--diagnostic-level=warn") },
    { name: "architecture", run: async () => sentences(architectureViolations(root).map((v) => v.message)) },
    { name: "generated", run: () => script("src/local/generate.ts", "--check") },
    { name: "catalog", needs: ["generated"], run: () => script("src/local/catalog.ts") },
    { name: "bundle", run: () => bundle(exec) },
  ];
}

/** Builds the Worker as a deployment would, without network or account, and weighs it as Cloudflare does: gzipped. */
async function bundle(exec: Exec): Promise<StepResult> {
  const folder = mkdtempSync(join(tmpdir(), "ebb-bundle-"));
  try {
    const { code, output } = await exec("wrangler", ["deploy", "--dry-run", "--outdir", folder], {
      env: { WRANGLER_SEND_METRICS: "false", WRANGLER_HIDE_BANNER: "true", WRANGLER_WRITE_LOGS: "false" },
    });
    if (code !== 0) return failed(output);
    const modules = readdirSync(folder).filter((name) => !/\.map$|^README\.md$/.test(name));
    if (modules.length === 0) return failed("wrangler emitted no module.");
    const bytes = modules.reduce((sum, name) => sum + gzipSync(readFileSync(join(folder, name))).length, 0);
    const note = `${(bytes / 1024).toFixed(1)} KiB gzipped of ${BUNDLE_BUDGET_KIB}`;
    const ok = bytes <= BUNDLE_BUDGET_KIB * 1024;
    return {
      ok,
      note,
      output: ok ? "" : "The bundle is over its budget: see what was imported since the last commit.",
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Runs the steps one after another, also after a failure; only what needs a failed or skipped step is skipped. */
export async function runSteps(steps: readonly Step[], onReport: (report: Report) => void): Promise<Report[]> {
  const reports: Report[] = [];
  for (const { name, needs = [], run } of steps) {
    const start = performance.now();
    const missing = reports.find((report) => !report.ok && needs.includes(report.name));
    const result = missing
      ? failed(`Not run, because ${missing.name} failed.`)
      : await run().catch((error: unknown) => failed(errorMessage(error)));
    const seconds = Math.round((performance.now() - start) / 100) / 10;
    const report = { name, skipped: missing !== undefined, seconds, ...result };
    reports.push(report);
    onReport(report);
  }
  return reports;
}

/** A step's line, and below it what a failing step said. */
export function formatReport({ name, ok, skipped, seconds, output, note }: Report): string {
  const line = `${skipped ? "–" : ok ? "✓" : "✗"} ${name.padEnd(12)} ${seconds.toFixed(1)} s${note ? `  ${note}` : ""}`;
  return ok || output.trim() === "" ? line : `${line}\n${output.trim().replaceAll(/^/gm, "    ")}`;
}

function failed(output: string): StepResult {
  return { ok: false, output };
}

function sentences(lines: readonly string[]): StepResult {
  return { ok: lines.length === 0, output: lines.join("\n") };
}

/** Returns the exit code: 1 when anything failed, 2 for wrong arguments. */
async function main(args: string[]): Promise<number> {
  const steps = checkSteps(runCommand, PROJECT);
  let options: { only?: string[]; json?: boolean };
  try {
    options = parseArgs({
      args,
      options: { only: { type: "string", multiple: true }, json: { type: "boolean" } },
    }).values;
  } catch (error) {
    printError(`${errorMessage(error)}\n${USAGE}`);
    return 2;
  }
  const unknown = options.only?.find((name) => !steps.some((step) => step.name === name));
  if (unknown !== undefined) {
    printError(`There is no step ${unknown}: the steps are ${steps.map((step) => step.name).join(", ")}.`);
    return 2;
  }
  const chosen = steps.filter((step) => options.only?.includes(step.name) ?? true);
  const reports = await runSteps(chosen, (report) => {
    if (!options.json) print(formatReport(report));
  });
  const ok = reports.every((report) => report.ok);
  if (options.json) print(JSON.stringify({ ok, steps: reports }, null, 2));
  return ok ? 0 : 1;
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2));

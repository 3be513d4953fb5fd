import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { errorMessage, StartFailure } from "../local/failure.ts";
import { localPaths, makeDataFolder } from "../local/paths.ts";
import { print, printError } from "../local/print.ts";
import { stopSignals } from "../local/stop-signals.ts";
import { type BenchArguments, helpText, parseArguments } from "./arguments.ts";
import type { Bench, BenchContext, BenchReport } from "./bench.ts";
import { BENCHES } from "./benches.ts";
import { type Machine, machine } from "./machine.ts";
import { number, renderTable, type Style, styleFor } from "./table.ts";

/** `npm run bench`: runs one bench, shows what came out and writes it down. Nothing of it stays behind, Ctrl-C or not. */
const signal = stopSignals();
try {
  const wanted = parseArguments(process.argv.slice(2), BENCHES);
  if (wanted.help) {
    print(helpText(BENCHES));
  } else {
    const facts = machine();
    const report = await runBench(BENCHES[wanted.name] as Bench, wanted);
    await show(wanted, facts, report);
    if (report.targets.some(({ met }) => !met)) process.exitCode = 1;
  }
} catch (error) {
  process.exitCode = 1;
  if (signal.aborted) printError("Stopped: nothing was measured.");
  else printError(error instanceof StartFailure ? error.message : `The bench failed: ${stackOf(error)}`);
}
process.exit();

async function runBench(bench: Bench, { seconds, runs, large }: BenchArguments): Promise<BenchReport> {
  // Beside the data of `npm run dev`, not in /tmp: that is often memory, where no write ever waits for a disk.
  const folder = await mkdtemp(join(await reportFolder(), "run-"));
  const steps: (() => Promise<unknown>)[] = [() => rm(folder, { recursive: true, force: true })];
  const context: BenchContext = {
    seconds,
    runs,
    large,
    signal,
    folder,
    undo: (step) => void steps.push(step),
    say: (line) => {
      if (!signal.aborted) printError(line);
    },
  };
  try {
    return await bench.run(context);
  } finally {
    for (const step of steps.reverse()) {
      await step().catch((error: unknown) => printError(`Not everything was cleaned up: ${errorMessage(error)}.`));
    }
  }
}

async function show(
  { name, json, seconds, runs, large }: BenchArguments,
  facts: Machine,
  { tables, notes, targets, figures }: BenchReport,
): Promise<void> {
  const text = JSON.stringify(
    { bench: name, date: new Date().toISOString(), machine: facts, seconds, runs, large, targets, ...figures },
    null,
    2,
  );
  const file = join(await reportFolder(), `${name}.json`);
  await writeFile(file, `${text}\n`);
  if (json) return print(text);
  const style: Style = styleFor(process.stdout, process.env);
  for (const table of tables) print(["", ...renderTable(table, style)].join("\n"));
  print("");
  for (const note of notes) print(style("dim", note));
  print(
    style(
      "dim",
      `${number(facts.cores)} × ${facts.cpu}, Node ${facts.node}, workerd ${facts.workerd}; all of it in ${file}.`,
    ),
  );
  if (facts.loadBefore > facts.cores / 4) {
    print(
      style("red", `The machine was busy before (load ${number(facts.loadBefore, 1)}): repeat it when it is quiet.`),
    );
  }
  print("");
  for (const { sentence, met } of targets)
    print(`${met ? style("green", "ok    ") : style("red", "missed")}  ${sentence}`);
}

async function reportFolder(): Promise<string> {
  const { data } = localPaths();
  makeDataFolder(data);
  const folder = join(data, "bench");
  await mkdir(folder, { recursive: true, mode: 0o700 });
  return folder;
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { checkSteps, formatReport, type Report, runSteps, type Step } from "./check.ts";
import { type Exec, runCommand } from "./command.ts";

const step = (name: string, ok: boolean, needs: string[] = []): Step => ({
  name,
  needs,
  run: async () => ({ ok, output: `${name} speaks` }),
});

function emptyRoot(): string {
  const root = mkdtempSync(join(tmpdir(), "ebb-check-"));
  onTestFinished(() => rmSync(root, { recursive: true }));
  return root;
}

/** Runs one step of the check in an empty project, its commands answered by `exec`. */
async function runOnly(name: string, exec: Exec, root = emptyRoot()): Promise<Report | undefined> {
  const chosen = checkSteps(exec, root).filter((candidate) => candidate.name === name);
  return (await runSteps(chosen, () => undefined)).at(0);
}

test("a failure stops nothing but what needs it", async () => {
  const seen: string[] = [];
  const steps = [step("a", false), step("b", true, ["a"]), step("c", true, ["b"]), step("d", true)];
  const reports = await runSteps(steps, (report) => seen.push(report.name));
  expect(seen).toEqual(["a", "b", "c", "d"]);
  expect(reports.map(({ ok, skipped }) => [ok, skipped])).toEqual([
    [false, false],
    [false, true],
    [false, true],
    [true, false],
  ]);
});

test("a step that throws has failed, with the reason", async () => {
  const broken = { name: "broken", run: () => Promise.reject(new Error("no disk")) };
  const [report] = await runSteps([broken], () => undefined);
  expect(report).toMatchObject({ ok: false, output: "no disk" });
});

test("only a failing step shows its output", () => {
  const report = { name: "types", ok: true, skipped: false, seconds: 1.25, output: "a\nb", note: "n" };
  expect(formatReport(report)).toBe("✓ types        1.3 s  n");
  expect(formatReport({ ...report, ok: false })).toBe("✗ types        1.3 s  n\n    a\n    b");
});

test("a command's exit code decides, and a missing script is a failure", async () => {
  expect(await runOnly("types", async () => ({ code: 0, output: "" }))).toMatchObject({ ok: true });
  expect(await runOnly("types", async () => ({ code: 2, output: "TS1" }))).toMatchObject({ ok: false, output: "TS1" });
  expect(await runOnly("catalog", async () => ({ code: 0, output: "" }))).toMatchObject({
    ok: false,
    output: "src/local/catalog.ts does not exist.",
  });
});

test("an import that breaks a rule fails the architecture step", async () => {
  const root = emptyRoot();
  mkdirSync(join(root, "src/core"), { recursive: true });
  writeFileSync(join(root, "src/core/x.ts"), `import "node:fs";`);
  expect(await runOnly("architecture", runCommand, root)).toMatchObject({
    ok: false,
    output: "src/core/x.ts:1 imports node:fs, but the product runs on workerd.",
  });
});

test.each([
  ["within its budget", 1_000, true],
  ["over its budget", 500_000, false],
])("a bundle %s", async (_, size, ok) => {
  let folder = "";
  const emit: Exec = async (_command, args) => {
    folder = args.at(-1) ?? "";
    const noise = crypto.getRandomValues(new Uint8Array(50_000)); // does not compress
    writeFileSync(
      join(folder, "index.js"),
      Buffer.concat(Array(Math.ceil(size / 50_000)).fill(noise)).subarray(0, size),
    );
    writeFileSync(join(folder, "index.js.map"), Buffer.alloc(1_000));
    return { code: 0, output: "" };
  };
  const report = await runOnly("bundle", emit);
  expect(report?.ok).toBe(ok);
  expect(report?.note).toMatch(/^\d+\.\d KiB gzipped of 400$/);
  expect(existsSync(folder)).toBe(false);
});

test("a command is given its input, its environment and nothing to wait for", async () => {
  const code =
    "process.stdin.pipe(process.stdout).on('finish', () => 0); process.stderr.write(process.env.EBB_X ?? 'unset')";
  expect(await runCommand("node", ["-e", code], { input: "hello", env: { EBB_X: undefined } })).toEqual({
    code: 0,
    output: expect.stringMatching(/^(unsethello|hellounset)$/),
  });
  expect(await runCommand("node", ["-e", "process.stdin.resume(); process.exitCode = 3"])).toEqual({
    code: 3,
    output: "",
  });
  expect(await runCommand("ebb-no-such-program", [])).toMatchObject({ code: 127 });
});

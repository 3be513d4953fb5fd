import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { runCommand } from "../local/command.ts";
import { PROJECT } from "../local/paths.ts";
import { buildClient } from "../testing/built-client.ts";
import { ContractServer } from "../testing/contract-server.ts";

/** What a host's program is: it starts, previews, stops, and ends without being told to. */
const PROGRAM = `
  import { createClient } from "ebb/client";
  let text = null;
  const store = { get: async () => text, set: async (next) => { text = next; } };
  const client = createClient({ url: process.argv[2], store, registrationKey: "key", env: {} });
  const started = await client.start();
  const owner = await client.owner();
  const lease = await client.verifyLease();
  const status = await client.status();
  console.log(JSON.stringify({ node: process.versions.node.split(".")[0], started, owner, lease, planned: status.value.nextPingAtMs !== null }));
`;

/** Programs called node on this machine, one of each major version. */
function nodes(): Map<string, string> {
  const folders = (process.env["PATH"] ?? "").split(":").map((folder) => join(folder, "node"));
  const found = new Map<string, string>();
  for (const program of [process.execPath, "/usr/bin/node", "/usr/local/bin/node", ...folders]) {
    try {
      const major = execFileSync(program, ["-p", "process.versions.node"], { encoding: "utf8" }).split(".")[0] ?? "";
      if (!found.has(major)) found.set(major, program);
    } catch {
      // None here.
    }
  }
  return found;
}

const NODES = nodes();
let root = "";

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), "ebb-client-"));
  await buildClient(join(root, "dist/client"));
  // A package finds itself by its name through its own exports: these are ours.
  cpSync(join(PROJECT, "package.json"), join(root, "package.json"));
  mkdirSync(join(root, "host"));
  writeFileSync(join(root, "host/program.mjs"), PROGRAM);
});
afterAll(() => rmSync(root, { recursive: true }));

const modules = () => readdirSync(join(root, "dist/client")).filter((name) => name.endsWith(".js"));

describe.each(["20", "24"])("Node %s", (major) => {
  test.skipIf(!NODES.has(major))(
    "imports ebb/client as it is exported, without a flag, and is not kept running by it",
    async () => {
      const server = new ContractServer(Date.now);
      const { url, close } = await server.listen();
      onTestFinished(close);
      const { code, output } = await runCommand(NODES.get(major) ?? "", [
        "--throw-deprecation",
        join(root, "host/program.mjs"),
        url,
      ]);
      expect([code, JSON.parse(output.trim().split("\n").at(-1) ?? "null")], output).toEqual([
        0,
        {
          node: major,
          started: { ok: true, value: { pinged: true, collect: true, nextAtMs: expect.any(Number) } },
          owner: { ok: true, value: { id: "owner-1", kind: "user" } },
          lease: { ok: false, error: expect.objectContaining({ code: "no-lease" }) },
          planned: true,
        },
      ]);
    },
  );

  test.skipIf(!NODES.has(major))("verifies Ed25519", async () => {
    const program = join(root, `host/verify-${major}.mjs`);
    writeFileSync(
      program,
      `import { verifyLease } from "../dist/client/verify-lease.js";
       const subtle = crypto.subtle;
       const pair = await subtle.generateKey({ name: "Ed25519" }, true, ["sign", "verify"]);
       const { x } = await subtle.exportKey("jwk", pair.publicKey);
       const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
       const text = part({ alg: "EdDSA", typ: "offline-lease+jwt", kid: "k" }) + "." + part({ iss: "i", aud: "a", sub: "s", iat: 1, exp: 99 });
       const signature = Buffer.from(await subtle.sign({ name: "Ed25519" }, pair.privateKey, Buffer.from(text)));
       const check = (bytes) => verifyLease(text + "." + bytes.toString("base64url"), { issuer: "i", audience: "a", keys: [{ kid: "k", x }], nowMs: 5000 });
       const good = await check(signature);
       signature[0] ^= 1;
       console.log(good.ok, (await check(signature)).error.code);`,
    );
    const { code, output } = await runCommand(NODES.get(major) ?? "", ["--no-warnings", program]);
    expect([code, output.trim()]).toEqual([0, "true lease-invalid"]);
  });
});

test("imports nothing but its own files, and its types need no library but the browser's", () => {
  for (const name of modules()) {
    const text = readFileSync(join(root, "dist/client", name), "utf8");
    for (const [, target] of text.matchAll(/(?:from|import)\s*\(?\s*["']([^"']+)["']/g))
      expect(target).toMatch(/^\.\/[a-z-]+\.js$/);
    expect(text).not.toMatch(/\beval\(|new Function\(/);
  }
  expect(modules()).toContain("index.js");
});

test("is small, and as small as the README says", async () => {
  const bundle = ["--bundle", "--minify", "--format=esm", "--log-level=warning"];
  const { code, output } = await runCommand("esbuild", [join(root, "dist/client/index.js"), ...bundle]);
  expect(code, output).toBe(0);
  const size = gzipSync(output).length;
  expect(size).toBeLessThan(11_000);
  const said = /\(([\d.]+) KB, minified and gzipped\)/.exec(readFileSync(join(PROJECT, "README.md"), "utf8"))?.[1];
  // Another zlib may compress a little differently.
  expect(Math.abs(Number(said) * 1000 - size), `${size} bytes`).toBeLessThan(100);
});

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { architectureViolations } from "./architecture.ts";

/** Writes a tree of files and returns the sentences about it. Imported files that are not given exist, empty. */
function check(tree: Record<string, string>): string[] {
  const root = mkdtempSync(join(tmpdir(), "ebb-architecture-"));
  onTestFinished(() => rmSync(root, { recursive: true }));
  for (const [path, text] of Object.entries(tree)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return architectureViolations(root).map((violation) => violation.message);
}

const EMPTY = {
  "src/client/index.ts": "",
  "src/core/id.ts": "",
  "src/db/schema.ts": "",
  "src/deps.ts": "",
  "src/verb.ts": "",
  "src/tenants/create.ts": "",
  "src/audit/append.ts": "",
  "src/http/route.ts": "",
  "src/jobs/purge.ts": "",
  "src/cli/main.ts": "",
  "src/app.ts": "",
  "src/local/dev.ts": "",
  "src/testing/database.ts": "",
  "src/bench/run.ts": "",
  "workers/index.ts": "",
  "drizzle/config.ts": "",
};

/** [file, its only line, the sentence expected about it] */
const FORBIDDEN: [string, string, string][] = [
  [
    "src/core/x.ts",
    `import "../db/schema.ts";`,
    "imports src/db/schema.ts, which is above it: imports go from db down to core.",
  ],
  [
    "src/core/x.ts",
    `import type { A } from "../db/schema.ts";`,
    "imports src/db/schema.ts, which is above it: imports go from db down to core.",
  ],
  [
    "src/core/x.ts",
    `import { type Deps } from "../deps.ts";`,
    "imports src/deps.ts, which is above it: imports go from verb down to core.",
  ],
  [
    "src/client/x.ts",
    `import type { Id } from "../core/id.ts";`,
    "imports src/core/id.ts, but the client runs anywhere, with fetch alone.",
  ],
  ["src/client/x.ts", `import * as z from "zod";`, "imports zod, but the client runs anywhere, with fetch alone."],
  ["src/client/x.ts", `import "node:fs";`, "imports node:fs, but the client runs anywhere, with fetch alone."],
  ["src/client/x.ts", `await import("jose");`, "imports jose, but the client runs anywhere, with fetch alone."],
  ["src/db/x.ts", `import "../verb.ts";`, "imports src/verb.ts, which is above it: imports go from verb down to db."],
  [
    "src/deps.ts",
    `export * from "./tenants/create.ts";`,
    "imports src/tenants/create.ts, which is above it: imports go from nouns down to verb.",
  ],
  [
    "src/deps.ts",
    `import type { A } from "./http/route.ts";`,
    "imports src/http/route.ts, which is above it: imports go from adapters down to verb.",
  ],
  [
    "src/audit/x.ts",
    `await import("../jobs/purge.ts");`,
    "imports src/jobs/purge.ts, which is above it: imports go from adapters down to nouns.",
  ],
  [
    "src/http/x.ts",
    `import "../app.ts";`,
    "imports src/app.ts, which is above it: imports go from app down to adapters.",
  ],
  [
    "src/app.ts",
    `import "./local/dev.ts";`,
    "imports src/local/dev.ts, which is above it: imports go from tools down to app.",
  ],
  [
    "src/app.ts",
    `import "../drizzle/config.ts";`,
    "imports drizzle/config.ts, which is above it: imports go from tools down to app.",
  ],
  [
    "workers/x.ts",
    `import "../src/local/dev.ts";`,
    "imports src/local/dev.ts, which is above it: imports go from tools down to workers.",
  ],
  [
    "src/http/x.ts",
    `import "../jobs/purge.ts";`,
    "imports src/jobs/purge.ts, but src/http and src/jobs do not import each other.",
  ],
  [
    "src/jobs/x.ts",
    `import "../cli/main.ts";`,
    "imports src/cli/main.ts, which is above it: imports go from commands down to adapters.",
  ],
  ["src/tenants/x.ts", `import { Hono } from "hono";`, "imports hono, but nouns know nothing of HTTP."],
  [
    "src/people/x.ts",
    `import type { Context } from "hono/types";`,
    "imports hono/types, but nouns know nothing of HTTP.",
  ],
  [
    "src/http/x.ts",
    `import { sql } from "drizzle-orm";`,
    "imports drizzle-orm, but HTTP reaches the database through verbs only.",
  ],
  [
    "src/http/x.ts",
    `import "drizzle-orm/neon-http";`,
    "imports drizzle-orm/neon-http, but HTTP reaches the database through verbs only.",
  ],
  [
    "src/http/x.ts",
    `import "@neondatabase/serverless";`,
    "imports @neondatabase/serverless, but HTTP reaches the database through verbs only.",
  ],
  [
    "src/http/routes/x.ts",
    `import "../../db/schema.ts";`,
    "imports src/db/schema.ts, but HTTP reaches the database through verbs only.",
  ],
  [
    "src/limits/x.ts",
    `import { env } from "cloudflare:workers";`,
    "imports cloudflare:workers, but src also runs in Node.",
  ],
  [
    "src/local/x.ts",
    `import { env } from "cloudflare:workers";`,
    "imports cloudflare:workers, but src also runs in Node.",
  ],
  ["src/jobs/x.ts", `import { readFileSync } from "node:fs";`, "imports node:fs, but the product runs on workerd."],
  ["workers/x.ts", `import { readFileSync } from "node:fs";`, "imports node:fs, but the product runs on workerd."],
  ["src/local/x.ts", `import "../testing/database.ts";`, "imports src/testing/database.ts, but it is for tests."],
  ["workers/x.ts", `import "../src/testing/database.ts";`, "imports src/testing/database.ts, but it is for tests."],
  ["src/app.ts", `import "../workers/index.ts";`, "imports workers/index.ts, but only workers/ may."],
  ["src/local/x.ts", `import "../../workers/index.ts";`, "imports workers/index.ts, but only workers/ may."],
  [
    "src/tenants/x.test.ts",
    `import "../../workers/index.ts";`,
    "imports workers/index.ts, but only *.workers.test.ts run in workerd.",
  ],
  ["src/tenants/x.ts", `import "./x.test.ts";`, "imports src/tenants/x.test.ts, but tests are not for reuse."],
  ["src/tenants/x.ts", `import "./gone.ts";`, "imports src/tenants/gone.ts, which is no file."],
  ["src/tenants/x.ts", `import "./create";`, "imports src/tenants/create, which is no file."],
  ["src/tenants/x.ts", `import "..";`, "imports src, which is no file."],
];

const ALLOWED: [string, string][] = [
  ["src/client/x.ts", `import { createClient } from "./index.ts";`],
  ["src/client/x.test.ts", `import "node:http"; import "./index.ts"; import "../testing/database.ts";`],
  ["src/core/x.ts", `import type { Deps } from "../deps.ts";`],
  ["src/deps.ts", `import type { A } from "./tenants/create.ts";`],
  ["src/db/x.ts", `import "../core/id.ts"; import { sql } from "drizzle-orm";`],
  ["src/verb.ts", `import "./deps.ts"; import "./db/schema.ts";`],
  ["src/tenants/x.ts", `import "../audit/append.ts"; import "../verb.ts"; import "../db/schema.ts";`],
  ["src/http/x.ts", `import "./route.ts"; import "../tenants/create.ts"; import { Hono } from "hono";`],
  ["src/cli/x.ts", `import "node:process"; import "../jobs/purge.ts"; import "../local/dev.ts";`],
  ["src/app.ts", `import "./http/route.ts"; import "./jobs/purge.ts";`],
  ["workers/x.ts", `import { env } from "cloudflare:workers"; import "../src/app.ts"; import "./index.ts";`],
  [
    "src/testing/x.ts",
    `import "node:fs"; import "../app.ts"; import "../../workers/index.ts"; import "cloudflare:test";`,
  ],
  ["src/bench/x.ts", `import "node:fs"; import "../../workers/index.ts";`],
  ["drizzle/x.ts", `import "node:fs"; import "../src/db/schema.ts";`],
  ["src/tenants/x.test.ts", `import "node:fs"; import "../testing/database.ts"; import "../app.ts";`],
  ["src/tenants/x.workers.test.ts", `import "cloudflare:test"; import "../../workers/index.ts";`],
  ["workers/x.test.ts", `import "cloudflare:test"; import "./index.ts"; import "../src/testing/database.ts";`],
];

describe("an import that breaks a rule is one sentence with its place", () => {
  test.each(FORBIDDEN)("%s: %s", (file, line, sentence) => {
    const tree = { ...EMPTY, "src/tenants/x.test.ts": "", [file]: `\n${line}\n` };
    expect(check(tree)).toEqual([`${file}:2 ${sentence}`]);
  });
});

describe("an import that keeps the rules is silent", () => {
  test.each(ALLOWED)("%s: %s", (file, line) => {
    expect(check({ ...EMPTY, [file]: line })).toEqual([]);
  });
});

test("a file outside every layer is named", () => {
  expect(check({ "src/things/x.ts": "" })).toEqual([
    "src/things/x.ts:1 belongs to no layer of src/local/architecture.ts.",
  ]);
});

test("a cycle is reported once, however many files lie on it", () => {
  const tree = {
    "src/core/a.ts": `\nimport "./b.ts";`,
    "src/core/b.ts": `export * from "./c.ts";`,
    "src/core/c.ts": `import "./a.ts";`,
    "src/core/outside.ts": `import "./a.ts";`,
    "src/core/self.ts": `import "./self.ts";`,
  };
  expect(check(tree)).toEqual([
    "src/core/a.ts:2 begins an import cycle: src/core/a.ts → src/core/b.ts → src/core/c.ts → src/core/a.ts.",
    "src/core/self.ts:1 begins an import cycle: src/core/self.ts → src/core/self.ts.",
  ]);
});

test("a type-only import closes no cycle", () => {
  expect(check({ "src/core/a.ts": `import "./b.ts";`, "src/core/b.ts": `import type { A } from "./a.ts";` })).toEqual(
    [],
  );
});

test("the repository keeps its own rules", () => {
  expect(architectureViolations(join(import.meta.dirname, "../..")).map((violation) => violation.message)).toEqual([]);
});

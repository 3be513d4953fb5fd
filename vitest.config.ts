import { availableParallelism } from "node:os";
import process from "node:process";
import { cloudflarePool, cloudflareTest } from "@cloudflare/vitest-plugin";
import { configDefaults, defineConfig } from "vitest/config";
import { ForksPoolWorker } from "vitest/node";
import { inLanes } from "./src/testing/lanes.ts";
import { memoryFolder } from "./src/testing/memory-folder.ts";

const IN_WORKERD = ["workers/**/*.test.ts", "src/**/*.workers.test.ts"];

/** For a test that hangs: how long one takes depends on the machine, and on those beside it. */
const TIMEOUTS = { testTimeout: 120_000, hookTimeout: 120_000 };

const WORKER = { main: "./workers/index.ts", wrangler: { configPath: "./wrangler.toml" } };

// For everything that asks for a temporary folder: PostgreSQL, Miniflare, the tests themselves.
process.env["TMPDIR"] = memoryFolder();

export default defineConfig({
  test: {
    sequence: { shuffle: { tests: true } },
    // A file and its PostgreSQL mostly wait for each other: three keep two cores busy.
    maxWorkers: Math.min(4, availableParallelism() + 1),
    // What a passing test logs is not news.
    silent: "passed-only",
    projects: [
      {
        plugins: [inLanes((_provided, options) => new ForksPoolWorker(options), { cacheFs: true })],
        test: {
          ...TIMEOUTS,
          name: "node",
          environment: "node",
          include: ["src/**/*.test.ts", "drizzle/**/*.test.ts"],
          exclude: [...configDefaults.exclude, ...IN_WORKERD],
        },
      },
      {
        plugins: [
          cloudflareTest(WORKER),
          // Durable Objects keep their storage through a file, and share none with the next file.
          inLanes(({ workerBindings }, options) =>
            cloudflarePool({ ...WORKER, miniflare: { bindings: workerBindings } }).createPoolWorker(options),
          ),
        ],
        test: { ...TIMEOUTS, name: "workers", include: IN_WORKERD },
      },
    ],
  },
});

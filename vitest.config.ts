import { cloudflareTest } from "@cloudflare/vitest-plugin";
import { configDefaults, defineConfig } from "vitest/config";

const IN_WORKERD = ["workers/**/*.test.ts", "src/**/*.workers.test.ts"];

export default defineConfig({
  test: {
    // Here and not in the projects, so that it runs once: both share one throw-away database.
    globalSetup: ["./src/testing/global-setup.ts"],
    sequence: { shuffle: { tests: true } },
    // Faults are injected at the one endpoint that all files share: a file at a time, or one would meet another's.
    fileParallelism: false,
    // What a passing test logs is not news.
    silent: "passed-only",
    projects: [
      {
        test: {
          name: "node",
          environment: "node",
          include: ["src/**/*.test.ts", "drizzle/**/*.test.ts"],
          exclude: [...configDefaults.exclude, ...IN_WORKERD],
        },
      },
      {
        plugins: [
          // A function, because the database's URLs are known only once the global set-up has run.
          // Durable Objects keep their storage through a file, and share none with the next file.
          cloudflareTest(({ inject }) => ({
            main: "./workers/index.ts",
            wrangler: { configPath: "./wrangler.toml" },
            miniflare: { bindings: { ...inject("workerBindings") } },
          })),
        ],
        test: { name: "workers", include: IN_WORKERD },
      },
    ],
  },
});

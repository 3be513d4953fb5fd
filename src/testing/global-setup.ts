import type { TestProject } from "vitest/node";

declare module "vitest" {
  interface ProvidedContext {
    /** Bindings of the Worker under test that are known only when the tests start. */
    workerBindings: Record<string, string>;
  }
}

export default async function setUp(project: TestProject): Promise<void> {
  project.provide("workerBindings", {});
}

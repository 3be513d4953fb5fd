import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { PROJECT } from "./paths.ts";

/** The statements of the migrations that make, replace or drop functions, in their order; those generated are not among them. */
export function migratedFunctions(): string[] {
  const folder = join(PROJECT, "drizzle");
  const files = readdirSync(folder).filter((file) => /^\d{4}_.*\.sql$/.test(file) && !file.endsWith("_policies.sql"));
  return files
    .sort()
    .flatMap((file) => readFileSync(join(folder, file), "utf8").split("--> statement-breakpoint"))
    .map((statement) => statement.replace(/^(\s*--[^\n]*\n|\s)+/, "").trim())
    .filter((statement) => /^(create (or replace )?|drop )function /.test(statement));
}

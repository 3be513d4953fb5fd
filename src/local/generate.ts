import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { policyMigration } from "../privacy/policies.ts";

/**
 * `npm run generate`: writes the newest `…_policies.sql` migration from the inventory. With `--check` it writes nothing
 * and fails when a file differs. A migration that has been released is not rewritten: make an empty one first
 * (`npx drizzle-kit generate --config drizzle/config.ts --custom --name policies`), and this fills it.
 */
const migrations = join(import.meta.dirname, "../../drizzle/");

function newestPolicies(): string {
  const newest = readdirSync(migrations)
    .filter((file) => /^\d{4}_policies\.sql$/.test(file))
    .sort()
    .at(-1);
  if (newest === undefined) throw new Error("drizzle/ holds no migration named …_policies.sql");
  return migrations + newest;
}

const outputs: { file: string; content: string }[] = [{ file: newestPolicies(), content: policyMigration() }];
const checking = process.argv.includes("--check");
let differing = 0;
for (const { file, content } of outputs) {
  if (readFileSync(file, "utf8") === content) continue;
  differing += 1;
  const name = file.slice(file.indexOf("drizzle/"));
  if (checking) {
    process.stderr.write(`${name} differs from what the sources declare: run npm run generate\n`);
  } else {
    writeFileSync(file, content);
    process.stdout.write(`wrote ${name}\n`);
  }
}
if (checking && differing > 0) process.exitCode = 1;

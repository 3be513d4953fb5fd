import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { REQUIREMENTS } from "../oauth/requirements.ts";
import { inventoryPage } from "../privacy/inventory-page.ts";
import { policyMigration } from "../privacy/policy-migration.ts";
import { oauthPage } from "./oauth-page.ts";
import { permissionsPage } from "./permissions-page.ts";

/**
 * `npm run generate`: writes the newest `…_policies.sql` migration and docs/inventory.md from the inventory,
 * docs/permissions.md from the table of permissions, and docs/oauth.md from what the RFCs ask; that fails when a test
 * which it names is not there. With `--check` it writes nothing and fails when a file differs. A migration that has been released is not rewritten: make an empty one first
 * (`npx drizzle-kit generate --config drizzle/config.ts --custom --name policies`), and this fills it.
 */
const root = join(import.meta.dirname, "../..");
const migrations = join(root, "drizzle/");

function newestPolicies(): string {
  const newest = readdirSync(migrations)
    .filter((file) => /^\d{4}_policies\.sql$/.test(file))
    .sort()
    .at(-1);
  if (newest === undefined) throw new Error("drizzle/ holds no migration named …_policies.sql");
  return migrations + newest;
}

function sourceOf(file: string): string | null {
  return existsSync(join(root, file)) ? readFileSync(join(root, file), "utf8") : null;
}

const outputs: { file: string; content: string }[] = [
  { file: newestPolicies(), content: policyMigration() },
  { file: join(root, "docs/inventory.md"), content: inventoryPage() },
  { file: join(root, "docs/permissions.md"), content: permissionsPage() },
  {
    file: join(root, "docs/oauth.md"),
    content: oauthPage({ requirements: REQUIREMENTS, read: sourceOf }),
  },
];
const checking = process.argv.includes("--check");
let differing = 0;
for (const { file, content } of outputs) {
  if (existsSync(file) && readFileSync(file, "utf8") === content) continue;
  differing += 1;
  const name = relative(root, file);
  if (checking) {
    process.stderr.write(`${name} differs from what the sources declare: run npm run generate\n`);
  } else {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
    process.stdout.write(`wrote ${name}\n`);
  }
}
if (checking && differing > 0) process.exitCode = 1;

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { catalogDifferences, PRODUCTION } from "../privacy/catalog.ts";
import { errorMessage } from "./failure.ts";
import { migratedFunctions } from "./migrated-functions.ts";
import { startNeonEndpoint } from "./neon-endpoint.ts";
import { asOwner } from "./owner-connection.ts";
import { startPostgres } from "./postgres.ts";
import { prepareDatabase } from "./prepare.ts";
import { print, printError } from "./print.ts";
import { makeLocalSecrets } from "./secrets.ts";

/** Migrates a throw-away database and compares what it enforces with what the inventory declares. */
async function differences(): Promise<string[]> {
  const folder = await mkdtemp(join(tmpdir(), "ebb-catalog-"));
  const postgres = await startPostgres({
    dataDir: join(folder, "postgres"),
    logFile: join(folder, "postgres.log"),
    throwaway: true,
  });
  try {
    const neon = await startNeonEndpoint({ postgresPort: postgres.port });
    try {
      const { urls } = await prepareDatabase({
        superuserUrl: postgres.superuserUrl(),
        neon,
        secrets: await makeLocalSecrets(),
        database: "ebb",
      });
      return await asOwner(urls.owner, async ({ $client }) => {
        const client = await $client.connect();
        try {
          await client.query("begin");
          return await catalogDifferences(async (text, params) => (await client.query(text, params)).rows, {
            ...PRODUCTION,
            functions: migratedFunctions(),
          });
        } finally {
          client.release(true);
        }
      });
    } finally {
      await neon.stop();
    }
  } finally {
    await postgres.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

try {
  const found = await differences();
  for (const sentence of found) printError(sentence);
  if (found.length > 0) process.exitCode = 1;
  else print("The database is what the inventory declares.");
} catch (error) {
  printError(`The comparison failed: ${errorMessage(error)}`);
  process.exitCode = 1;
}

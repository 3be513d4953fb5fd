import { z } from "zod";
import type { LocalPaths } from "./paths.ts";
import type { DatabaseUrls } from "./prepare.ts";
import { readIfThere, writePrivateFile } from "./private-file.ts";

/** What scripts and people need of a running local side. Keys of the seed are shown here and nowhere else. */
const LocalJson = z.looseObject({
  url: z.string(),
  /** The owner's. */
  databaseUrl: z.string(),
  databaseUrls: z.record(z.enum(["owner", "app", "ingest", "purge", "jobs"]), z.string()),
  neonEndpoint: z.string(),
  /** Of the local OpenID provider, and the page of the mailbox; absent from a file of a version before them. */
  issuer: z.string().optional(),
  mailbox: z.string().optional(),
});

/** Beside its own fields: everything that the seed returned (`registrationKey`, `apiKey`, tenant ids). */
export type LocalJson = z.infer<typeof LocalJson>;

/** The file of the run before, or null when it is missing or damaged. */
export async function readLocalJson(paths: Pick<LocalPaths, "localJson">): Promise<LocalJson | null> {
  const text = await readIfThere(paths.localJson);
  if (text === null) return null;
  try {
    return LocalJson.parse(JSON.parse(text));
  } catch {
    return null;
  }
}

/** Writes the file for this run: the addresses of now, and the keys of `seeded`, else those of the run before. */
export async function writeLocalJson(
  paths: Pick<LocalPaths, "localJson">,
  now: { url: string; urls: DatabaseUrls; neonEndpoint: string; issuer: string; mailbox: string },
  seeded: Record<string, unknown> | null,
  before: LocalJson | null,
): Promise<LocalJson> {
  const { urls, ...addresses } = now;
  const written = { ...(seeded ?? before), ...addresses, databaseUrl: urls.owner, databaseUrls: urls };
  await writePrivateFile(paths.localJson, `${JSON.stringify(written, null, 2)}\n`);
  return written;
}

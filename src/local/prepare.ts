import type { LocalSecrets } from "./secrets.ts";

export type DatabaseUrls = Record<"owner" | "app" | "ingest" | "purge" | "jobs", string>;

export interface PrepareInput {
  superuserUrl: string;
  neon: { httpUrl: string; wsProxy: string };
  secrets: LocalSecrets;
  database: string;
}

/** Placeholder: creates the database, its roles and tables. */
export function prepareDatabase(input: PrepareInput): Promise<{ urls: DatabaseUrls }> {
  const { superuserUrl: url } = input;
  return Promise.resolve({ urls: { owner: url, app: url, ingest: url, purge: url, jobs: url } });
}

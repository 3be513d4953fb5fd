import type { DatabaseUrls } from "./prepare.ts";
import type { LocalSecrets } from "./secrets.ts";

export interface SeedInput {
  urls: DatabaseUrls;
  neon: { httpUrl: string; wsProxy: string };
  secrets: LocalSecrets;
  /** Where the Worker will answer. */
  url: string;
}

/** What scripts need of the seeded rows; all of it goes into local.json. */
export type SeedResult = Record<string, unknown>;

/** Placeholder: seeds an empty database; null when it was seeded before. */
export function seed(_input: SeedInput): Promise<SeedResult | null> {
  return Promise.resolve(null);
}

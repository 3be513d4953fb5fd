import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { PROJECT } from "../../local/paths.ts";

/** The published OpenAPI documents that clients of others were written against; they lie beside the project. */
const FOLDER = join(PROJECT, "..", "shared", "contracts");
const NAMES = ["instance-api.yaml", "public-api.yaml"] as const;

export type ContractDocument = {
  paths: Record<string, Record<string, Record<string, unknown>>>;
  components: { schemas: Record<string, unknown> };
};

export type ContractDocuments = Record<(typeof NAMES)[number], ContractDocument>;

/** Both documents, or null in a clone that has none beside it: tests that need them say so and are skipped. */
export function contractDocuments(): ContractDocuments | null {
  if (!NAMES.every((name) => existsSync(join(FOLDER, name)))) return null;
  const read = (name: string) => parse(readFileSync(join(FOLDER, name), "utf8")) as ContractDocument;
  return { "instance-api.yaml": read(NAMES[0]), "public-api.yaml": read(NAMES[1]) };
}

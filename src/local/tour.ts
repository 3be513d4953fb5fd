import type { LocalJson } from "./local-json.ts";

/** Commands that work when pasted, a line each. */
export function tour(local: LocalJson): string[] {
  return [`curl ${local.url}/healthz`];
}

import type { DatabaseUrls } from "./prepare.ts";
import type { LocalSecrets } from "./secrets.ts";

/** What a Worker on this machine is bound to, as `wrangler secret` would give it (workers/bindings.ts). */
export function workerBindings(
  urls: DatabaseUrls,
  secrets: LocalSecrets,
  neon: { httpUrl: string },
  publicUrl: string,
  /** What stands in for providers and mail; tests bind their own. */
  standIns: Readonly<Record<string, string>> = {},
): Record<string, string> {
  return {
    DATABASE_URL_APP: urls.app,
    DATABASE_URL_INGEST: urls.ingest,
    DATABASE_URL_PURGE: urls.purge,
    DATABASE_URL_JOBS: urls.jobs,
    TOKEN_SIGNING_KEYS: secrets.TOKEN_SIGNING_KEYS,
    ROUTING_HMAC_KEYS: secrets.ROUTING_HMAC_KEYS,
    SEALING_KEYS: secrets.SEALING_KEYS,
    NEON_LOCAL_ENDPOINT: neon.httpUrl,
    PUBLIC_URL: publicUrl,
    ...standIns,
  };
}

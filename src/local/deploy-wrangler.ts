import type { Environment } from "./deploy-settings.ts";

export const NO_ACCOUNT =
  "CLOUDFLARE_API_TOKEN is not set or not valid, and wrangler is not logged in: npx wrangler login, or a token from the Cloudflare dashboard, My Profile, API Tokens, template “Edit Cloudflare Workers”.";

/** Wrangler cannot choose between accounts without a person at the terminal. */
export function severalAccounts(whoami: string, env: Environment): string | null {
  const [list = ""] = /"accounts":\s*\[[^\]]*\]/.exec(whoami) ?? [];
  if (list.split('"id":').length <= 2 || env["CLOUDFLARE_ACCOUNT_ID"]) return null;
  return "CLOUDFLARE_ACCOUNT_ID is not set, and the login reaches several accounts: npx wrangler whoami lists them.";
}

/** Whether `wrangler secret list` failed because there is no Worker yet, and for no other reason. */
export function noWorker(output: string): boolean {
  return /\bWorker "[^"]*" not found\./.test(output);
}

/** The names in the JSON that `wrangler secret list` prints, perhaps among warnings; null when there is none. */
export function secretNames(output: string): string[] | null {
  const start = output.search(/^\[\s*[{\]]/m);
  if (start === -1) return null;
  for (let end = output.indexOf("]", start); end !== -1; end = output.indexOf("]", end + 1)) {
    try {
      const list: unknown = JSON.parse(output.slice(start, end + 1));
      return Array.isArray(list) ? list.map((secret: { name?: unknown }) => String(secret.name)) : null;
    } catch {
      // A bracket within the list: it ends at a later one.
    }
  }
  return null;
}

import type { DeployContext } from "./deploy.ts";

export const HEALTH_LIMIT_MS = 2 * 60_000;
const HEALTH_PAUSE_MS = 3_000;

type Outside = Pick<DeployContext, "fetch" | "sleep" | "now" | "log">;

/** Asks until the answer is `ok`, and tells of every other answer once. Throws after two minutes. */
export async function untilHealthy(url: string, ctx: Outside): Promise<void> {
  const deadline = ctx.now() + HEALTH_LIMIT_MS;
  for (let last = ""; ; ) {
    const answer = await health(url, ctx);
    if (answer === "ok") return;
    if (ctx.now() >= deadline) throw new Error(`${url} did not answer ok within two minutes; at last: ${answer}.`);
    if (answer !== last) ctx.log(`  waiting for ${url}: ${answer}`);
    last = answer;
    await ctx.sleep(HEALTH_PAUSE_MS);
  }
}

async function health(url: string, ctx: Outside): Promise<string> {
  try {
    const response = await ctx.fetch(url);
    const body: unknown = await response.json().catch(() => null);
    const status = typeof body === "object" && body !== null && "status" in body ? String(body.status) : "no status";
    return response.ok && status === "ok" ? "ok" : `HTTP ${response.status}, ${status}`;
  } catch {
    return "no answer";
  }
}

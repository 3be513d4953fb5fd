import { readFileSync } from "node:fs";
import { join } from "node:path";
import { MINUTE_MS } from "../core/clock.ts";
import { PROJECT } from "./paths.ts";

/** `wrangler dev` runs no cron line by itself: this does, at their minutes, and what is overdue at the start at once. */
export function startCron(url: string, say: (line: string) => void): { stop(): Promise<void> } {
  const lines = cronLines(readFileSync(join(PROJECT, "wrangler.toml"), "utf8"));
  let lastMinute = Math.floor(Date.now() / MINUTE_MS);
  let running: Promise<unknown> = runAll(lines.filter((line) => line.startsWith("*/")));
  const timer = setInterval(() => {
    const minute = Math.floor(Date.now() / MINUTE_MS);
    if (minute === lastMinute) return;
    lastMinute = minute;
    const due = lines.filter((line) => isDue(line, new Date(minute * MINUTE_MS)));
    running = running.then(() => runAll(due));
  }, 1_000);

  async function runAll(due: readonly string[]): Promise<void> {
    for (const line of due) {
      const answer = await fetch(`${url}/cdn-cgi/handler/scheduled?cron=${encodeURIComponent(line)}`).catch(() => null);
      await answer?.body?.cancel();
      if (answer?.ok === false) say(`The cron line ${line} failed: the log above says why.`);
    }
  }

  return {
    async stop() {
      clearInterval(timer);
    },
  };
}

/** The `crons` of a wrangler.toml. */
export function cronLines(toml: string): string[] {
  const list = /^crons\s*=\s*\[([^\]]*)\]/m.exec(toml)?.[1] ?? "";
  return [...list.matchAll(/"([^"]+)"/g)].map(([, line]) => line as string);
}

/** Whether a cron line is due in the minute that begins at `at`, in UTC as Cloudflare runs them. */
export function isDue(line: string, at: Date): boolean {
  const fields = line.trim().split(/\s+/);
  const now = [at.getUTCMinutes(), at.getUTCHours(), at.getUTCDate(), at.getUTCMonth() + 1, at.getUTCDay()];
  if (fields.length !== now.length) throw new RangeError(`not a cron line: ${line}`);
  return fields.every((field, index) => {
    const every = /^\*(?:\/(\d+))?$/.exec(field);
    if (every !== null) return (now[index] as number) % Number(every[1] ?? 1) === 0;
    if (!/^\d+$/.test(field)) throw new RangeError(`a cron field that is not run locally: ${field}`);
    return Number(field) === now[index];
  });
}

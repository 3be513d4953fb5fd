import process from "node:process";
import { setTimeout as delay } from "node:timers/promises";
import { Client } from "pg";
import { errorMessage } from "../../local/failure.ts";
import { heldLocks, type Look } from "./held-locks.ts";
import {
  now,
  type Sample,
  type TrafficJob,
  type TrafficReply,
  type TrafficRequest,
  type TrafficResult,
} from "./traffic-job.ts";

/** The traffic process: others who read and insert while rows expire. Its event loop is its own, so a wait is Postgres's. */
let running: { stop: AbortController; result: Promise<TrafficResult> } | null = null;

process.on("message", (request: TrafficRequest) => {
  const answer = request === "stop" ? stop() : start(request.start);
  answer.then(reply, (error: unknown) => reply({ error: errorMessage(error) }));
});
// Whoever started us is gone.
process.on("disconnect", () => process.exit());
// Ctrl-C reaches the whole group: the parent decides when we end.
process.on("SIGINT", () => undefined);

function reply(message: TrafficReply): void {
  process.send?.(message);
}

async function stop(): Promise<TrafficReply> {
  if (running === null) throw new Error("There is no traffic.");
  const { stop: stopping, result } = running;
  running = null;
  stopping.abort();
  return { result: await result };
}

/**
 * Which locks anyone but the traffic and the server itself holds on a table. The server says more of a wait than we
 * could see from here: its log has every one that took longer than a millisecond.
 */
const LOCKS = `
  select distinct l.mode from pg_locks l join pg_stat_activity a using (pid)
   where l.relation = $1::regclass and l.granted and a.backend_type = 'client backend' and l.pid <> all ($2::int[])`;
/** How long the slow reader pauses, of the time for which its transaction was open: whoever wants a lock mostly waits. */
const PAUSE_SHARE = 0.2;
const LOGGED = "set log_lock_waits = on; set deadlock_timeout = '1ms'";

async function start(job: TrafficJob): Promise<TrafficReply> {
  const stopping = new AbortController();
  const clients: Client[] = [];
  const connect = async () => {
    const client = new Client({ connectionString: job.connectionString });
    client.on("error", () => undefined);
    clients.push(client);
    await client.connect();
    await client.query(LOGGED);
    return client;
  };
  const { read, insert, openMs, watch } = job;
  const [reader, inserter, opener, watcher] = [await connect(), await connect(), await connect(), await connect()];
  const pids = await Promise.all(clients.map(async (client) => await pidOf(client)));
  const until = stopping.signal;
  const measure = async (): Promise<TrafficResult> => {
    try {
      const [reads, inserts, seen] = await Promise.all([
        queries(reader, read, job, until),
        queries(inserter, insert, job, until),
        watch === null ? [] : looks(watcher, watch, pids, until),
        openMs === null ? null : openTransactions(opener, read, job.tenants[0] as string, openMs, until),
      ]);
      const [first, last] = [seen[0]?.at ?? 0, seen.at(-1)?.at ?? 0];
      const looksPerSecond = last > first ? (seen.length * 1_000) / (last - first) : 0;
      return { reads, inserts, locks: heldLocks(seen), looksPerSecond };
    } finally {
      await Promise.all(clients.map((client) => client.end()));
    }
  };
  const result = measure();
  // Whoever stops it hears of an error; nobody may have asked yet.
  result.catch(() => undefined);
  running = { stop: stopping, result };
  return "started";
}

async function queries(client: Client, text: string, job: TrafficJob, until: AbortSignal): Promise<Sample[]> {
  const samples: Sample[] = [];
  for (let n = 0; !until.aborted; n++) {
    const at = now();
    await client.query(text, [job.tenants[n % job.tenants.length]]);
    samples.push({ at, ms: now() - at });
    await delay(job.pauseMs);
  }
  return samples;
}

async function openTransactions(client: Client, read: string, tenant: string, ms: number, until: AbortSignal) {
  while (!until.aborted) {
    await client.query("begin");
    await client.query(read, [tenant]);
    await delay(ms);
    await client.query("commit");
    await delay(ms * PAUSE_SHARE);
  }
}

async function looks(client: Client, table: string, pids: readonly number[], until: AbortSignal): Promise<Look[]> {
  const seen: Look[] = [];
  while (!until.aborted) {
    const { rows } = await client.query<{ mode: string }>({ name: "locks", text: LOCKS, values: [table, pids] });
    seen.push({ at: now(), modes: rows.map(({ mode }) => mode) });
  }
  return seen;
}

async function pidOf(client: Client): Promise<number> {
  const { rows } = await client.query<{ pid: number }>("select pg_backend_pid() as pid");
  return rows[0]?.pid ?? 0;
}

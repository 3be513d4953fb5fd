import process from "node:process";
import { errorMessage } from "../local/failure.ts";
import { type Answer, type HttpConnection, openConnection } from "./http-connection.ts";
import type { LoadJob, LoadReply, LoadResult } from "./load-job.ts";
import { percentile } from "./statistics.ts";

/** The load process: takes one job after another over IPC. A process of its own, so that it shares no event loop. */
process.on("message", (job: LoadJob) => {
  run(job).then(
    (result) => reply({ result }),
    (error: unknown) => reply({ error: errorMessage(error) }),
  );
});
// Whoever started us is gone.
process.on("disconnect", () => process.exit());
// Ctrl-C reaches the whole group: the parent decides when we end.
process.on("SIGINT", () => undefined);

function reply(message: LoadReply): void {
  process.send?.(message);
}

async function run({ port, connections: count, requests, pace }: LoadJob): Promise<LoadResult> {
  const buffers = requests.map((request) => Buffer.from(request, "latin1"));
  const latencies = new Float64Array(buffers.length);
  const finished = Promise.withResolvers<void>();
  const startedFor = new Map<HttpConnection, number>();
  const idle: HttpConnection[] = [];
  let sent = 0;
  let answered = 0;
  let failed = 0;
  let firstFailure: string | null = null;
  let stopAt = Number.POSITIVE_INFINITY;
  let lastAnswer = 0;

  const onAnswer = (connection: HttpConnection, { status, bytes }: Answer) => {
    lastAnswer = performance.now();
    latencies[answered] = lastAnswer - (startedFor.get(connection) as number);
    answered += 1;
    if (status < 200 || status > 299) {
      failed += 1;
      firstFailure ??= bytes.toString("latin1", 0, 1_500);
    }
    next(connection);
  };
  const connections = await Promise.all(
    Array.from({ length: count }, () =>
      openConnection(port, onAnswer, (reason) => finished.reject(new Error(`A connection broke: ${reason}.`))),
    ),
  );

  const begin = performance.now();
  /** When the nth request may go out: at once, or when its time has come. */
  const due = (n: number) => (pace.kind === "full" ? 0 : begin + (n * 1_000) / pace.perSecond);
  const next = (connection: HttpConnection) => {
    const now = performance.now();
    const request = now < stopAt ? buffers[sent] : undefined;
    if (request === undefined) {
      idle.push(connection);
      if (answered === sent && (sent === buffers.length || now >= stopAt)) finished.resolve();
      return;
    }
    const dueAt = due(sent);
    if (dueAt > now) return void idle.push(connection);
    sent += 1;
    startedFor.set(connection, pace.kind === "full" ? now : dueAt);
    connection.send(request);
  };
  if (pace.kind === "full") stopAt = begin + pace.seconds * 1_000;
  const ticks = setInterval(() => {
    while (idle.length > 0 && sent < buffers.length && due(sent) <= performance.now() && performance.now() < stopAt) {
      next(idle.pop() as HttpConnection);
    }
  }, 1);
  try {
    for (const connection of connections) next(connection);
    await finished.promise;
  } finally {
    clearInterval(ticks);
    for (const connection of connections) connection.close();
  }
  const sorted = latencies.subarray(0, answered).sort();
  return {
    answered,
    failed,
    firstFailure,
    seconds: (lastAnswer - begin) / 1_000,
    p50Ms: percentile(sorted, 0.5),
    p99Ms: percentile(sorted, 0.99),
  };
}

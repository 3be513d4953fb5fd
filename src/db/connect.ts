import { type NeonQueryFunction, neon, neonConfig } from "@neondatabase/serverless";

/** No statement of ours is awaited longer: roles have a `statement_timeout` of 30 s on the other side. */
export const PATIENCE_MS = 35_000;

/** On a developer's machine the driver speaks to the stand-in for Neon's endpoint, over plain HTTP and WebSocket. */
export function useLocalEndpoint(endpoint: string): void {
  const { host, origin } = new URL(endpoint);
  neonConfig.fetchEndpoint = `${origin}/sql`;
  neonConfig.wsProxy = (address, port) => `${host}/v2?address=${address}:${port}`;
  neonConfig.useSecureWebSocket = false;
  neonConfig.pipelineConnect = false;
}

/** Statements as one role, each a transaction of its own. */
export interface Sql {
  /** Rows as objects. Rejects with the driver's error, or a TimeoutError after `patienceMs`. */
  query(text: string, params?: unknown[], patienceMs?: number): Promise<Record<string, unknown>[]>;
}

/** Statements over Neon's HTTP endpoint as the role of this connection string. */
export function httpSql(url: string): Sql {
  const sql = neon(url);
  return {
    query: (text, params = [], patienceMs = PATIENCE_MS) =>
      withPatience(patienceMs, (signal) => sql.query(text, params, { fetchOptions: { signal } })),
  };
}

/** The driver for Drizzle, whose batches are transactions: with the same patience. */
export function httpDriver(url: string): NeonQueryFunction<false, false> {
  return new Proxy(neon(url), {
    get(sql, property, receiver) {
      if (property !== "transaction") return Reflect.get(sql, property, receiver);
      return (queries: Parameters<typeof sql.transaction>[0], options?: object) =>
        withPatience(PATIENCE_MS, (signal) => sql.transaction(queries, { ...options, fetchOptions: { signal } }));
    },
  });
}

/** A timer that ends with the call: one left behind would keep a Durable Object awake, and on the bill. */
async function withPatience<T>(ms: number, call: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(new DOMException("timed out", "TimeoutError")), ms);
  try {
    return await call(controller.signal);
  } finally {
    clearTimeout(timer);
  }
}

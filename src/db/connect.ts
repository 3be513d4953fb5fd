import { type NeonQueryFunction, neon, neonConfig } from "@neondatabase/serverless";

/** No statement of ours is awaited longer: roles have a `statement_timeout` of 30 s on the other side. */
const PATIENCE_MS = 35_000;

/** On a developer's machine the driver speaks to the stand-in for Neon's endpoint, over plain HTTP and WebSocket. */
export function useLocalEndpoint(endpoint: string): void {
  const { host, origin } = new URL(endpoint);
  neonConfig.fetchEndpoint = `${origin}/sql`;
  neonConfig.wsProxy = (address, port) => `${host}/v2?address=${address}:${port}`;
  neonConfig.useSecureWebSocket = false;
  neonConfig.pipelineConnect = false;
}

export type Sql = NeonQueryFunction<false, false>;

/** Statements over Neon's HTTP endpoint as the role of this connection string: each is a transaction of its own. */
export function httpSql(url: string): Sql {
  const sql = neon(url);
  return new Proxy(sql, {
    get(target, property, receiver) {
      // A signal of its own for each call: one made at start would soon be over.
      if (property === "query") {
        return (text: string, params?: unknown[], options?: object) =>
          target.query(text, params, { ...patience(), ...options });
      }
      if (property === "transaction") {
        return (queries: Parameters<Sql["transaction"]>[0], options?: object) =>
          target.transaction(queries, { ...patience(), ...options });
      }
      return Reflect.get(target, property, receiver);
    },
  });
}

function patience(): { fetchOptions: { signal: AbortSignal } } {
  return { fetchOptions: { signal: AbortSignal.timeout(PATIENCE_MS) } };
}

/** What the load process is asked to do: every request once, in order, over keep-alive connections without pipelining. */
export interface LoadJob {
  port: number;
  connections: number;
  /** Whole HTTP/1.1 requests, Latin-1. */
  requests: readonly string[];
  /**
   * `full`: each connection sends its next request as soon as the last was answered, until the time is over or the
   * requests are used up. `paced`: so many a second, all of them, each timed from the moment it was due.
   */
  pace: { kind: "full"; seconds: number } | { kind: "paced"; perSecond: number };
}

export interface LoadResult {
  /** Requests used, which is how many were answered. */
  answered: number;
  /** Answers outside 200 to 299; the first as it came, cut short. */
  failed: number;
  firstFailure: string | null;
  /** From the first request to the last answer. */
  seconds: number;
  p50Ms: number;
  p99Ms: number;
}

/** What the load process sends back. */
export type LoadReply = { result: LoadResult } | { error: string };

export function httpRequest(
  method: string,
  path: string,
  { bearer, json, headers = {} }: { bearer?: string; json?: unknown; headers?: Readonly<Record<string, string>> } = {},
): string {
  const body = json === undefined ? "" : JSON.stringify(json);
  return [
    `${method} ${path} HTTP/1.1`,
    "Host: 127.0.0.1",
    ...(bearer === undefined ? [] : [`Authorization: Bearer ${bearer}`]),
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    ...(json === undefined ? [] : ["Content-Type: application/json"]),
    ...(method === "GET" ? [] : [`Content-Length: ${Buffer.byteLength(body, "latin1")}`]),
    "",
    body,
  ].join("\r\n");
}

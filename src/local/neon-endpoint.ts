import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { json } from "node:stream/consumers";
import { WebSocketServer } from "ws";
import { errorMessage } from "./failure.ts";
import { CONTROL_HEADER, type ControlOptions, controlCalls } from "./neon-control.ts";
import { type Fault, faultBox } from "./neon-fault.ts";
import { connectionPools } from "./neon-pools.ts";
import { tunnel } from "./neon-socket.ts";
import { errorBody, parseSqlRequest, runSql } from "./neon-sql.ts";
import { statementLog } from "./neon-statements.ts";

export interface NeonEndpointOptions {
  postgresPort: number;
  /** Chosen by the operating system when left out. */
  port?: number;
  /** For tests and benchmarks only: opens `/control/…`. */
  control?: ControlOptions;
}

export interface NeonEndpoint {
  port: number;
  /** For `neonConfig.fetchEndpoint`. */
  httpUrl: string;
  /** For `neonConfig.wsProxy`, with `useSecureWebSocket = false` and `pipelineConnect = false`. */
  wsProxy: string;
  /** Where and with which token `/control/…` answers; null without `control`. */
  control: { url: string; header: string; token: string } | null;
  /** Statements that clients sent: each query of `/sql`, each simple query or Execute message on a WebSocket. */
  statements(): number;
  resetStatements(): void;
  setFault(fault: Fault | null): void;
  stop(): Promise<void>;
}

/** Neon accepts requests of 10 MiB. */
const BODY_BYTES = 10 * 1024 * 1024;
/** For WebSockets to say goodbye when the endpoint stops. */
const CLOSE_MS = 1_000;
/**
 * `discard all`, but for plans: they hold nothing of a request, and made anew for each they are a fifth of what tests wait
 * for. A plan that no longer fits (role, settings, tables) is made anew by PostgreSQL itself.
 */
const FORGET = `close all; set session authorization default; reset all; deallocate all; unlisten *;
  select pg_advisory_unlock_all(); discard temp; discard sequences`;
const LOCAL_NAMES = new Set(["127.0.0.1", "localhost", "[::1]"]);

/**
 * The local stand-in for Neon: the driver's `POST /sql` and its WebSocket, in front of one PostgreSQL on this machine. It
 * holds no right of its own (every request brings a user and a password), listens on 127.0.0.1, and refuses web pages.
 */
export async function startNeonEndpoint(options: NeonEndpointOptions): Promise<NeonEndpoint> {
  const { postgresPort } = options;
  const pools = connectionPools(postgresPort);
  const faults = faultBox();
  const log = statementLog();
  let count = 0;
  const control = options.control ? controlCalls(options.control, faults, log) : null;

  const sql = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const wanted = parseSqlRequest(await readBody(request), request.headers);
    const params = wanted.queries.flatMap((query) => query.params);
    if (faults.take("refuse", params)) return void request.socket.destroy();
    const connectionString = String(request.headers["neon-connection-string"]);
    const client = await pools.get(connectionString).connect();
    // Nothing of one request may be seen by the next: settings, temporary tables, advisory locks.
    const release = () =>
      client.query(FORGET).then(
        () => client.release(),
        (error: Error) => client.release(error),
      );
    count += wanted.queries.length;
    const role = new URL(connectionString).username;
    for (const each of wanted.queries) log.record({ role, sql: each.query, params: each.params });
    try {
      const commit = !faults.take("error-mid", params);
      const results = await runSql(client, wanted, commit);
      if (!commit || faults.take("drop-after-commit", params)) return void request.socket.destroy();
      send(response, 200, wanted.batch ? { results } : results[0]);
    } finally {
      void release();
    }
  };

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const call = `${request.method} ${new URL(request.url ?? "/", "http://localhost").pathname}`;
    if (!isLocal(request)) return send(response, 403, { message: "not for web pages" });
    if (call === "POST /sql") return await sql(request, response);
    if (!control?.admits(request.headers[CONTROL_HEADER])) return send(response, 404, { message: "not found" });
    const answer = await control.answer(call, request.method === "GET" ? null : await readBody(request));
    if (answer === null) return send(response, 404, { message: "not found" });
    send(response, 200, answer);
  };

  const server = createServer((request, response) => {
    handle(request, response).catch((error: unknown) => {
      const body = errorBody(error) ?? (error instanceof RangeError ? { message: error.message } : null);
      // Anything else is the way to PostgreSQL that failed, which Neon, too, answers outside of 400.
      send(response, body ? 400 : 500, body ?? { message: `no connection to PostgreSQL: ${errorMessage(error)}` });
    });
  });
  // Longer than any client keeps an idle connection: it must be the one that closes, or a request meets a closing door.
  server.keepAliveTimeout = 600_000;

  const sockets = new WebSocketServer({ noServer: true });
  server.on("upgrade", (request, socket, head) => {
    socket.on("error", () => undefined);
    if (!isLocal(request)) return void socket.end("HTTP/1.1 403 Forbidden\r\nConnection: close\r\n\r\n");
    sockets.handleUpgrade(request, socket, head, (webSocket) => {
      tunnel(webSocket, {
        postgresPort,
        faults,
        onStatement: () => {
          count += 1;
        },
        onText: (role, sql) => log.record({ role, sql, params: [] }),
      });
    });
  });

  server.listen({ port: options.port ?? 0, host: "127.0.0.1" });
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no address");
  const { port } = address;
  return {
    port,
    httpUrl: `http://127.0.0.1:${port}/sql`,
    wsProxy: `127.0.0.1:${port}/v2`,
    control: control && { url: `http://127.0.0.1:${port}/control`, header: CONTROL_HEADER, token: control.token },
    statements: () => count,
    resetStatements: () => {
      count = 0;
    },
    setFault: (fault) => faults.set(fault),
    stop: async () => {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      // A closing frame first: a WebSocket that just breaks is an error to the driver, even while it ends by itself.
      for (const socket of sockets.clients) socket.close(1001);
      const late = setTimeout(() => {
        for (const socket of sockets.clients) socket.terminate();
      }, CLOSE_MS);
      await Promise.all([closed, pools.end()]);
      clearTimeout(late);
    },
  };
}

/**
 * A browser names the page's origin on every POST and WebSocket, and the name it looked up in Host: so neither a page of
 * another site nor one whose name was pointed at 127.0.0.1 gets in.
 */
function isLocal({ headers }: IncomingMessage): boolean {
  const { origin, host = "" } = headers;
  if (!LOCAL_NAMES.has(host.replace(/:\d+$/, ""))) return false;
  if (origin === undefined) return true;
  return URL.canParse(origin) && LOCAL_NAMES.has(new URL(origin).hostname);
}

async function readBody(request: IncomingMessage): Promise<unknown> {
  if (Number(request.headers["content-length"] ?? 0) > BODY_BYTES) throw new RangeError("the body is over 10 MiB");
  try {
    return await json(request);
  } catch {
    throw new RangeError("the body is not JSON");
  }
}

function send(response: ServerResponse, status: number, body: unknown): void {
  if (response.headersSent || response.destroyed) return;
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}

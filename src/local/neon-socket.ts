import { connect } from "node:net";
import type { RawData, WebSocket } from "ws";
import type { Faults } from "./neon-fault.ts";
import { type Message, messageReader, sqlOf, userOf } from "./postgres-messages.ts";

const SSL_REQUEST = 80_877_103;
const GSS_REQUEST = 80_877_104;
/** Bytes waiting for a slow reader before PostgreSQL is asked to pause. */
const BUFFER_BYTES = 4_000_000;

export interface SocketOptions {
  postgresPort: number;
  faults: Faults;
  onStatement: () => void;
  /** The text of a statement, without its parameters, and the role that logged in. */
  onText: (role: string, sql: string) => void;
}

/**
 * Carries PostgreSQL's protocol between a WebSocket and our own server, whatever address the client asked for. It reads
 * along to count statements and to know when a fault is due. The WebSocket's end ends the session, and the reverse.
 */
export function tunnel(socket: WebSocket, { postgresPort, faults, onStatement, onText }: SocketOptions): void {
  const server = connect({ host: "127.0.0.1", port: postgresPort, noDelay: true });
  const fromClient = messageReader(true);
  const fromServer = messageReader(false);
  let inTransaction = false;
  let ran = false;
  let committing = false;
  let role = "";

  const drop = () => {
    server.destroy();
    socket.terminate();
  };

  /** What to do with the chunk that carried these messages. */
  const clientSays = (messages: Message[]): "forward" | "answer-no" | "drop" => {
    for (const message of messages) {
      if (message.type === "" && message.body.length === 4) {
        const code = message.body.readInt32BE(0);
        // No encryption on the loopback address; the untyped start-up message follows.
        if (code === SSL_REQUEST || code === GSS_REQUEST) return "answer-no";
      }
      if (message.type === "") role = userOf(message) ?? role;
      if (message.type === "Q" || message.type === "E") {
        onStatement();
        ran = true;
      }
      const sql = sqlOf(message);
      if (sql === null) continue;
      onText(role, sql);
      if (!inTransaction && faults.take("refuse")) return "drop";
      committing = /^\s*(commit|end)\b/i.test(sql) || (!inTransaction && !/^\s*(begin|start)\b/i.test(sql));
      // A session that ends before its commit is rolled back; a statement outside a transaction would commit by itself.
      if (committing && faults.take("error-mid")) return "drop";
      if (inTransaction && committing && faults.take("refuse-commit")) return "drop";
    }
    return "forward";
  };

  /** Whether the answer just told of a commit that the client shall not hear of. */
  const commitUnheard = (messages: Message[]): boolean => {
    for (const { type, body } of messages) {
      if (type !== "Z") continue;
      inTransaction = body.toString("latin1", 0, 1) !== "I";
      const committed = ran && committing && !inTransaction;
      ran = inTransaction;
      if (committed && faults.take("drop-after-commit")) return true;
    }
    return false;
  };

  socket.on("message", (data) => {
    const chunk = bytesOf(data);
    try {
      const verdict = clientSays(fromClient(chunk));
      if (verdict === "drop") drop();
      else if (verdict === "answer-no") socket.send("N", { binary: true });
      else server.write(chunk);
    } catch {
      drop();
    }
  });
  server.on("data", (chunk) => {
    if (commitUnheard(fromServer(chunk))) return drop();
    socket.send(chunk, { binary: true }, () => server.resume());
    if (socket.bufferedAmount > BUFFER_BYTES) server.pause();
  });
  server.on("end", () => socket.close());
  server.on("error", drop);
  socket.on("close", () => server.destroy());
  socket.on("error", drop);
}

function bytesOf(data: RawData): Buffer {
  if (Array.isArray(data)) return Buffer.concat(data);
  return data instanceof ArrayBuffer ? Buffer.from(data) : data;
}

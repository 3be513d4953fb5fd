import { once } from "node:events";
import { connect } from "node:net";

/** One keep-alive connection that carries one request at a time. */
export interface HttpConnection {
  /** Answers come to `onAnswer`. Throws when the one before has not. */
  send(request: Buffer): void;
  close(): void;
}

export interface Answer {
  status: number;
  /** Head and body as they came; only good until the call returns. */
  bytes: Buffer;
}

/**
 * Opens a connection. A raw socket and a reader that looks for nothing but the end of an answer: what the client costs,
 * all subjects pay, and it must stay small beside them. `onBroken` hears of anything that is no answer.
 */
export async function openConnection(
  port: number,
  onAnswer: (connection: HttpConnection, answer: Answer) => void,
  onBroken: (reason: string) => void,
): Promise<HttpConnection> {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  await once(socket, "connect");
  let received: Buffer = Buffer.alloc(0);
  let waiting = false;
  const connection: HttpConnection = {
    send(request) {
      if (waiting) throw new Error("one request at a time");
      waiting = true;
      socket.write(request);
    },
    close: () => void socket.destroy(),
  };
  socket.on("data", (chunk) => {
    received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
    const length = answerLength(received);
    if (length === null || received.length < length) return;
    if (!waiting || received.length > length) return onBroken("an answer that nobody asked for");
    const bytes = received;
    received = Buffer.alloc(0);
    waiting = false;
    onAnswer(connection, { status: Number(bytes.toString("latin1", 9, 12)), bytes });
  });
  socket.on("error", (error) => onBroken(error.message));
  socket.on("close", () => {
    if (waiting) onBroken("the connection was closed before the answer");
  });
  return connection;
}

const CONTENT_LENGTH = /\r\ncontent-length: *(\d+)/i;

/** Bytes of the answer that begins here (RFC 9112 section 6.3), or null when its head is not complete. */
export function answerLength(received: Buffer): number | null {
  const head = received.indexOf("\r\n\r\n");
  if (head === -1) return null;
  const length = CONTENT_LENGTH.exec(received.toString("latin1", 0, head))?.[1];
  if (length !== undefined) return head + 4 + Number(length);
  // Chunked: the last chunk is empty, and without trailers it ends the answer.
  const end = received.indexOf("\r\n0\r\n\r\n", head + 2);
  return end === -1 ? null : end + 7;
}

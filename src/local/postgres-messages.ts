/** One message of PostgreSQL's protocol (chapter 54.7). `type` is empty for the untyped first message of a client. */
export interface Message {
  type: string;
  body: Buffer;
}

const LENGTH_BYTES = 4;
const VERSION_BYTES = 4;

/** Cuts a stream of bytes into PostgreSQL messages. `untypedFirst` is the client's direction. */
export function messageReader(untypedFirst: boolean): (chunk: Buffer) => Message[] {
  let pending: Buffer = Buffer.alloc(0);
  let untyped = untypedFirst;
  return (chunk) => {
    pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
    const messages: Message[] = [];
    for (;;) {
      const typeBytes = untyped ? 0 : 1;
      const headBytes = typeBytes + LENGTH_BYTES;
      if (pending.length < headBytes) return messages;
      const end = typeBytes + pending.readInt32BE(typeBytes);
      if (end < headBytes) throw new RangeError("malformed PostgreSQL message");
      if (pending.length < end) return messages;
      messages.push({ type: pending.toString("latin1", 0, typeBytes), body: pending.subarray(headBytes, end) });
      pending = pending.subarray(end);
      // A request for encryption, four bytes long, is followed by the untyped start-up message.
      untyped = untyped && end === headBytes + 4;
    }
  };
}

/** The SQL of a simple query (`Q`) or of a statement being prepared (`P`), else null. */
export function sqlOf({ type, body }: Message): string | null {
  if (type === "Q") return cString(body, 0);
  if (type === "P") return cString(body, body.indexOf(0) + 1);
  return null;
}

/** The user that a start-up message names, or null when it names none. */
export function userOf({ body }: Message): string | null {
  // The protocol's version in four bytes, then names and values in turn.
  const strings = body.toString("utf8", VERSION_BYTES).split("\0");
  const at = strings.findIndex((text, i) => i % 2 === 0 && text === "user");
  return at < 0 ? null : (strings[at + 1] ?? null);
}

function cString(body: Buffer, start: number): string {
  const end = body.indexOf(0, start);
  return body.toString("utf8", start, end < 0 ? body.length : end);
}

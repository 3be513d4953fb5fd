import { concat } from "../core/bytes.ts";
import { Problem } from "../core/problem.ts";
import type { BodyContent, BodyDefinition } from "./route.ts";
import { parseUrlencoded } from "./urlencoded.ts";

/** Fatal: bytes that are not UTF-8 are an error, not U+FFFD. A leading BOM is dropped (RFC 8259 section 8.1 allows it). */
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: false });

/**
 * Reads and parses a body, never holding more than `maxBytes`. Undefined when the request has no bytes and the route
 * does not need any; a content type then means nothing and is not looked at. Throws unsupported-media-type,
 * body-too-large, malformed-body or invalid-field (a repeated form parameter).
 */
export async function readBody(request: Request, definition: Required<BodyDefinition>): Promise<unknown> {
  const declared = request.headers.get("content-length");
  const stream = declared === "0" ? null : request.body;
  if (stream === null) return absent(definition);
  const type = request.headers.get("content-type");
  const acceptable = accepts(type, definition.content) && isIdentity(request.headers.get("content-encoding"));
  // Without a type the body may still turn out to be empty (chunked, no length); with a wrong one nothing is read
  // unless its length is unknown, for the same reason.
  if (!acceptable && declared !== null) return refuse(stream, "unsupported-media-type");
  if (declared !== null && Number(declared) > definition.maxBytes) return refuse(stream, "body-too-large");
  const bytes =
    declared !== null && /^\d+$/.test(declared)
      ? await readWhole(request, definition.maxBytes)
      : await readBounded(stream, acceptable ? definition.maxBytes : 0, acceptable);
  if (bytes.length === 0) return absent(definition);
  return definition.content === "application/json"
    ? parseJson(decode(bytes))
    : parseUrlencoded(decode(bytes), "malformed-body");
}

function absent(definition: Required<BodyDefinition>): undefined {
  if (definition.required) throw new Problem("malformed-body");
  return undefined;
}

/**
 * True when the header names exactly this media type, with any parameters but a charset other than UTF-8
 * (RFC 9110 section 8.3.1: type, subtype and parameter names are case-insensitive, a value may be quoted).
 */
function accepts(header: string | null, content: BodyContent): boolean {
  if (header === content) return true;
  if (header === null) return false;
  const [type, ...parameters] = header.toLowerCase().split(";");
  return (
    type?.trim() === content &&
    parameters.every((parameter) => {
      const [name, value] = parameter.trim().split("=");
      return name !== "charset" || value === "utf-8" || value === '"utf-8"';
    })
  );
}

/** No content codings: a few bytes of gzip would unpack to more than any bound (RFC 9110 section 15.5.16 makes it 415). */
function isIdentity(header: string | null): boolean {
  return header === null || header.toLowerCase() === "identity";
}

/**
 * Reads a body whose declared length is within the bound: HTTP ends it there (RFC 9112 section 6.2), so counting chunk by
 * chunk, which costs more than the rest of a ping's transport, would find nothing. Looks once all the same.
 */
async function readWhole(request: Request, maxBytes: number): Promise<Uint8Array> {
  const bytes = await request.arrayBuffer().catch((cause: unknown) => {
    throw new Problem("malformed-body", { cause });
  });
  if (bytes.byteLength > maxBytes) throw new Problem("body-too-large");
  return new Uint8Array(bytes);
}

/** Counts what arrives of a body without a declared length, and cancels the stream at the first byte too many. */
async function readBounded(
  stream: ReadableStream<Uint8Array>,
  maxBytes: number,
  acceptable: boolean,
): Promise<Uint8Array> {
  const reader = stream.getReader();
  const chunks: Uint8Array[] = [];
  let length = 0;
  for (;;) {
    const { done, value } = await reader.read().catch((cause: unknown) => {
      throw new Problem("malformed-body", { cause });
    });
    if (done) break;
    length += value.byteLength;
    if (length > maxBytes) {
      // Not awaited: a source that hangs in its cancel must not hold the answer back.
      reader.cancel().catch(() => undefined);
      throw new Problem(acceptable ? "body-too-large" : "unsupported-media-type");
    }
    chunks.push(value);
  }
  return chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : concat(...chunks);
}

function refuse(stream: ReadableStream, problem: "unsupported-media-type" | "body-too-large"): never {
  stream.cancel().catch(() => undefined);
  throw new Problem(problem);
}

function decode(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch (cause) {
    throw new Problem("malformed-body", { cause });
  }
}

/** A key `__proto__` becomes an own property here and is dropped by the schema; it never reaches a prototype. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new Problem("malformed-body", { cause });
  }
}

import { isReachable } from "./origin.ts";

/** No document of a provider's is larger, none is awaited longer. */
const MOST_BYTES = 256 * 1024;
const PATIENCE_MS = 10_000;

interface Init {
  body?: BodyInit | null | undefined;
  headers: Record<string, string>;
  method: string;
}

/**
 * `fetch` as a provider is asked: only where `isReachable` says so, without following redirects, bounded in size and
 * time. Rejects with an Error otherwise.
 */
export function boundedFetch(local: boolean): (url: string, init: Init) => Promise<Response> {
  return async (url, { body = null, headers, method }) => {
    if (!isReachable(url, local)) throw new Error("a provider names an address that is not to be reached");
    const response = await fetch(url, {
      method,
      headers,
      body,
      redirect: "manual",
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    const bytes = await readAtMost(response, MOST_BYTES);
    const { status, headers: answered } = response;
    const bodyless = status === 204 || status === 205 || status === 304;
    return new Response(bodyless ? null : bytes, { status, headers: answered });
  };
}

async function readAtMost(response: Response, most: number): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  const reader = response.body?.getReader();
  for (;;) {
    const { done, value } = (await reader?.read()) ?? { done: true, value: undefined };
    if (done || value === undefined) break;
    length += value.length;
    if (length > most) {
      await reader?.cancel();
      throw new Error("a provider's answer is too large");
    }
    chunks.push(value);
  }
  const whole = new Uint8Array(length);
  let offset = 0;
  for (const chunk of chunks) {
    whole.set(chunk, offset);
    offset += chunk.length;
  }
  return whole;
}

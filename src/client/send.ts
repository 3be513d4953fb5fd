import { field, printable, textField } from "./json-field.ts";
import type { Memory } from "./memory.ts";
import type { Settings } from "./options.ts";
import type { OutgoingRequest } from "./request.ts";
import { type ClientError, fail, ok, type Result } from "./result.ts";

const TIMEOUT_MS = 10_000;
const MAX_ANSWER_BYTES = 64 * 1024;
const MAX_RETRY_AFTER_MS = 24 * 3_600_000;

/** `telemetry` is what the client sends by itself; `person`, what somebody at the machine has asked for. */
export type Purpose = "telemetry" | "person";

export type Send = (request: OutgoingRequest, purpose: Purpose, signal?: AbortSignal) => Promise<Result<unknown>>;

/**
 * The one place where requests leave. Resolves with the parsed JSON of a 2xx answer, undefined if it was empty. Gives up
 * after ten seconds, follows no redirect (its target would be shown our secrets) and reads at most 64 KiB. Never rejects.
 */
export function createSend(settings: Settings, memory: Memory, permitted: () => boolean): Send {
  return async (request, purpose, signal) => {
    if (purpose === "telemetry") {
      // The owner may have said no through another process.
      const known = await memory.read();
      if (!known.ok) return known;
      if (!permitted()) return fail("not-permitted");
    }
    if (signal?.aborted) return fail("aborted");
    const controller = new AbortController();
    let giveUp = (_: "timeout" | "aborted") => {};
    const givenUp = new Promise<Result<never>>((resolve) => {
      giveUp = (code) => {
        resolve(fail(code));
        controller.abort();
      };
    });
    const abort = () => giveUp("aborted");
    const cancel = settings.schedule(() => giveUp("timeout"), TIMEOUT_MS, false);
    signal?.addEventListener("abort", abort, { once: true });
    try {
      return await Promise.race([perform(settings, request, controller.signal), givenUp]);
    } finally {
      cancel();
      signal?.removeEventListener("abort", abort);
    }
  };
}

async function perform(settings: Settings, request: OutgoingRequest, signal: AbortSignal): Promise<Result<unknown>> {
  let response: Response;
  try {
    const { method, url, headers, body } = request;
    response = await settings.fetch(url, { method, headers, body, signal, redirect: "manual", ...inBrowsers() });
  } catch {
    return fail("offline");
  }
  try {
    return await judge(response, settings.now());
  } catch {
    // The connection broke in the middle of the answer, or it is no answer at all.
    return fail("invalid-answer");
  }
}

/** No cookies and no address of the page. workerd has neither. */
function inBrowsers(): RequestInit {
  return typeof Request === "function" && "credentials" in Request.prototype
    ? ({ credentials: "omit", referrerPolicy: "no-referrer" } as RequestInit)
    : {};
}

async function judge(response: Response, nowMs: number): Promise<Result<unknown>> {
  const { status } = response;
  const text = await boundedText(response);
  let body: unknown;
  let parsed = text === "";
  if (text !== null && text !== "" && isJson(response)) {
    try {
      body = JSON.parse(text);
      parsed = true;
    } catch {
      // Not JSON after all.
    }
  }
  if (status >= 200 && status < 300) return parsed ? ok(body) : fail("invalid-answer", { status });
  if (status < 400) return fail("invalid-answer", { status });
  const code = status === 429 ? "limited" : status >= 500 || status === 408 ? "unavailable" : "refused";
  return fail(code, { status, ...explanation(body), ...retryAfter(response, nowMs) });
}

function isJson(response: Response): boolean {
  return /^application\/([a-z0-9.-]+\+)?json\s*(;|$)/i.test(response.headers.get("content-type") ?? "");
}

/** Null when it is longer than the bound or not UTF-8. */
async function boundedText(response: Response): Promise<string | null> {
  if (response.body === null) return "";
  const reader = response.body.getReader();
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: false });
  let [text, bytes] = ["", 0];
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    bytes += value.byteLength;
    if (bytes > MAX_ANSWER_BYTES) {
      reader.cancel().catch(() => undefined);
      return null;
    }
    text += decoder.decode(value, { stream: true });
  }
  return text + decoder.decode();
}

/** RFC 6749 section 5.2 or RFC 9457. Its words end up on screens and in logs: no control characters, bounded. */
function explanation(body: unknown): Partial<ClientError> {
  const reason = textField(body, "error", 64);
  const said = field(body, "error_description") ?? field(body, "message") ?? field(body, "title");
  const message = typeof said === "string" ? printable(said, 300) : "";
  return {
    ...(reason !== null && /^[\w.-]+$/.test(reason) ? { reason } : {}),
    ...(message === "" ? {} : { message }),
  };
}

/** RFC 9110 section 10.2.3: seconds or a date, which is counted from the answer's own. At most a day. */
function retryAfter(response: Response, nowMs: number): Partial<ClientError> {
  const value = response.headers.get("retry-after")?.trim() ?? "";
  const sentAtMs = Date.parse(response.headers.get("date") ?? "");
  const until = value.endsWith("GMT") ? Date.parse(value) : Number.NaN;
  const ms = /^\d+$/.test(value) ? Number(value) * 1000 : until - (Number.isNaN(sentAtMs) ? nowMs : sentAtMs);
  return Number.isNaN(ms) ? {} : { retryAfterMs: Math.min(Math.max(0, ms), MAX_RETRY_AFTER_MS) };
}

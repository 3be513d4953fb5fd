import { SECURITY_HEADERS } from "./middleware/security-headers.ts";

/** What a route answers. The transport alone turns it into a Response, so that no route can forget a header. */
export type Reply = JsonReply | TextReply | HtmlReply;

interface ReplyBase {
  status: number;
  /** Sent besides the transport's own; those win, but for `Cache-Control` on public routes. */
  headers?: Readonly<Record<string, string>>;
  /** Values of Set-Cookie, which may stand several times. */
  cookies?: readonly string[];
}

/** `body` undefined: no content. Anything else, null included, is sent as JSON. */
export interface JsonReply extends ReplyBase {
  body?: unknown;
}

export interface TextReply extends ReplyBase {
  text: string;
  contentType: string;
}

/** A page brings its own Content-Security-Policy, made for exactly this markup. */
export interface HtmlReply extends ReplyBase {
  html: string;
  contentSecurityPolicy: string;
  /** `same-origin` for a page with forms: with `no-referrer` browsers would send them with `Origin: null` (Fetch, 3.2). */
  referrerPolicy?: "same-origin";
}

export interface ReplyContext {
  requestId: string;
  /** Only answers that depend on no credential may be cached. */
  cacheable: boolean;
  /** RFC 6749 section 5.1 asks for `Pragma: no-cache` beside `Cache-Control: no-store`. */
  oauth: boolean;
}

const HEADERS: Readonly<Record<string, string>> = Object.freeze({ ...SECURITY_HEADERS, "cache-control": "no-store" });
const OAUTH_HEADERS: Readonly<Record<string, string>> = Object.freeze({ ...HEADERS, pragma: "no-cache" });

export function replyToResponse(reply: Reply, context: ReplyContext): Response {
  const response = withoutCookies(reply, context);
  for (const cookie of reply.cookies ?? []) response.headers.append("set-cookie", cookie);
  return response;
}

function withoutCookies(reply: Reply, context: ReplyContext): Response {
  const headers: Record<string, string> = context.oauth ? { ...OAUTH_HEADERS } : { ...HEADERS };
  if (reply.headers !== undefined) {
    for (const [name, value] of Object.entries(reply.headers)) {
      const key = name.toLowerCase();
      if (Object.hasOwn(headers, key) && !(key === "cache-control" && context.cacheable)) continue;
      headers[key] = value;
    }
  }
  // An edge that compresses makes a strong tag weak, and If-Match takes strong ones alone (RFC 9111 section 5.2.2.6).
  if (Object.hasOwn(headers, "etag")) headers["cache-control"] += ", no-transform";
  headers["x-request-id"] = context.requestId;
  if ("html" in reply) {
    headers["content-security-policy"] = reply.contentSecurityPolicy;
    if (reply.referrerPolicy !== undefined) headers["referrer-policy"] = reply.referrerPolicy;
    headers["content-type"] = "text/html; charset=utf-8";
    return new Response(reply.html, { status: reply.status, headers });
  }
  if ("text" in reply) {
    headers["content-type"] = reply.contentType;
    return new Response(reply.text, { status: reply.status, headers });
  }
  if (reply.body === undefined) return new Response(null, { status: reply.status, headers });
  headers["content-type"] = "application/json";
  return new Response(JSON.stringify(reply.body), { status: reply.status, headers });
}

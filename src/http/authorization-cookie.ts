import * as z from "zod";
import { carriedRequest, requestCookie } from "../access/request-cookie.ts";
import { fromBase64Url, toBase64Url } from "../core/bytes.ts";
import { PROBLEMS, type ProblemName } from "../core/problem.ts";

const problemName = z.custom<ProblemName>((name) => typeof name === "string" && Object.hasOwn(PROBLEMS, name));

/** An authorization request on its way from the endpoint to the page, in the browser's own cookie. */
const carried = z.object({
  client_id: z.string(),
  redirect_uri: z.string(),
  scope: z.string(),
  state: z.string().nullable(),
  code_challenge: z.string().nullable(),
  /** What is wrong with it, to be told to the client once a person is there. */
  problem: problemName.nullable().default(null),
});
export type CarriedRequest = z.output<typeof carried>;

/** Null for one that is too long for a cookie. */
export function carryRequest(request: CarriedRequest): string | null {
  return requestCookie(toBase64Url(new TextEncoder().encode(JSON.stringify(request))));
}

/**
 * The request that this browser brought, with a name by which a form says which one it answers: of two tabs the later has
 * the cookie. Null where there is none. It comes from the browser: it is checked as if it had just arrived.
 */
export async function broughtRequest(request: Request): Promise<{ carried: CarriedRequest; name: string } | null> {
  const text = carriedRequest(request);
  const bytes = text === null ? null : fromBase64Url(text);
  if (text === null || bytes === null) return null;
  try {
    const parsed = carried.parse(JSON.parse(new TextDecoder().decode(bytes)));
    const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
    return { carried: parsed, name: toBase64Url(new Uint8Array(digest)) };
  } catch {
    return null;
  }
}

import * as z from "zod";
import { hashSecret } from "../access/secret.ts";
import { refuseCrossSite, sessionSecret } from "../access/session-cookie.ts";
import { PROBLEMS, Problem } from "../core/problem.ts";
import type { Deps } from "../deps.ts";
import { takePerson } from "../gate/platform.ts";
import { type OwnPerson, ownPerson } from "../people/own.ts";
import { refusalText, SignInRefused } from "../sign-in/refusal.ts";
import { messagePage } from "./pages/page.ts";
import type { Reply } from "./reply.ts";

/** What every route that answers a browser with a page shares. */
export const PAGES = { tags: ["pages"], security: "public" } as const;
export const PAGE = { description: "The page.", contentType: "text/html" };
export const REFUSED = { description: "A page that says why not.", contentType: "text/html" };
export const SENT_ON = { description: "Sent on.", headers: { Location: "Where to." } };
export const csrf = { csrf_token: z.string().min(1).max(100).describe("From the page.") };

export interface PageInput {
  request: Request;
  requestId: string;
  deps: Deps;
}

/** Who reads a page. */
export interface Reader {
  secret: string;
  /** SHA-256 of the session's secret. */
  hash: Uint8Array;
  person: OwnPerson;
}

export function seeOther(location: string, ...cookies: string[]): Reply {
  return { status: 303, headers: { location }, cookies };
}

/** The session of the page's reader, or null; it is counted against the person's limits. */
export async function signedIn({ request, requestId, deps }: PageInput): Promise<Reader | null> {
  const secret = sessionSecret(request);
  if (secret === null) return null;
  const hash = await hashSecret(secret);
  try {
    const person = await ownPerson(deps, hash);
    await takePerson(deps, requestId, person.id);
    return { secret, hash, person };
  } catch (error) {
    if (error instanceof Problem && (error.problem === "unauthenticated" || error.problem === "key-revoked"))
      return null;
    throw error;
  }
}

/** For what a form asks: with the CSRF token of the page that it stood on. Throws `cross-site`, `unauthenticated`. */
export async function fromOwnPage(input: PageInput, token: string): Promise<Reader> {
  const secret = sessionSecret(input.request);
  if (secret !== null) await refuseCrossSite(input.request, secret, input.deps.publicUrl, token);
  const reader = await signedIn(input);
  if (reader === null) throw new Problem("unauthenticated");
  return reader;
}

/** What goes wrong while a page is made is told as a page. */
export async function asPage(title: string, make: () => Promise<Reply>): Promise<Reply> {
  try {
    return await make();
  } catch (error) {
    if (error instanceof SignInRefused) {
      const { status, text } = refusalText(error.reason);
      return await messagePage({ status, title: "You are not signed in" }, text);
    }
    if (!(error instanceof Problem)) throw error;
    const { retryAfterS } = error.detail;
    const reply = await messagePage({ status: PROBLEMS[error.problem].status, title }, PROBLEMS[error.problem].title);
    return retryAfterS === undefined ? reply : { ...reply, headers: { "retry-after": String(Math.ceil(retryAfterS)) } };
  }
}

import type { HtmlReply, Reply } from "../reply.ts";
import { html } from "./markup.ts";
import { messagePage, page } from "./page.ts";

/** Where a redirect URI leads, as people read it: its origin, or the scheme of an application's own. */
export function targetOf(redirectUri: string): string {
  return applicationSchemeOf(redirectUri) ?? URL.parse(redirectUri)?.origin ?? redirectUri;
}

/** The scheme of an application's own (RFC 8252 section 7.1), which a browser opens by a redirect alone; null of the web's. */
export function applicationSchemeOf(redirectUri: string): string | null {
  const url = URL.parse(redirectUri);
  return url?.origin === "null" ? url.protocol : null;
}

/**
 * Sends the browser from the consent form back to the client. By a page that goes on by itself: browsers hold whatever a
 * form is redirected to, and what the client redirects to from there, to the policy of the page with the form. In neither
 * way is the form sent on (RFC 9700 section 4.12).
 */
export async function backToClient(location: string, cookie: string): Promise<Reply> {
  if (applicationSchemeOf(location) !== null) return { status: 303, headers: { location }, cookies: [cookie] };
  return await page(
    { title: "Back to where you came from", goesTo: location, cookies: [cookie] },
    html`<h1>Back to where you came from</h1>
<p>Your browser goes back to <strong>${targetOf(location)}</strong>.</p>
<a class="button quiet" href="${location}">Go on</a>`,
  );
}

/** Tells a person that a client's request is wrong, and leaves it to them to go back there with what is wrong. */
export function wrongRequestPage(name: string | null, what: string, location: string): Promise<HtmlReply> {
  return messagePage(
    { status: 400, title: "This sign-in cannot go on" },
    `${name ?? "An instance"} asked for it in a way that is not answered: ${what}`,
    { href: location, text: `Back to ${targetOf(location)}` },
  );
}

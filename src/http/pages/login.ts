import type { HtmlReply } from "../reply.ts";
import { html } from "./markup.ts";
import { page } from "./page.ts";

export interface LoginPage {
  providers: readonly { id: string; name: string }[];
  /** Where to go afterwards, as the links hand it on. */
  returnTo: string;
  /** The tenant whose own providers are shown; null: none was asked for. */
  tenantId: string | null;
  /** Of what there is an invitation, where the browser brought one. */
  invitedTo: string | null;
}

/** `/login`: one button a provider. */
export function loginPage({ providers, returnTo, tenantId, invitedTo }: LoginPage): Promise<HtmlReply> {
  const query = `?return_to=${encodeURIComponent(returnTo)}`;
  const buttons = providers.map(
    ({ id, name }) =>
      html`<li><a class="button" href="/login/${id}${query}">Sign in with ${name}</a></li>
`,
  );
  const none =
    tenantId === null
      ? "This deployment names no provider to sign in with."
      : "This organisation has no provider of its own here.";
  return page(
    { title: "Sign in" },
    html`<h1>Sign in</h1>
${
  invitedTo === null
    ? html`<p class="soft">Ebb keeps no passwords: your provider says who you are.</p>`
    : html`<p>You are invited to <strong>${invitedTo}</strong>. Sign in with the e-mail address that the invitation was sent to.</p>`
}
${buttons.length > 0 ? html`<ul class="buttons">${buttons}</ul>` : html`<p role="status">${none}</p>`}
${
  tenantId === null
    ? html`<details><summary>My organisation has its own provider</summary>
<form method="get" action="/login"><input type="hidden" name="return_to" value="${returnTo}">
<label for="organisation">Id of your organisation</label>
<input type="text" id="organisation" name="organisation" placeholder="tnt_…" autocomplete="organization" spellcheck="false" maxlength="30" required>
<button class="quiet">Show its providers</button></form></details>`
    : html`<p><a href="/login${query}">Other ways to sign in</a></p>`
}`,
  );
}

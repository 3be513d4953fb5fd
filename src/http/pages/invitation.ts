import type { Invited } from "../../people/accept-invitation.ts";
import type { HtmlReply } from "../reply.ts";
import { html } from "./markup.ts";
import { buttonForm, messagePage, page } from "./page.ts";

/** `/invitation` for who has signed in: what is accepted, and the button. */
export function invitationPage(
  { tenantName, role, state }: Invited,
  person: { email: string | null; emailVerified: boolean },
  csrf: string,
): Promise<HtmlReply> {
  if (state !== "open") {
    return messagePage(
      { status: 410, title: "Invitation" },
      state === "expired"
        ? "This invitation has expired. Please ask for a new one."
        : "This invitation was accepted or withdrawn.",
      { href: "/account", text: "To your account" },
    );
  }
  return page(
    { title: "Invitation" },
    html`<h1>Join ${tenantName}</h1>
<p>You are invited to <strong>${tenantName}</strong> as <span class="tag">${role}</span>.</p>
<p class="soft">You are signed in${person.email !== null && html` as ${person.email}`}${
      !person.emailVerified && html`, an address that no trusted provider has verified`
    }. The invitation is for the address that it was sent to.</p>
<ul class="buttons"><li>${buttonForm("/invitation", csrf, `Join ${tenantName}`)}</li>
<li><a class="button quiet" href="/login?return_to=%2Finvitation">Sign in as somebody else</a></li></ul>`,
  );
}

import type { OwnEvent, OwnPerson, OwnSession, OwnTenant } from "../../people/own.ts";
import type { HtmlReply } from "../reply.ts";
import { html, type Markup } from "./markup.ts";
import { buttonForm, instantText, page } from "./page.ts";

export interface AccountPage {
  person: OwnPerson;
  tenants: readonly OwnTenant[];
  sessions: readonly OwnSession[];
  events: readonly OwnEvent[];
  csrf: string;
}

/** `/account`: who I am, where I belong and under whose name, where I am signed in, and what happened lately. */
export function accountPage({ person, tenants, sessions, events, csrf }: AccountPage): Promise<HtmlReply> {
  const controllers = [
    ...new Map(
      tenants.flatMap(({ controller }) => (controller === null ? [] : [[controller.name, controller]])),
    ).values(),
  ];
  const images = controllers.flatMap(({ logoUrl }) => (logoUrl === null ? [] : [logoUrl]));
  return page(
    { title: "Your account", wide: true, images },
    html`<div class="top"><div><h1>${person.name ?? person.email ?? "Your account"}</h1>
<p class="soft">${person.email ?? "No e-mail address"}${
      person.email !== null && !person.emailVerified && html` <span class="tag">not verified</span>`
    }<br><span class="small">Signed in through ${new URL(person.issuer).host}</span></p></div>
<div class="actions">${buttonForm("/logout", csrf, "Sign out", "quiet")}${buttonForm("/logout", csrf, "Sign out everywhere", "quiet", { everywhere: "true" })}</div></div>
<section aria-labelledby="tenants"><h2 id="tenants">Where you belong</h2>
${tenants.length === 0 ? html`<p class="soft">Nowhere yet: an invitation by e-mail brings you in.</p>` : html`<ul class="rows">${tenants.map(tenantRow)}</ul>`}</section>
${controllers.map(controllerSection)}
<section aria-labelledby="sessions"><h2 id="sessions">Where you are signed in</h2>
<ul class="rows">${sessions.map((session) => sessionRow(session, csrf))}</ul></section>
<section aria-labelledby="history"><h2 id="history">Recent history</h2>
${
  events.length === 0
    ? html`<p class="soft">Nothing yet.</p>`
    : html`<div class="table"><table><thead><tr><th scope="col">When</th><th scope="col">What</th><th scope="col">From</th></tr></thead><tbody>${events.map(eventRow)}</tbody></table></div>`
}
<p class="soft small">Kept for twelve months. Of where you were we write down the country alone.</p></section>`,
  );
}

function tenantRow({ name, role, status, id }: OwnTenant): Markup {
  return html`<li class="row"><div><strong>${name}</strong>${status !== "active" && html` <span class="tag">${status}</span>`}<br>
<span class="soft small">${id}</span></div><span class="tag">${role}</span></li>
`;
}

/** GDPR article 13(1)(a): who the controller is, and how to reach it. */
function controllerSection({ name, logoUrl, contact, privacyContact }: NonNullable<OwnTenant["controller"]>): Markup {
  return html`<section aria-label="Who is responsible for your data"><div class="brand">${
    logoUrl !== null && html`<img src="${logoUrl}" alt="" referrerpolicy="no-referrer">`
  }<h2>${name}</h2></div>
<p>${name} provides this service to you and is the controller of your data.${
    privacyContact !== null && html` For questions about it and for your rights: <strong>${privacyContact}</strong>.`
  }${contact !== null && html` For anything else: ${contact}.`}</p></section>
`;
}

function sessionRow({ id, issuedAt, expiresAt, current }: OwnSession, csrf: string): Markup {
  return html`<li class="row"><div>Since ${instantText(issuedAt)}${current && html` <span class="tag">this browser</span>`}<br>
<span class="soft small">ends by itself on ${instantText(expiresAt)}</span></div>
${buttonForm("/account/sessions/end", csrf, current ? "Sign out" : "End", "end", { session_id: id })}</li>
`;
}

function eventRow({ recordedAt, event, outcome, place, reason }: OwnEvent): Markup {
  return html`<tr><td>${instantText(recordedAt)}</td><td>${event.replace("-", " ")}${
    outcome === "refused" && html` refused${reason !== null && html`: ${reason}`}`
  }</td><td>${place ?? "–"}</td></tr>
`;
}

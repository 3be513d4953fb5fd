import { MINUTE_MS } from "../../core/clock.ts";
import type { RequestingClient } from "../../grants/device-request.ts";
import { type GrantableScope, SCOPE_TABLE } from "../../oauth/scope.ts";
import type { OwnPerson } from "../../people/own.ts";
import type { HtmlReply } from "../reply.ts";
import { applicationSchemeOf, targetOf } from "./back-to-client.ts";
import { html, type Markup } from "./markup.ts";
import { instantText, page } from "./page.ts";

/** A workspace into which the reader may claim. */
export interface ClaimPlace {
  workspaceId: string;
  /** `Acme, Default`. */
  label: string;
  claimCodeRequired: boolean;
}

/** What was answered before, when the same is asked again. */
export interface ConsentChoice {
  scopes: readonly string[];
  workspaceId: string | null;
  name: string | null;
}

export interface ConsentPage {
  person: OwnPerson;
  csrf: string;
  /** Where the form goes, and what it carries unseen. */
  action: string;
  fields: Readonly<Record<string, string>>;
  client: RequestingClient;
  scopes: readonly GrantableScope[];
  /** The code that the device shows, to be compared; null where the browser itself came from the instance. */
  userCode: string | null;
  /** Where an unclaimed instance may go; empty for one that is claimed. */
  places: readonly ClaimPlace[];
  /** Nothing yet: every scope that may be granted is ticked. */
  chosen?: ConsentChoice;
  /** Milliseconds since 1970. */
  nowMs: number;
  /** Where the answer is sent on to. */
  redirectUri?: string;
  /** What was wrong with the last try. */
  alert?: string;
  status?: number;
}

/**
 * Asks whether a person lets an instance see them: who asks, registered when and from where, and what it will see and do,
 * one box a scope. Nothing is chosen but by sending the form.
 */
export function consentPage(consent: ConsentPage): Promise<HtmlReply> {
  const { person, client, userCode, alert, redirectUri, chosen, nowMs, status = 200 } = consent;
  const name = client.name ?? "An instance";
  const scheme = redirectUri === undefined ? null : applicationSchemeOf(redirectUri);
  return page(
    { title: "Approve a sign-in", status, scheme },
    html`<h1>${name} asks you to sign in</h1>
${alert !== undefined && html`<p role="alert" class="alert">${alert}</p>`}
<p class="soft">You are ${person.name ?? person.email ?? "signed in"}${person.name !== null && person.email !== null && html` (${person.email})`}. Approve only what you have begun yourself.</p>
${client.tenantId === null ? unclaimedSection(client, nowMs) : claimedSection(client, nowMs)}
<form method="post" action="${consent.action}"><input type="hidden" name="csrf_token" value="${consent.csrf}">${Object.entries(
      consent.fields,
    ).map(([field, value]) => html`<input type="hidden" name="${field}" value="${value}">`)}
${userCode !== null && codeSection(userCode)}
<section aria-labelledby="scopes"><h2 id="scopes">What it will see and do</h2><ul class="rows">${consent.scopes.map((scope) => scopeRow(scope, chosen))}</ul></section>
${client.tenantId === null && claimSection(consent)}
${redirectUri !== undefined && html`<p class="soft small">Afterwards your browser goes back to <strong>${targetOf(redirectUri)}</strong>.</p>`}
<div class="answers"><button name="answer" value="approve">Approve</button><button class="quiet" name="answer" value="deny" formnovalidate>Deny</button></div></form>`,
  );
}

function claimedSection({ instanceId, workspaceName, registeredAtMs }: RequestingClient, nowMs: number): Markup {
  return html`<section>${facts([
    ["Workspace", workspaceName ?? "–"],
    ["Registered", registeredText(registeredAtMs, nowMs)],
    ["Instance", html`<span class="soft small">${instanceId}</span>`],
  ])}</section>`;
}

/** Where the original is weak: anybody who reaches an unclaimed instance could claim it. The reader sees whether it is theirs. */
function unclaimedSection({ registeredAtMs, country, networkOperator }: RequestingClient, nowMs: number): Markup {
  return html`<section class="warning"><p><strong>Nobody has claimed this instance yet.</strong> Approving makes it yours: only do so if you have just installed it. Its name is what it says of itself.</p>
${facts([
  ["Registered", registeredText(registeredAtMs, nowMs)],
  ["Country", country === null ? "a country that we do not know" : countryName(country)],
  ["Network of", networkOperator ?? "an operator that we do not know"],
])}</section>`;
}

function facts(rows: readonly (readonly [string, string | Markup])[]): Markup {
  return html`<dl class="facts">${rows.map(([term, what]) => html`<dt>${term}</dt><dd>${what}</dd>`)}</dl>`;
}

/** Whoever has just installed something knows that by how long ago it was, whatever their time zone. */
function registeredText(atMs: number, nowMs: number): Markup {
  const minutes = Math.max(0, Math.floor((nowMs - atMs) / MINUTE_MS));
  const [count, unit] =
    minutes < 60
      ? [minutes, "minute"]
      : minutes < 2_880
        ? [Math.floor(minutes / 60), "hour"]
        : [Math.floor(minutes / 1_440), "day"];
  const ago = minutes === 0 ? "just now" : `${count} ${unit}${count === 1 ? "" : "s"} ago`;
  return html`${ago} <span class="soft small">(${instantText(atMs)})</span>`;
}

function codeSection(userCode: string): Markup {
  return html`<section aria-labelledby="code"><h2 id="code">Compare the code</h2><p class="code">${userCode}</p>
<label class="check"><input type="checkbox" name="code_matches" value="yes" required> My device shows exactly this code.</label></section>`;
}

function scopeRow({ name, requirement }: GrantableScope, chosen: ConsentChoice | undefined): Markup {
  const { what } = SCOPE_TABLE[name];
  const ticked = requirement === "required" || (requirement === "optional" && (chosen?.scopes.includes(name) ?? true));
  const fixed = requirement !== "optional";
  const note = { required: "Needed to sign in.", optional: "Your choice.", forbidden: "You may not grant this." }[
    requirement
  ];
  return html`<li class="row"><label class="check"><input type="checkbox" name="${scopeField(name)}" value="yes"${ticked && html` checked`}${fixed && html` disabled`}>
<span>${what}<br><span class="soft small">${note}</span></span></label></li>
`;
}

function claimSection({ places, client, chosen }: ConsentPage): Markup {
  const claimCodeAsked = places.some(({ claimCodeRequired }) => claimCodeRequired);
  const waivable = places.some(({ claimCodeRequired }) => !claimCodeRequired);
  return html`<section aria-labelledby="claim"><h2 id="claim">Claim it</h2>
<label for="workspace_id">Into the workspace</label>
<select id="workspace_id" name="workspace_id" required>${places.map(
    ({ workspaceId, label, claimCodeRequired }) =>
      html`<option value="${workspaceId}"${chosen?.workspaceId === workspaceId && html` selected`}>${label}${claimCodeAsked && !claimCodeRequired && " (no claim code needed)"}</option>`,
  )}</select>
<label for="name">What it is called</label>
<input type="text" id="name" name="name" value="${chosen?.name ?? client.name ?? ""}" maxlength="100" autocomplete="off">
${
  claimCodeAsked &&
  html`<label for="claim_code">The claim code that it has printed</label>
<input type="text" class="code" id="claim_code" name="claim_code" maxlength="30" autocomplete="off" spellcheck="false" autocapitalize="characters" aria-describedby="claim_code_note"${!waivable && html` required`}>
<p class="soft small" id="claim_code_note">Two groups of five letters in the instance's own output or log, where only whoever runs it can read them. It is not the code above.</p>`
}</section>`;
}

/** The form's field of a scope. */
export function scopeField(name: string): string {
  return `scope_${name.replaceAll(":", "_")}`;
}

/** The country's name in English; Tor's exits have a code of their own. */
function countryName(code: string): string {
  if (code === "T1") return "the Tor network";
  return new Intl.DisplayNames("en", { type: "region", fallback: "code" }).of(code) ?? code;
}

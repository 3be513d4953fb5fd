import * as z from "zod";
import { type Id, parseId } from "../core/id.ts";
import type { Message } from "./mailer.ts";

/** What an account verb writes into the outbox with the template `invitation`. No token: that is made when it is sent. */
export const InvitationParameters = z.object({
  invitation_id: z.custom<Id<"invitation">>(
    (value) => typeof value === "string" && parseId("invitation", value) !== null,
  ),
  tenant_name: z.string(),
  inviter: z.string().nullish(),
  role: z.string(),
});

/**
 * The mail that carries an invitation. The token stands in the query: `/invitation` moves it into a cookie at once and
 * redirects, so that it is in no page's address, no Referer, no history and no log of ours, and needs no script.
 */
export function invitationMessage(
  to: string,
  { tenant_name, inviter, role }: z.output<typeof InvitationParameters>,
  token: string,
  publicUrl: string,
): Message {
  const link = `${publicUrl}/invitation?token=${token}`;
  const tenant = oneLine(tenant_name);
  const who = inviter == null ? "You are invited" : `${oneLine(inviter)} invites you`;
  const sentence = `${who} to join ${tenant} as ${oneLine(role)}.`;
  const how =
    "Open this link and sign in with this e-mail address. It works once, for you alone, and only for some days.";
  const else_ = "If you did not expect this, do nothing: without you nothing happens.";
  return {
    to,
    subject: `Invitation to ${tenant}`,
    text: `${sentence}\n\n${how}\n\n${link}\n\n${else_}\n`,
    html: `<!doctype html><html lang="en"><body style="font:16px/1.6 system-ui,sans-serif;max-width:36rem;margin:2rem auto;padding:0 1rem"><p>${escaped(sentence)}</p><p>${escaped(how)}</p><p><a href="${escaped(link)}">Accept the invitation</a></p><p style="color:#5b6770">${escaped(else_)}</p></body></html>`,
  };
}

/** Names are chosen by people: no line of theirs becomes a header or a paragraph of ours. */
function oneLine(text: string): string {
  return text
    .replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, " ")
    .trim()
    .slice(0, 200);
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (char) => ENTITIES[char] ?? char);
}

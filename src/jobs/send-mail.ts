import type { Deps } from "../deps.ts";
import { type MailReport, sendAllMail } from "../mail/send.ts";

/** Sends the mail that the routes could not: the provider did not answer, or the Worker ended in between. */
export async function sendWaitingMail(deps: Deps): Promise<MailReport> {
  return await sendAllMail(deps);
}

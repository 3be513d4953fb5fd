import { errorFields } from "../core/log.ts";
import { bytesFromSql } from "../db/columns.ts";
import type { Deps } from "../deps.ts";
import { invitationTokenAgain } from "../people/invitation-token.ts";
import { InvitationParameters, invitationMessage } from "./invitation-message.ts";
import type { Message } from "./mailer.ts";

const BATCH = 20;
/** What one run sends at most; the next run goes on. */
const BATCHES = 25;

export interface MailReport {
  sent: number;
  failed: number;
}

type Sender = Pick<Deps, "jobs" | "mail" | "routingKeys" | "publicUrl" | "logger">;

/**
 * Sends what waits in the outbox: a verb's route right after its commit, and the cron what that one missed. Each mail is
 * counted as tried before it is sent, so that of two senders one has it; tried at most eight times within two days. A mail
 * goes out twice only when it was taken over and we could not write that down. Never throws.
 */
export async function sendMail(deps: Sender, batches = 1): Promise<MailReport> {
  const report: MailReport = { sent: 0, failed: 0 };
  try {
    for (let batch = 0; batch < batches; batch++) {
      const rows = await deps.jobs.query("select * from ebb.claim_mail($1)", [BATCH]);
      for (const row of rows) report[(await sendOne(deps, row)) ? "sent" : "failed"] += 1;
      if (rows.length < BATCH) break;
    }
  } catch (error) {
    report.failed += 1;
    deps.logger.log("warn", "mail-not-looked-at", errorFields(error));
  }
  return report;
}

/** As the cron does. */
export function sendAllMail(deps: Sender): Promise<MailReport> {
  return sendMail(deps, BATCHES);
}

async function sendOne(deps: Sender, row: Record<string, unknown>): Promise<boolean> {
  try {
    await deps.mail.send(await messageOf(deps, row));
  } catch (error) {
    deps.logger.log("warn", "mail-not-sent", errorFields(error));
    return false;
  }
  await deps.jobs.query("select ebb.mail_sent($1)", [row["id"]]);
  return true;
}

/** Throws for a template that this version does not know: one after it may; and for a token that no key of ours makes. */
async function messageOf(deps: Sender, row: Record<string, unknown>): Promise<Message> {
  if (row["template"] !== "invitation") throw new TypeError("unknown template");
  const parameters = InvitationParameters.parse(row["parameters"]);
  const hash = bytesFromSql(row["secret_hash"]);
  const token = await invitationTokenAgain(parameters.invitation_id, deps.routingKeys, hash);
  if (token === null) throw new TypeError("made with a key that is gone");
  return invitationMessage(row["recipient"] as string, parameters, token, deps.publicUrl);
}

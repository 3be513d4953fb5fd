/** One message to one person. */
export interface Message {
  to: string;
  subject: string;
  text: string;
  html: string;
}

export interface Mailer {
  /** Resolves when the message was taken over for delivery; rejects when it was not, or nobody knows. */
  send(message: Message): Promise<void>;
}

/** As Cloudflare's `send_email` binding takes a message (developers.cloudflare.com/email-service, Workers API). */
export interface SendEmailBinding {
  send(message: Message & { from: string }): Promise<unknown>;
}

/** Through Cloudflare, from an address of a domain that the account has onboarded for sending. */
export function cloudflareMailer(binding: SendEmailBinding, from: string): Mailer {
  return { send: async (message) => void (await binding.send({ from, ...message })) };
}

const PATIENCE_MS = 5_000;

/** To the mailbox that `npm run dev` runs: nothing leaves the machine. The token is the URL's last part. */
export function localMailer(endpoint: string): Mailer {
  return {
    send: async (message) => {
      const response = await fetch(endpoint, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(message),
        signal: AbortSignal.timeout(PATIENCE_MS),
      });
      await response.body?.cancel();
      if (!response.ok) throw new Error(`the mailbox answered ${response.status}`);
    },
  };
}

/** Where a deployment has named no sender: mail waits in the outbox for a week, in case that it will. */
export const noMailer: Mailer = {
  send: async () => {
    throw new Error("MAIL_FROM or the binding EMAIL is missing");
  },
};

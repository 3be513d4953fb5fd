import type { HtmlReply } from "../reply.ts";
import { html } from "./markup.ts";
import { page } from "./page.ts";

export interface DeviceCodePage {
  csrf: string;
  /** What the link brought, or what was typed before. */
  userCode: string;
  alert?: string;
  status?: number;
}

/** `/device`: the code that a device shows is entered, or confirmed where the link brought it (RFC 8628 section 3.3). */
export function deviceCodePage({ csrf, userCode, alert, status = 200 }: DeviceCodePage): Promise<HtmlReply> {
  return page(
    { title: "Sign in on a device", status },
    html`<h1>Sign in on a device</h1>
<p>${userCode === "" || alert !== undefined ? "Enter the code that your device shows." : "Compare this code with the one that your device shows."}</p>
${alert !== undefined && html`<p role="alert" class="alert">${alert}</p>`}
<form method="post" action="/device"><input type="hidden" name="csrf_token" value="${csrf}">
<label for="user_code">Code</label>
<input type="text" id="user_code" name="user_code" class="code" value="${userCode}" maxlength="30" required autocomplete="off" spellcheck="false" autocapitalize="characters" placeholder="XXXX-XXXX"${userCode === "" && html` autofocus`}>
<button>Continue</button></form>
<p class="soft small">Nothing is approved by this yet. If somebody sent you this link, and you are not signing in on a device yourself, close the page.</p>`,
  );
}

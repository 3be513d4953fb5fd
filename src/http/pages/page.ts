import { formPageContentSecurityPolicy } from "../middleware/security-headers.ts";
import type { HtmlReply } from "../reply.ts";
import { html, Markup } from "./markup.ts";
import { PAGE_STYLE } from "./page-style.ts";

export interface PageOptions {
  status?: number;
  title: string;
  /** For lists rather than a question. */
  wide?: boolean;
  /** Addresses of the pictures on it: nothing else is loaded. */
  images?: readonly string[];
  cookies?: readonly string[];
  /** Of an application to which a form of it may send the browser on: `com.example.app:`. */
  scheme?: string | null;
  /** Where the browser goes by itself, at once. */
  goesTo?: string;
}

/** A page for people: no script, its own style, forms to ourselves alone, framed by nobody. */
export async function page(
  { status = 200, title, wide, images = [], cookies = [], scheme = null, goesTo }: PageOptions,
  body: Markup,
): Promise<HtmlReply> {
  const markup = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
${goesTo !== undefined && html`<meta http-equiv="refresh" content="0; url=${goesTo}">`}
<title>${title} · Ebb</title>
<style>${new Markup(PAGE_STYLE)}</style>
</head>
<body>
<main${wide === true && new Markup(' class="wide"')}>
${body}
</main>
</body>
</html>
`;
  return {
    status,
    html: markup.text,
    contentSecurityPolicy: await formPageContentSecurityPolicy(PAGE_STYLE, images, scheme),
    referrerPolicy: "same-origin",
    cookies,
  };
}

/** One sentence, and where to go from here. */
export function messagePage(
  options: PageOptions,
  text: string,
  link: { href: string; text: string } = { href: "/login", text: "To the sign-in page" },
): Promise<HtmlReply> {
  return page(
    options,
    html`<h1>${options.title}</h1>
<p role="alert">${text}</p>
<a class="button quiet" href="${link.href}">${link.text}</a>`,
  );
}

/** A form of one button. */
export function buttonForm(
  action: string,
  csrf: string,
  text: string,
  style = "",
  fields: Record<string, string> = {},
): Markup {
  const hidden = Object.entries({ csrf_token: csrf, ...fields }).map(
    ([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`,
  );
  return html`<form method="post" action="${action}">${hidden}<button class="${style}">${text}</button></form>`;
}

/** An instant as people read it, in UTC, to the minute. */
export function instantText(ms: number): Markup {
  const iso = new Date(ms).toISOString();
  return html`<time datetime="${iso}">${iso.slice(0, 16).replace("T", " ")} UTC</time>`;
}

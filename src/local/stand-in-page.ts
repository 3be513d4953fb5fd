import { html, Markup } from "../http/pages/markup.ts";
import { PAGE_STYLE } from "../http/pages/page-style.ts";

/** A page of what stands in on this machine, in the dress of the others. */
export function standInPage(title: string, body: Markup): string {
  return html`<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title><style>${new Markup(PAGE_STYLE)}</style></head>
<body><main class="wide"><h1>${title}</h1>
${body}
</main></body>
</html>
`.text;
}

/** Nothing of others' is loaded, nobody frames it. */
export const STAND_IN_HEADERS = {
  "content-type": "text/html; charset=utf-8",
  "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'",
  "cache-control": "no-store",
} as const;

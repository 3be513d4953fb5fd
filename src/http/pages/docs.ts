import { PROBLEMS, type ProblemName } from "../../core/problem.ts";
import { pageContentSecurityPolicy } from "../middleware/security-headers.ts";
import { type DocumentInfo, inputSchema, outputSchema } from "../openapi.ts";
import { SECURITY_NOTES } from "../openapi-components.ts";
import { problemType } from "../problem-response.ts";
import type { RouteDefinition } from "../route.ts";
import { curlExample } from "./curl.ts";
import { DOCS_STYLE } from "./docs-style.ts";
import { html, Markup, prose } from "./markup.ts";
import { type SchemaField, schemaFields } from "./schema-fields.ts";

/** The whole reference as one page: no script, no outside asset, nothing but its own style allowed to take effect. */
export async function docsPage(
  routes: readonly RouteDefinition[],
  info: DocumentInfo,
): Promise<{ html: string; contentSecurityPolicy: string }> {
  const groups = [...Map.groupBy(routes, (route) => route.tags[0] ?? "other")];
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Ebb API ${info.version}</title>
<style>${new Markup(DOCS_STYLE)}</style>
</head>
<body>
<div class="frame">
<header>
<h1>Ebb API</h1>
<p class="lead">The cloud side of software that runs on other people's machines. Version ${info.version}.</p>
<p>Base address <code>${info.publicUrl}</code>. The same in machine form: <a href="/openapi.json">openapi.json</a>.
Every answer carries <code>X-Request-Id</code>; unknown fields in a request are ignored; every refusal is one of the
<a href="#problems">problems below</a>, with a fixed text.</p>
</header>
<nav aria-label="Operations">${groups.map(([tag, group]) => navigation(tag, group))}
<ul><li><a href="#problems">Problems</a></li></ul></nav>
<main>
${groups.map(
  ([tag, group]) => html`<section aria-labelledby="tag-${tag}"><h2 id="tag-${tag}">${title(tag)}</h2>
${group.map((route) => operation(route, info))}</section>
`,
)}
${problems()}
</main>
</div>
</body>
</html>
`;
  return { html: page.text, contentSecurityPolicy: await pageContentSecurityPolicy(DOCS_STYLE) };
}

function navigation(tag: string, group: readonly RouteDefinition[]): Markup {
  const items = group.map(
    (route) =>
      html`<li><a href="#${route.operationId}">${method(route)}<span class="path">${route.path}</span></a></li>`,
  );
  return html`<strong>${title(tag)}</strong><ul>${items}</ul>`;
}

function operation(route: RouteDefinition, info: DocumentInfo): Markup {
  return html`<article id="${route.operationId}">
<h3>${prose(route.summary)}</h3>
<div class="call">${method(route)}<a class="path" href="#${route.operationId}">${route.path}</a></div>
${route.description?.split("\n\n").map((paragraph) => html`<p>${prose(paragraph)}</p>`)}
<p>${prose(SECURITY_NOTES[route.security])}${
    route.permission !== undefined && html` Needs the permission <code>${route.permission}</code>.`
  }</p>
${fields("Path", route.params && schemaFields(inputSchema(route.params)))}
${fields("Query", route.query && schemaFields(inputSchema(route.query)))}
${body(route)}
${responses(route)}
${refusals(route)}
<h4>Example</h4>
<pre tabindex="0"><code>${curlExample(route, info.publicUrl)}</code></pre>
</article>
`;
}

function body(route: RouteDefinition): Markup | undefined {
  if (route.body === undefined) return undefined;
  const { content, required, maxBytes, schema } = route.body;
  const note = html`<code>${content}</code>, ${required ? "required" : "optional"}, at most ${maxBytes / 1024} KiB.`;
  return fields("Body", schemaFields(inputSchema(schema)), note);
}

function responses(route: RouteDefinition): Markup[] {
  return Object.entries(route.responses).map(([status, response]) => {
    const rows = response.schema === undefined ? [] : schemaFields(outputSchema(response.schema));
    const example =
      response.example !== undefined &&
      html`<h4>Answer</h4><pre tabindex="0"><code>${JSON.stringify(response.example, null, 2)}</code></pre>`;
    return html`${fields(`Response ${status}`, rows, html`${prose(response.description)}`)}${example}`;
  });
}

function refusals(route: RouteDefinition): Markup {
  const byStatus = [...Map.groupBy(route.problems, (name) => PROBLEMS[name].status)];
  const rows = byStatus.map(([status, names]) => {
    const links = names.map((name, i) => html`${i > 0 && ", "}<a href="#problem-${name}"><code>${name}</code></a>`);
    return html`<tr><td>${status}</td><td>${links}</td></tr>
`;
  });
  return html`<h4>Refusals</h4><table class="refusals"><tbody>
${rows}</tbody></table>`;
}

function fields(heading: string, rows: readonly SchemaField[] | undefined, note?: Markup): Markup | undefined {
  if (rows === undefined) return undefined;
  return html`<h4>${heading}</h4>${note && html`<p>${note}</p>`}${
    rows.length > 0 &&
    html`<div class="table"><table class="fields"><thead><tr><th>Field</th><th>Type</th><th></th><th>Meaning</th></tr></thead><tbody>
${rows.map(
  (row) => html`<tr><td><code>${row.path}</code></td><td class="inline">${row.type}</td><td class="inline soft">${
    row.required ? "required" : "optional"
  }</td><td>${row.description !== "" && html`<p>${prose(row.description)}</p>`}${
    row.limits.length > 0 && html`<p class="soft">${row.limits.join("; ")}</p>`
  }</td></tr>
`,
)}</tbody></table></div>`
  }`;
}

function problems(): Markup {
  const rows = (Object.keys(PROBLEMS) as ProblemName[]).map((name) => {
    const { status, code, oauth, title: meaning } = PROBLEMS[name];
    return html`<tr id="problem-${name}"><td><code>${name}</code></td><td class="inline">${status}</td><td class="inline">${code}</td><td class="inline"><code>${oauth}</code></td><td>${meaning}</td></tr>
`;
  });
  return html`<section aria-labelledby="problems"><h2 id="problems">Problems</h2>
<p>Errors are problem details (RFC 9457) with <code>type</code> <code>${problemType("internal").replace("internal", "…")}</code>
and the number in <code>code</code>. On <code>/oauth2/*</code> they are <code>error</code> and
<code>error_description</code> (RFC 6749). A reason is given only to a credential proven genuine.</p>
<div class="table"><table><thead><tr><th>Name</th><th>Status</th><th>Code</th><th>OAuth error</th><th>Meaning</th></tr></thead><tbody>
${rows}</tbody></table></div></section>`;
}

function method(route: RouteDefinition): Markup {
  return html`<span class="method ${route.method.toLowerCase()}">${route.method}</span>`;
}

function title(tag: string): string {
  if (tag.startsWith("oauth")) return "OAuth 2.0";
  return tag.charAt(0).toUpperCase() + tag.slice(1);
}

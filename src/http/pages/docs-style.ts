/** The one style element of /docs. Its hash is the page's whole Content-Security-Policy, so it holds nothing dynamic. */
export const DOCS_STYLE = `
:root { color-scheme: light dark; --paper: #fdfcfa; --ink: #1d2327; --soft: #5b6770; --line: #e2e0da; --tint: #f4f2ec;
  --accent: #0b6a75; --get: #1c6b3c; --post: #8a4b08; --put: #5a4a9c; --delete: #a3262a; }
@media (prefers-color-scheme: dark) { :root { --paper: #13171a; --ink: #e4e6e4; --soft: #98a4ab; --line: #2b3237;
  --tint: #1b2125; --accent: #6cc5cf; --get: #7bcf9b; --post: #e6ac6a; --put: #b3a6f0; --delete: #f08d8f; } }
* { box-sizing: border-box; }
html { scroll-padding-top: 1rem; -webkit-text-size-adjust: 100%; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.6 system-ui, -apple-system, "Segoe UI", sans-serif; }
a { color: var(--accent); text-decoration-thickness: 1px; text-underline-offset: 2px; }
code, pre, .path { font-family: ui-monospace, "SF Mono", SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; }
code { font-size: .875em; overflow-wrap: anywhere; }
.frame { max-width: 74rem; margin: 0 auto; padding: 0 1.25rem 5rem; display: grid; gap: 0 3rem; grid-template-columns: minmax(0, 1fr); }
header { padding: 3rem 0 0; }
h1 { font-size: 2.25rem; line-height: 1.15; letter-spacing: -.02em; margin: 0 0 .5rem; }
h2 { font-size: 1.5rem; letter-spacing: -.01em; margin: 2.5rem 0 1rem; padding-bottom: .5rem; border-bottom: 1px solid var(--line); }
h3 { font-size: 1.1rem; margin: 0 0 .25rem; font-weight: 600; }
h4 { font-size: .78rem; margin: 1.5rem 0 .4rem; color: var(--soft); font-weight: 600; letter-spacing: .06em; text-transform: uppercase; }
p { margin: 0 0 .75rem; max-width: 44rem; }
.lead { font-size: 1.1rem; color: var(--soft); }
nav { font-size: .9rem; margin-top: 1.5rem; }
nav ul { list-style: none; margin: 0 0 1rem; padding: 0; }
nav strong { display: block; margin-bottom: .2rem; }
nav a { display: flex; gap: .6rem; padding: .15rem 0; text-decoration: none; color: inherit; }
nav a:hover { color: var(--accent); }
nav .method { flex: none; width: 3.4rem; }
nav .path { overflow-wrap: anywhere; font-size: .8rem; line-height: 1.75; }
article { padding: 1.5rem 0 2rem; border-bottom: 1px solid var(--line); }
article:last-child { border-bottom: 0; }
.call { display: flex; flex-wrap: wrap; gap: .1rem .6rem; align-items: baseline; margin-bottom: .75rem; }
.path { overflow-wrap: anywhere; }
.method { font: 700 .78rem/1.9 ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; color: var(--put); }
.get { color: var(--get); } .post { color: var(--post); } .delete { color: var(--delete); }
.table { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
th { text-align: left; font-weight: 600; color: var(--soft); font-size: .8rem; }
th, td { padding: .4rem 1rem .4rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
tr:last-child > td { border-bottom: 0; }
td:first-child { white-space: nowrap; }
td p { margin: 0; } td.inline code { white-space: nowrap; }
.fields th:nth-child(1) { width: 30%; } .fields th:nth-child(2) { width: 20%; } .fields th:nth-child(3) { width: 12%; }
.refusals td:first-child { width: 4rem; } .call a { text-decoration: none; }
.soft { color: var(--soft); }
tr:target { background: var(--tint); }
pre { background: var(--tint); border: 1px solid var(--line); border-radius: 6px; padding: .8rem 1rem; margin: 0; overflow-x: auto; font-size: .82rem; line-height: 1.55; }
pre code { font-size: inherit; overflow-wrap: normal; }
@media (min-width: 62rem) { .frame { grid-template-columns: 17rem minmax(0, 1fr); } header { grid-column: 1 / -1; }
  nav { margin-top: 0; position: sticky; top: 0; align-self: start; max-height: 100vh; overflow-y: auto; padding: 2.75rem 0 2rem; } }
@media (max-width: 40rem) {
  table, tbody, tr, td { display: block; width: 100%; } thead { display: none; }
  tr { padding: .55rem 0; border-bottom: 1px solid var(--line); } tr:last-child { border-bottom: 0; }
  td { padding: 0; border: 0; } td:first-child { white-space: normal; overflow-wrap: anywhere; font-weight: 600; }
  td.inline { display: inline; padding-right: .75rem; } h1 { font-size: 1.9rem; } header { padding-top: 2rem; } }
@media print { nav { display: none; } .frame { display: block; } pre { white-space: pre-wrap; } article { break-inside: avoid; } }
`;

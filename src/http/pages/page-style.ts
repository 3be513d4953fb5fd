/** The one style element of the pages that people sign in through. Its hash is in their Content-Security-Policy. */
export const PAGE_STYLE = `
:root { color-scheme: light dark; --paper: #fdfcfa; --ink: #1d2327; --soft: #5b6770; --line: #e2e0da; --tint: #f4f2ec;
  --card: #ffffff; --accent: #0b6a75; --on-accent: #ffffff; --danger: #a3262a; }
@media (prefers-color-scheme: dark) { :root { --paper: #13171a; --ink: #e4e6e4; --soft: #98a4ab; --line: #2b3237;
  --tint: #1b2125; --card: #181d21; --accent: #6cc5cf; --on-accent: #0b1214; --danger: #f08d8f; } }
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.6 system-ui, -apple-system, "Segoe UI", sans-serif; }
main { max-width: 27rem; margin: 0 auto; padding: 12vh 1.25rem 4rem; }
main.wide { max-width: 46rem; padding-top: 3rem; }
a { color: var(--accent); text-underline-offset: 2px; text-decoration-thickness: 1px; }
h1 { font-size: 1.9rem; line-height: 1.2; letter-spacing: -.02em; margin: 0 0 .75rem; }
h2 { font-size: 1.15rem; letter-spacing: -.01em; margin: 0 0 .75rem; }
p { margin: 0 0 1rem; }
.soft { color: var(--soft); }
.small { font-size: .88rem; }
section { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 1.25rem 1.4rem; margin: 0 0 1.25rem; }
section > :last-child { margin-bottom: 0; }
.top { display: flex; flex-wrap: wrap; gap: .75rem 1rem; justify-content: space-between; align-items: start; margin-bottom: 1.5rem; }
.top h1 { margin: 0; overflow-wrap: anywhere; } .top p { margin: .25rem 0 0; overflow-wrap: anywhere; }
.buttons { display: grid; gap: .6rem; margin: 0 0 1.25rem; padding: 0; list-style: none; }
.row { display: flex; flex-wrap: wrap; gap: .5rem 1rem; align-items: center; justify-content: space-between; padding: .65rem 0; border-top: 1px solid var(--line); }
.rows { list-style: none; margin: 0; padding: 0; } .rows > li:first-child { border-top: 0; padding-top: 0; } .rows > li:last-child { padding-bottom: 0; }
.row > div { min-width: 0; overflow-wrap: anywhere; }
.tag { display: inline-block; border: 1px solid var(--line); background: var(--tint); border-radius: 99px; padding: 0 .6rem; font-size: .82rem; }
.brand { display: flex; gap: .9rem; align-items: center; } .brand img { max-width: 9rem; max-height: 2.5rem; background: #fff; border-radius: 6px; padding: .2rem; }
form { margin: 0; } form + p { margin-top: 1rem; }
label { display: block; font-size: .88rem; color: var(--soft); margin-bottom: .3rem; }
input[type=text], select { width: 100%; font: inherit; color: inherit; background: var(--paper); border: 1px solid var(--line); border-radius: 8px; padding: .5rem .7rem; margin-bottom: .6rem; }
button, .button { display: block; width: 100%; font: inherit; font-weight: 600; text-align: center; text-decoration: none; cursor: pointer;
  color: var(--on-accent); background: var(--accent); border: 1px solid var(--accent); border-radius: 8px; padding: .6rem 1rem; }
button.quiet, .button.quiet { color: var(--ink); background: transparent; border-color: var(--line); font-weight: 500; }
button.end { width: auto; padding: .25rem .8rem; font-size: .88rem; font-weight: 500; color: var(--danger); background: transparent; border-color: var(--line); }
.top button, .top .actions { width: auto; } .actions { display: flex; flex-wrap: wrap; gap: .5rem; }
button:hover, .button:hover { filter: brightness(1.06); } button.quiet:hover, .button.quiet:hover, button.end:hover { background: var(--tint); filter: none; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
.code { font: 600 1.6rem/1.3 ui-monospace, "SF Mono", Menlo, Consolas, monospace; letter-spacing: .12em; } input[type=text].code { font: 600 1.2rem/1.4 ui-monospace, "SF Mono", Menlo, Consolas, monospace; text-transform: uppercase; }
.facts { display: grid; grid-template-columns: auto 1fr; gap: .2rem 1rem; margin: 0; } .facts dt { color: var(--soft); } .facts dd { margin: 0; overflow-wrap: anywhere; }
.check { display: flex; gap: .6rem; align-items: start; color: inherit; font-size: 1rem; margin: 0; } .check input { margin: .35rem 0 0; flex: none; }
.alert { border-left: 3px solid var(--danger); padding: .4rem .8rem; background: var(--tint); }
.warning { border-color: var(--danger); }
.answers { display: grid; grid-template-columns: 1fr 1fr; gap: .6rem; margin-bottom: 1rem; }
details { margin-top: 1rem; } summary { cursor: pointer; color: var(--soft); font-size: .92rem; margin-bottom: .6rem; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; } th { text-align: left; font-weight: 600; color: var(--soft); font-size: .8rem; }
th, td { padding: .35rem .8rem .35rem 0; border-top: 1px solid var(--line); vertical-align: top; } thead th { border-top: 0; padding-top: 0; }
.table { overflow-x: auto; }
@media (max-width: 30rem) { main { padding-top: 3rem; } main.wide { padding-top: 2rem; } h1 { font-size: 1.6rem; } }
`;

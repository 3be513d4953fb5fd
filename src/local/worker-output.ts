import { stripVTControlCharacters } from "node:util";

/** What wrangler says on every start, and what we say better. */
const NOISE = [
  /^⎔ /,
  /^\[wrangler:info\] (Ready on|GET \/healthz )/,
  /^Using (secrets|vars) defined in/,
  /^Your Worker has access to the following bindings/,
  /^Binding\s+Resource/,
  /^env\.[A-Z_]+ /,
  /^(🪵|🪲|Logs were written to|If you think this is a bug|Note that there is a newer)/u,
  /^─*$/,
];

/** One line of wrangler's output in our words, or null when it says nothing new. */
export function readable(raw: string): string | null {
  const line = stripVTControlCharacters(raw).trimEnd();
  const text = line.trim();
  if (text === "" || NOISE.some((pattern) => pattern.test(text))) return null;
  return line
    .replace(/^\s*\S?\s*\[(?:wrangler:)?(ERROR|error)\]\s*/u, "error: ")
    .replace(/^\s*\S?\s*\[(?:wrangler:)?(WARNING|warn)\]\s*/u, "warning: ")
    .replace(/^\[wrangler:info\] /, "");
}

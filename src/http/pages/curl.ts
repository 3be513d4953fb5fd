import type { RouteDefinition } from "../route.ts";

const TOKEN_VARIABLES: Readonly<Record<string, string>> = {
  "instance-token": "$INSTANCE_TOKEN",
  "user-token": "$ACCESS_TOKEN",
  account: "$EBB_API_KEY",
  "account-or-user": "$EBB_API_KEY",
};

/** A command that works when pasted into a POSIX shell once its variables are set. */
export function curlExample(route: RouteDefinition, publicUrl: string): string {
  const path = route.path.replaceAll(/\{([^}]+)\}/g, (_, name: string) => `$${name.toUpperCase()}`);
  const query = route.exampleQuery === undefined ? "" : `?${new URLSearchParams(route.exampleQuery)}`;
  const lines = [`curl ${route.method === "GET" ? "" : `-X ${route.method} `}"${publicUrl}${path}${query}"`];
  const token = TOKEN_VARIABLES[route.security];
  if (token !== undefined) lines.push(`-H "Authorization: Bearer ${token}"`);
  if (route.body?.content === "application/json") {
    lines.push("-H 'Content-Type: application/json'", `-d ${quote(JSON.stringify(route.body.example))}`);
  } else if (route.body !== undefined) {
    for (const [name, value] of Object.entries(route.body.example as Record<string, unknown>)) {
      lines.push(`--data-urlencode ${quote(`${name}=${String(value)}`)}`);
    }
  }
  return lines.join(" \\\n  ");
}

function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

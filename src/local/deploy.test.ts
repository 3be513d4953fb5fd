import { expect, test } from "vitest";
import type { CommandOptions, CommandResult, Exec } from "./command.ts";
import { type DeployContext, deploy, type PrepareProduction, steps } from "./deploy.ts";

const OWNER = "postgresql://owner:own%2Fer-pw@ep-one.neon.tech/ebb";
const SECRETS = { DATABASE_URL: "postgresql://ebb_app:app-pw@ep-one.neon.tech/ebb", TOKEN_SIGNING_KEYS: 'key-"one"' };
const ENV = { NEON_DATABASE_URL: OWNER, PUBLIC_URL: "https://ebb.example", EBB_FIRST_OPERATOR: "ada@ebb.example" };
const ONE_ACCOUNT = JSON.stringify({ loggedIn: true, accounts: [{ id: "a", name: "A" }] });

function providers(issuer: string): string {
  const client = { client_id: "ebb", client_secret: "secret-of-client" };
  return JSON.stringify([{ id: "work", name: "Work", issuer, ...client }]);
}

interface Call extends CommandOptions {
  line: string;
}

const LIST = "wrangler secret list --format json";
const listOf = (...names: string[]) => ({
  code: 0,
  output: JSON.stringify(
    names.map((name) => ({ name, type: "secret_text" })),
    null,
    "  ",
  ),
});
/** As wrangler 4.156 says it. */
const NO_WORKER = {
  code: 1,
  output: `\n✘ [ERROR] Worker "ebb" not found.\n\n  If this is a new Worker, run \`wrangler deploy\` first to create it.\n`,
};

/** A machine on which every command works, but for those given; `fetch` and the clock are replaced likewise. */
function machine(answers: Record<string, Partial<CommandResult>> = {}, context: Partial<DeployContext> = {}) {
  const calls: Call[] = [];
  const said: string[] = [];
  const interrupted: (() => void)[] = [];
  let now = 0;
  const prepared: Parameters<PrepareProduction>[0][] = [];
  const kept: Record<string, string>[] = [];
  const usual = (line: string): Partial<CommandResult> => {
    if (line === "wrangler whoami --json") return { output: ONE_ACCOUNT };
    if (line !== LIST) return {};
    return calls.some((call) => call.line === "wrangler secret bulk") ? listOf(...Object.keys(SECRETS)) : NO_WORKER;
  };
  const exec: Exec = async (command, args, options = {}) => {
    const line = [command, ...args].join(" ");
    const answer = usual(line);
    calls.push({ line, ...options });
    return { code: 0, output: "", ...answer, ...answers[line] };
  };
  const ctx: DeployContext = {
    env: ENV,
    prepareProduction: async (input) => {
      calls.push({ line: "prepareProduction" });
      prepared.push(input);
      return { secrets: SECRETS, operatorKey: "ebb_operator_key" };
    },
    keep: {
      path: "/safe/keys.json",
      write: async (secrets) => void kept.push(secrets),
    },
    fetch: async () => Response.json({ status: "ok" }),
    sleep: async (ms) => {
      now += ms;
    },
    now: () => now,
    log: (line) => said.push(line),
    onInterrupt: (last) => interrupted.push(last),
    ...context,
  };
  return {
    ctx,
    exec,
    calls,
    prepared,
    kept,
    lines: () => calls.map((call) => call.line),
    text: () => said.join("\n"),
    elapsed: () => now,
    interrupt: () => interrupted.at(-1)?.(),
  };
}

const ALL = [
  "wrangler whoami --json",
  "npm run check",
  LIST,
  "prepareProduction",
  "wrangler secret bulk",
  LIST,
  "wrangler deploy",
];

test("the steps run in order and the operator's key is shown once, at the end", async () => {
  const { ctx, exec, lines, text } = machine();
  expect(await deploy(ctx, exec)).toBe(0);
  expect(lines()).toEqual(ALL);
  expect(text().split("ebb_operator_key")).toHaveLength(2);
  expect(text()).toMatch(
    /✓ health\noperator: .*\nThe first operator's API key, .*: ebb_operator_key\nThe new signing, routing and sealing keys are in .*\n✓ operator$/,
  );
});

test("a Worker that does not exist has no secrets; one that does keeps those it has", async () => {
  const first = machine();
  await deploy(first.ctx, first.exec);
  expect(first.prepared).toEqual([expect.objectContaining({ stored: [] })]);
  const warning = "▲ [WARNING] a [note]\n";
  const list = {
    code: 0,
    output: warning + listOf("PUBLIC_URL", "TOKEN_SIGNING_KEYS", "DATABASE_URL").output + warning,
  };
  const second = machine({ [LIST]: list });
  expect(await deploy(second.ctx, second.exec)).toBe(0);
  expect(second.prepared[0]?.stored).toEqual(["PUBLIC_URL", "TOKEN_SIGNING_KEYS", "DATABASE_URL"]);
  const none = machine({ [LIST]: { code: 0, output: "[]\n" } });
  await deploy(none.ctx, none.exec);
  expect(none.prepared[0]?.stored).toEqual([]);
});

test.each([
  ["a failure", { code: 1, output: "✘ [ERROR] A request to the Cloudflare API failed." }],
  ["an answer without a list", { code: 0, output: "" }],
])("%s to list the secrets is not taken for a first deployment", async (_, answer) => {
  const { ctx, exec, lines, text } = machine({ [LIST]: answer });
  expect(await deploy(ctx, exec)).toBe(1);
  expect(lines()).toEqual(ALL.slice(0, 3));
  expect(text()).toContain("✗ stored failed. The secrets cannot be listed.");
});

test("new keys go to the file that was asked for, which is named also after a failure, and to none otherwise", async () => {
  const { ctx, exec, kept, text } = machine({ "wrangler deploy": { code: 1 } });
  await deploy(ctx, exec);
  expect(kept).toEqual([{ TOKEN_SIGNING_KEYS: SECRETS.TOKEN_SIGNING_KEYS }]);
  expect(text().split("/safe/keys.json")).toHaveLength(2);
  const later = machine(
    {},
    { prepareProduction: async () => ({ secrets: { PUBLIC_URL: "https://ebb.example" }, operatorKey: null }) },
  );
  await deploy(later.ctx, later.exec);
  expect(later.kept).toEqual([]);
  const unasked = machine({}, { keep: null });
  expect(await deploy(unasked.ctx, unasked.exec)).toBe(0);
});

test("a second deployment has no operator's key to show", async () => {
  const { ctx, exec, text } = machine({}, { prepareProduction: async () => ({ secrets: SECRETS, operatorKey: null }) });
  expect(await deploy(ctx, exec)).toBe(0);
  expect(text()).not.toContain("operator's API key");
});

test.each(ALL.filter((line) => line !== "prepareProduction" && line !== LIST))(
  "a failing `%s` is the last command",
  async (line) => {
    const { ctx, exec, lines, text } = machine({ [line]: { code: 1, output: "no" } });
    expect(await deploy(ctx, exec)).toBe(1);
    expect(lines()).toEqual(ALL.slice(0, ALL.indexOf(line) + 1));
    expect(text()).toMatch(/✗ \w+ failed\. [\s\S]*\nThen run again: npm run deploy$/);
  },
);

test("a database that cannot be prepared stops the rest, and its error shows no password", async () => {
  const prepareProduction = () => Promise.reject(new Error(`cannot reach ${OWNER} as owner with own/er-pw`));
  const { ctx, exec, lines, text } = machine({}, { prepareProduction });
  expect(await deploy(ctx, exec)).toBe(1);
  expect(lines()).toEqual(ALL.slice(0, 3));
  expect(text()).toContain("The database could not be prepared: cannot reach [secret] as owner with [secret]");
});

test("the operator's key survives a failure after it was made", async () => {
  const { ctx, exec, text } = machine({ "wrangler deploy": { code: 1 } });
  expect(await deploy(ctx, exec)).toBe(1);
  expect(text().split("ebb_operator_key")).toHaveLength(2);
});

test("the operator's key survives an interruption", async () => {
  const interruptedWhileWaiting = async () => {
    interrupt();
    return Response.json({ status: "ok" });
  };
  const { ctx, exec, text, interrupt } = machine({}, { fetch: interruptedWhileWaiting });
  await deploy(ctx, exec);
  expect(text().split("ebb_operator_key")).toHaveLength(2);
});

test("secrets reach wrangler through its standard input alone: no argument, no environment, no output", async () => {
  const echo = JSON.stringify(SECRETS) + SECRETS.TOKEN_SIGNING_KEYS;
  const { ctx, exec, calls, text } = machine({ "wrangler secret bulk": { code: 1, output: echo } });
  expect(await deploy(ctx, exec)).toBe(1);
  expect(calls.filter((call) => call.input !== undefined)).toEqual([
    expect.objectContaining({ line: "wrangler secret bulk", input: JSON.stringify(SECRETS) }),
  ]);
  expect(text()).toContain("The secrets were not stored.");
  const elsewhere = JSON.stringify(calls.map(({ line, env }) => ({ line, env }))) + text();
  for (const secret of ["app-pw", "key-", "own%2Fer-pw", OWNER]) expect(elsewhere).not.toContain(secret);
});

test("no child sees the owner's connection string, and the checks do not see the account", async () => {
  const { ctx, exec, calls } = machine();
  await deploy(ctx, exec);
  for (const { line, env } of calls) {
    if (line === "prepareProduction") continue;
    expect(env, line).toHaveProperty("NEON_DATABASE_URL", undefined);
  }
  expect(calls.find((call) => call.line === "npm run check")?.env).toHaveProperty("CLOUDFLARE_API_TOKEN", undefined);
});

test("wrangler's silence about an empty input is not taken for success", async () => {
  const { ctx, exec, lines, text } = machine({
    [LIST]: listOf("DATABASE_URL"),
  });
  expect(await deploy(ctx, exec)).toBe(1);
  expect(lines()).not.toContain("wrangler deploy");
  expect(text()).toContain("Cloudflare does not have these secrets: TOKEN_SIGNING_KEYS.");
});

test("everything missing is named at once, with where to get it", async () => {
  const { ctx, exec, lines, text } = machine({ "wrangler whoami --json": { code: 1 } }, { env: {} });
  expect(await deploy(ctx, exec)).toBe(1);
  expect(lines()).toEqual(["wrangler whoami --json"]);
  for (const name of [...Object.keys(ENV), "CLOUDFLARE_API_TOKEN"]) expect(text()).toContain(`\n${name} is not set`);
});

test.each([
  ["NEON_DATABASE_URL", "mysql://owner:secret-pw@host/db"],
  ["NEON_DATABASE_URL", "postgresql://host/db"],
  ["NEON_DATABASE_URL", "postgresql://owner:secret%-pw@ho st"],
  ["NEON_DATABASE_URL", "postgresql://owner:100%secret@host/db"],
  ["PUBLIC_URL", "http://ebb.example"],
  ["PUBLIC_URL", "https://ebb.example/"],
  ["EBB_FIRST_OPERATOR", "ada"],
  ["EBB_MAIL_FROM", "ada"],
  ["EBB_OIDC_PROVIDERS", "https://id.example"],
  ["EBB_OIDC_PROVIDERS", "[]"],
  // The local provider, in its own form and as https.
  ["EBB_OIDC_PROVIDERS", providers("http://127.0.0.1:8788")],
  ["EBB_OIDC_PROVIDERS", providers("https://localhost:8788")],
  ["EBB_OIDC_PROVIDERS", providers("http://id.example.org")],
])("%s=%s is refused without being repeated", async (name, value) => {
  const { ctx, exec, lines, text } = machine({}, { env: { ...ENV, [name]: value } });
  expect(await deploy(ctx, exec)).toBe(1);
  expect(lines()).toHaveLength(1);
  expect(text()).toContain(`${name} does not look right`);
  expect(text()).not.toContain("secret");
});

test("providers and the sender of mail reach the preparation, and no program beside", async () => {
  const more = { EBB_OIDC_PROVIDERS: providers("https://id.example.org"), EBB_MAIL_FROM: "ebb@ebb.example" };
  const { ctx, exec, calls, prepared, text } = machine({}, { env: { ...ENV, ...more } });
  expect(await deploy(ctx, exec)).toBe(0);
  expect(prepared).toEqual([
    expect.objectContaining({ providers: more.EBB_OIDC_PROVIDERS, mailFrom: "ebb@ebb.example" }),
  ]);
  for (const { env = {}, line } of calls) {
    if (line !== "prepareProduction") expect(env).toMatchObject({ EBB_OIDC_PROVIDERS: undefined });
  }
  expect(text()).not.toContain("secret-of-client");
});

test("of several accounts one must be named", async () => {
  const output = JSON.stringify({ accounts: [{ id: "a" }, { id: "b" }] });
  const undecided = machine({ "wrangler whoami --json": { output } });
  expect(await deploy(undecided.ctx, undecided.exec)).toBe(1);
  expect(undecided.text()).toContain("CLOUDFLARE_ACCOUNT_ID is not set");
  const named = machine({ "wrangler whoami --json": { output } }, { env: { ...ENV, CLOUDFLARE_ACCOUNT_ID: "a" } });
  expect(await deploy(named.ctx, named.exec)).toBe(0);
});

test("the wait for health is patient, tells what it sees, and ends", async () => {
  const answers = [() => Promise.reject(new Error("refused")), () => new Response("<html>", { status: 404 })];
  const slow = machine({}, { fetch: async () => answers.shift()?.() ?? Response.json({ status: "ok" }) });
  expect(await deploy(slow.ctx, slow.exec)).toBe(0);
  expect(slow.text()).toContain("waiting for https://ebb.example/healthz: no answer");
  expect(slow.text()).toContain("waiting for https://ebb.example/healthz: HTTP 404, no status");

  const never = machine({}, { fetch: async () => Response.json({ status: "degraded" }) });
  expect(await deploy(never.ctx, never.exec)).toBe(1);
  expect(never.text()).toContain("did not answer ok within two minutes; at last: HTTP 200, degraded.");
  expect(never.elapsed()).toBe(120_000);
});

test("listing the steps runs nothing", () => {
  const { ctx, calls, text } = machine({}, { env: {} });
  expect(steps(ctx).map((step) => step.name)).toEqual([
    "preflight",
    "check",
    "stored",
    "database",
    "secrets",
    "worker",
    "health",
    "operator",
  ]);
  expect(calls).toEqual([]);
  expect(text()).toBe("");
});

import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, inject, onTestFinished, test } from "vitest";
import { loadRoutingKeys, openRoutingId } from "../access/routing-id.ts";
import { loadTokenKeys } from "../access/token-keys.ts";
import { uuidFromId } from "../core/id.ts";
import { makeLocalSecrets } from "../local/secrets.ts";
import { declaredTables } from "../privacy/inventory.ts";
import { rowMaker } from "../testing/rows.ts";
import { scratchForTest } from "../testing/scratch-database.ts";
import { COMMANDS } from "./commands.ts";
import { run } from "./main.ts";
import { PLAIN } from "./terminal.ts";

/** A data folder of the test's own, in which nothing has run. */
function dataFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "ebb-cli-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

async function ebb(args: string[], env: NodeJS.ProcessEnv = {}, stdin = "") {
  const out: string[] = [];
  const error: string[] = [];
  const code = await run(args, {
    env: { EBB_DATA: dataFolder(), NEON_LOCAL_ENDPOINT: inject("database").neonEndpoint, ...env },
    style: PLAIN,
    out: (line) => out.push(line),
    error: (line) => error.push(line),
    stdin: () => Promise.resolve(stdin),
    now: Date.now,
  });
  return { code, out: out.join("\n"), error: error.join("\n"), json: () => JSON.parse(out.join("\n")) as never };
}

const SENTENCE = /^[^\n]+\.$/;

describe("help", () => {
  test.each([[[]], [["--help"]], [["-h"]], [["help"]]])("%j lists every command on a line of its own", async (args) => {
    const { code, out } = await ebb(args);
    expect(code).toBe(0);
    for (const { name, summary } of COMMANDS) expect(out).toMatch(new RegExp(`^  ${name} +${summary}$`, "m"));
  });

  test.each(COMMANDS)("$name --help shows usage, options and an example that can be parsed", async (command) => {
    const { code, out } = await ebb([...command.name.split(" "), "--help"]);
    expect(code).toBe(0);
    expect(out.split("\n")[0]).toMatch(`Usage: npm run ebb -- ${command.name}`);
    for (const option of Object.keys(command.options ?? {})) expect(out).toContain(`  --${option}`);
    expect(out).toContain(`Example: npm run -s ebb -- ${command.name}`);
    expect(
      Math.max(
        ...out
          .split("\n")
          .slice(0, -1)
          .map((line) => line.length),
      ),
    ).toBeLessThan(110);
    expect(await ebb(["help", ...command.name.split(" ")])).toMatchObject({ code: 0, out });
  });

  test("an option that is required does not say what happens when it is left out", async () => {
    const required = COMMANDS.flatMap(({ name, options = {} }) =>
      Object.entries(options).flatMap(([option, spec]) =>
        spec.type === "string" && spec.required ? [{ name, option, what: spec.what }] : [],
      ),
    );
    const named = required.filter(({ option }) => option === "tenant").map(({ name }) => name);
    expect(named).toEqual(expect.arrayContaining(["tenant offline-lease", "tenant rename", "tenant close"]));
    for (const { name, what } of required)
      expect([name, what]).toEqual([name, expect.not.stringContaining("left out")]);
    const { out } = await ebb(["tenant", "offline-lease", "--help"]);
    expect(out).toContain("Usage: npm run ebb -- tenant offline-lease --tenant <tenant> --days <days> [options]");
    expect(out).not.toContain("left out");
    expect(await ebb(["tenant", "offline-lease", "--days", "14"])).toMatchObject({
      code: 2,
      error:
        "tenant offline-lease needs --tenant <tenant>: an id as tenant list shows it, or what npm run dev has seeded: operator, direct, reseller, client.",
    });
  });

  test("the first word of a command shows what begins with it", async () => {
    const { code, out } = await ebb(["key", "--help"]);
    expect(code).toBe(0);
    expect(out).toContain("key create");
    expect(out).not.toContain("purge");
  });

  test("as JSON, it is JSON", async () => {
    expect((await ebb(["--json"])).json()).toMatchObject({ commands: COMMANDS.map(({ name }) => ({ name })) });
    expect((await ebb(["purge", "--help", "--json"])).json()).toMatchObject({ name: "purge" });
  });
});

describe("what is not understood is one sentence on the standard error, and exit code 2", () => {
  test.each<[string[], string]>([
    [["purg"], "There is no command “purg”: npm run ebb lists them."],
    [["inventor"], "There is no command “inventor”: npm run ebb lists them."],
    [
      ["retention", "window"],
      "There is no command “retention window”: did you mean retention window show or retention window set?",
    ],
    [
      ["registration-key", "show"],
      "There is no command “registration-key show”: did you mean registration-key create or registration-key list or registration-key revoke?",
    ],
    [["purge", "all"], "purge does not take “all”: npm run ebb -- purge --help shows what it takes."],
    [["purge", "--all"], "purge has no option --all: npm run ebb -- purge --help shows what there is."],
    [["purge", "--all=1"], "purge has no option --all: npm run ebb -- purge --help shows what there is."],
    [["purge", "-x"], "purge has no option -x: npm run ebb -- purge --help shows what there is."],
    [["--all"], "ebb has no option --all: npm run ebb shows what there is."],
    [["purge", "--json=yes"], "--json takes no value."],
    [["key", "create", "--name"], "--name needs a value."],
    [["key", "create", "--name", "--json"], "--name needs a value."],
    [["key", "create"], "key create needs a --name: say what the key is for."],
    [["key", "create", "--name", "x", "--valid-days", "0"], "--valid-days is a whole number from 1 to 3650."],
    [["key", "create", "--name", "x", "--valid-days", "1e3"], "--valid-days is a whole number from 1 to 3650."],
    [["key", "create", "--name", "x", "--tenant", "other"], "--tenant is one of operator, direct."],
    [
      ["key", "create", "--operator", "--permission", "keys:read"],
      "--operator makes a key that may do everything and has no end: leave out --permission.",
    ],
    [["registration-key", "create"], "registration-key create needs --name <text>: what the key is for."],
    [
      ["pings", "tnt_1"],
      "pings takes the id of an instance, such as ins_01J…: npm run ebb -- instance list shows them.",
    ],
    [["key", "revoke"], "key revoke takes the id of an API key, such as crd_01J…: npm run ebb -- key list shows them."],
    [
      ["token", "revoke"],
      "token revoke takes the id of a token, such as crd_01J…: npm run ebb -- token list shows them.",
    ],
    [
      ["key", "rotate", "crd_01KAHJ7777G8H9J0K1M2N3P4Q5", "--overlap-hours", "721"],
      "--overlap-hours is a whole number from 1 to 720.",
    ],
    [
      ["key", "create", "--name", "x", "--calls-per-hour", "100001"],
      "--calls-per-hour is a whole number from 1 to 100000.",
    ],
    [
      ["key", "revoke", "rgk_01KAHJ5555X6Y7Z8A9B0C1D2E3"],
      "key revoke takes the id of an API key, such as crd_01J…: npm run ebb -- key list shows them.",
    ],
    [
      ["limits", "show", "--instance", "x"],
      "--instance is the id of an instance, such as ins_01J…: npm run ebb -- instance list shows them.",
    ],
    [
      ["limits", "show", "--tenant", "x"],
      "--tenant is the id of a tenant, such as tnt_01J…, or one of operator, direct, reseller, client.",
    ],
    [["limits", "set"], "limits set takes the name of a policy: npm run ebb -- limits show has them."],
    [["limits", "set", "x", "--limit", "1"], "There is no policy “x”: npm run ebb -- limits show has their names."],
    [["limits", "set", "alive-tenant"], "limits set takes either --limit N or --default."],
    [["limits", "set", "alive-tenant", "--default", "--limit", "1"], "limits set takes either --limit N or --default."],
    [["limits", "set", "alive-tenant", "--limit", "1e3"], "--limit is a whole number from 0 to 10000000."],
    [["limits", "set", "alive-tenant", "--limit", "10000001"], "--limit is a whole number from 0 to 10000000."],
    [
      ["limits", "set", "alive-instance", "--allot", "--default"],
      "--allot divides what counts for the whole tenant: alive-tenant, token-tenant, refresh-tenant, poll-tenant, session-tenant, profile-tenant, assistant-tenant, assistant-credits, telemetry-events, export-tenant.",
    ],
    [
      ["limits", "trace", "ins_01KAHJ5555X6Y7Z8A9B0C1D2E3"],
      "limits trace takes the id of a request, such as req_01J…: answers have it in X-Request-Id.",
    ],
    [["pings", "a", "b"], "pings does not take “b”: npm run ebb -- pings --help shows what it takes."],
  ])("%j", async (args, sentence) => {
    expect(await ebb(args)).toMatchObject({ code: 2, out: "", error: sentence });
  });
});

describe("what cannot be done is one sentence on the standard error, and exit code 1", () => {
  const NEED = COMMANDS.filter(({ name }) => !["inventory", "token-keys rotate"].includes(name));
  const TENANT = ["--tenant", "tnt_01KAHJ0000A1B2C3D4E5F6G7H8"];
  const ARGS: Record<string, string[]> = {
    "tenant create": ["--name", "x", "--kind", "client"],
    "tenant rename": [...TENANT, "--name", "x"],
    "tenant suspend": TENANT,
    "tenant resume": TENANT,
    "tenant move": [...TENANT, "--to", "tnt_01KAHJ0000A1B2C3D4E5F6G7H9"],
    "tenant plan": [...TENANT, "--plan", "team"],
    "tenant close": TENANT,
    "tenant reopen": TENANT,
    "tenant brand": [...TENANT, "--name", "x"],
    "tenant offline-lease": [...TENANT, "--days", "0"],
    "member role": ["mem_01KAHJ7777G8H9J0K1M2N3P4Q5", "--role", "admin"],
    "member seat": ["mem_01KAHJ7777G8H9J0K1M2N3P4Q5", "--do", "give"],
    "workspace create": ["--name", "x"],
    "workspace rename": ["wsp_01KAHJ7777G8H9J0K1M2N3P4Q5", "--name", "x"],
    "workspace set": ["wsp_01KAHJ7777G8H9J0K1M2N3P4Q5", "--claim-code", "waive"],
    "workspace remove": ["wsp_01KAHJ7777G8H9J0K1M2N3P4Q5"],
    "voucher create": ["--name", "x", "--plan", "team"],
    "voucher revoke": ["vch_01KAHJ7777G8H9J0K1M2N3P4Q5"],
    "member remove": ["mem_01KAHJ7777G8H9J0K1M2N3P4Q5"],
    "invitation create": ["--email", "a@b.test"],
    "invitation withdraw": ["inv_01KAHJ7777G8H9J0K1M2N3P4Q5"],
    "invitation resend": ["inv_01KAHJ7777G8H9J0K1M2N3P4Q5"],
    "key create": ["--name", "x"],
    "key show": ["crd_01KAHJ7777G8H9J0K1M2N3P4Q5"],
    "key rotate": ["crd_01KAHJ7777G8H9J0K1M2N3P4Q5"],
    "key revoke": ["crd_01KAHJ7777G8H9J0K1M2N3P4Q5"],
    "token revoke": ["crd_01KAHJ7777G8H9J0K1M2N3P4Q5"],
    "registration-key create": ["--name", "x"],
    "registration-key revoke": ["rgk_01KAHJ7777G8H9J0K1M2N3P4Q5"],
    "instance show": ["ins_01KAHJ7777G8H9J0K1M2N3P4Q5"],
    "instance rename": ["ins_01KAHJ7777G8H9J0K1M2N3P4Q5", "--name", "x"],
    "instance move": ["ins_01KAHJ7777G8H9J0K1M2N3P4Q5", "--to", "wsp_01KAHJ7777G8H9J0K1M2N3P4Q5"],
    "instance revoke": ["ins_01KAHJ7777G8H9J0K1M2N3P4Q5"],
    "instance remove": ["ins_01KAHJ7777G8H9J0K1M2N3P4Q5"],
    "sign-in list": ["ins_01KAHJ7777G8H9J0K1M2N3P4Q5"],
    "sign-in end": ["fam_01KAHJ7777G8H9J0K1M2N3P4Q5", "--instance", "ins_01KAHJ7777G8H9J0K1M2N3P4Q5"],
    "identity-provider create": ["--name", "x", "--issuer", "https://id.example.org", "--client-id", "x"],
    "identity-provider remove": ["idp_01KAHJ7777G8H9J0K1M2N3P4Q5"],
    "limits set": ["alive-tenant", "--limit", "1"],
    "retention hold place": ["--class", "ai-usage", "--reason", "x", "--review", "2027-05-21"],
    "retention hold release": ["hld_01KAHJ7777G8H9J0K1M2N3P4Q5", "--outcome", "x"],
    "retention window set": ["tool-execution-logs", "--months", "6"],
  };

  test.each(NEED)("$name where nothing ever ran", async ({ name }) => {
    const { code, out, error } = await ebb([...name.split(" "), ...(ARGS[name] ?? []), "--json"]);
    expect({ code, out }).toEqual({ code: 1, out: "" });
    expect(error).toMatch(
      /^There is no readable .*local\.json: start npm run dev first, or set EBB_\w+ for a service elsewhere\.$/,
    );
  });

  test("a service that is not there", async () => {
    const elsewhere = { EBB_URL: "http://127.0.0.1:9", EBB_API_KEY: "ebb_secret" };
    const { code, out, error } = await ebb(["tenant", "list"], elsewhere);
    expect({ code, out }).toEqual({ code: 1, out: "" });
    expect(error).toBe("Nothing answers at http://127.0.0.1:9: it is what EBB_URL names.");
  });

  test("a stopped local service", async () => {
    const folder = dataFolder();
    const database = "postgres://ebb_purge:x@127.0.0.1:9/ebb";
    const databaseUrls = Object.fromEntries(
      ["owner", "app", "ingest", "purge", "jobs"].map((role) => [role, database]),
    );
    const local = {
      url: "http://127.0.0.1:9",
      operatorKey: "ebb_k",
      databaseUrl: database,
      databaseUrls,
      neonEndpoint: "http://127.0.0.1:9/sql",
    };
    writeFileSync(join(folder, "local.json"), JSON.stringify(local));
    expect((await ebb(["tenant", "list"], { EBB_DATA: folder })).error).toBe(
      "Nothing answers at http://127.0.0.1:9: start npm run dev first.",
    );
    expect((await ebb(["instance", "list"], { EBB_DATA: folder })).error).toMatch(
      /local\.json holds no such key any more: make one with npm run ebb -- key create --operator --tenant direct\.$/,
    );
    // The endpoint's address is the process's; the other tests name theirs.
    const purged = await ebb(["purge"], { EBB_DATA: folder, NEON_LOCAL_ENDPOINT: undefined });
    expect(purged).toMatchObject({ code: 1, out: "" });
    expect(purged.error).toBe("The local database does not answer: start npm run dev (or npm run db) first.");
  });

  test("a local key is not sent elsewhere", async () => {
    const folder = dataFolder();
    const local = {
      url: "http://127.0.0.1:9",
      apiKey: "ebb_k",
      databaseUrl: "",
      databaseUrls: { owner: "", app: "", ingest: "", purge: "", jobs: "" },
      neonEndpoint: "",
    };
    writeFileSync(join(folder, "local.json"), JSON.stringify(local));
    const { error } = await ebb(["instance", "list"], { EBB_DATA: folder, EBB_URL: "https://ebb.example" });
    expect(error).toBe("EBB_URL is set and EBB_API_KEY is not: a local key is not sent elsewhere.");
  });

  test("a role that may not, a password that is wrong, a database that is not migrated", async () => {
    const { urls, superuserUrl } = inject("database");
    const { error, code } = await ebb(["purge"], { EBB_DATABASE_URL_PURGE: urls.app });
    expect({ error, code }).toEqual({
      code: 1,
      error: "The role in EBB_DATABASE_URL_PURGE may not do this: it must be ebb_purge.",
    });
    const wrong = new URL(urls.jobs);
    wrong.password = "wrong";
    expect((await ebb(["partitions"], { EBB_DATABASE_URL_JOBS: wrong.toString() })).error).toBe(
      "The database refuses the role or the password in EBB_DATABASE_URL_JOBS.",
    );
    const empty = new URL(superuserUrl);
    empty.pathname = "/postgres";
    expect((await ebb(["partitions"], { EBB_DATABASE_URL_JOBS: empty.toString() })).error).toBe(
      "The database in EBB_DATABASE_URL_JOBS has not had Ebb's migrations.",
    );
    expect((await ebb(["partitions"], { EBB_DATABASE_URL_JOBS: "no url" })).error).toMatch(SENTENCE);
  });
});

test("purge deletes what has expired, says what, and then has nothing to do", { timeout: 20_000 }, async () => {
  const scratch = await scratchForTest();
  const rows = await rowMaker(scratch, uuidFromId("tenant", (await scratch.tenant()).id));
  await rows.add("outbox", "2020-01-01T00:00:00Z", {}, 3);
  const env = { EBB_DATABASE_URL_PURGE: scratch.url("purge") };
  const { code, error, json } = await ebb(["purge", "--json"], env);
  // How far it has come, where it takes longer than a second.
  expect({ code, error: error.replaceAll(/^… .* so far$/gm, "").trim() }).toEqual({ code: 0, error: "" });
  const { tables, run } = json() as { tables: { table: string; deleted: number }[]; run: string };
  expect(tables.find(({ table }) => table === "outbox")).toMatchObject({
    deleted: 3,
    blocked: 0,
    finished: true,
    errors: [],
    receipt: true,
  });
  expect(tables.map(({ table }) => table).sort()).toEqual(
    declaredTables()
      .map(({ table }) => table)
      .sort(),
  );
  const receipts = await scratch
    .as("owner")
    .query("select count(*)::int as n from purge_receipts where run_id = $1", [run]);
  expect(receipts).toEqual([{ n: tables.length }]);
  expect((await ebb(["purge"], env)).out).toMatch(/^Nothing was due in \d+ tables \(\d+\.\d s\)\.$/);
});

test("partitions lists bounds; partitions create makes what is missing", async () => {
  const scratch = await scratchForTest();
  const env = { EBB_DATABASE_URL_JOBS: scratch.url("jobs") };
  const { partitions } = (await ebb(["partitions", "--json"], env)).json() as { partitions: Record<string, unknown>[] };
  expect(partitions[0]).toEqual({
    table: "pings",
    partition: expect.stringMatching(/^pings_\d{4}_\d\d_\d\d$/),
    from: expect.stringMatching(/T00:00:00\.00000\dZ$/),
    before: expect.stringMatching(/T00:00:00\.00000\dZ$/),
    due: false,
  });
  expect((await ebb(["partitions", "create"], env)).out).toBe("Every partition that is needed is there.");
  await scratch.as("owner").query(`drop table ${partitions.at(-2)?.["partition"]}`);
  expect((await ebb(["partitions", "create", "--json"], env)).json()).toEqual({
    created: [partitions.at(-2)?.["partition"]],
  });
  await scratch.stopClock(partitions[0]?.["before"] as string);
  expect((await ebb(["partitions"], env)).out).toMatch(/ due\n[\s\S]*, 1 due: npm run ebb -- purge drops them\.$/);
});

test("key create --operator writes a key of the platform that is found by its hash and leads to its gate", async () => {
  const scratch = await scratchForTest();
  const platform = await scratch.tenant({ kind: "platform" });
  const keys = inject("workerBindings")["ROUTING_HMAC_KEYS"] as string;
  const env = { EBB_DATABASE_URL_OWNER: scratch.url("owner"), EBB_ROUTING_HMAC_KEYS: keys };
  const { code, json } = await ebb(["key", "create", "--operator", "--json"], env);
  const made = json() as { key: string; tenant_id: string };
  expect({ code, tenant: made.tenant_id }).toEqual({ code: 0, tenant: platform.id });
  expect(await openRoutingId("api-key", made.key, await loadRoutingKeys(keys))).toBe(platform.gateId);
  expect(await scratch.as("owner").query("select count(*)::int as n from credentials where name = 'operator'")).toEqual(
    [{ n: 1 }],
  );
  const none = await ebb(["key", "create", "--operator", "--tenant", "direct"], {
    EBB_DATABASE_URL_OWNER: scratch.url("owner"),
  });
  expect(none).toMatchObject({ code: 1, out: "" });
  expect(none.error).toMatch(/^EBB_ROUTING_HMAC_KEYS is not set/);
});

test("inventory shows every table and column, or one, and the whole declaration as JSON", async () => {
  const { out } = await ebb(["inventory"]);
  for (const { table, columns } of declaredTables()) {
    expect(out).toMatch(new RegExp(`^${table}$`, "m"));
    for (const column of Object.keys(columns)) expect(out).toMatch(new RegExp(`^${column} `, "m"));
  }
  expect((await ebb(["inventory", "pings"])).out).toMatch(
    /^kept +30 days from: start of their UTC day \(bucket\); then delete$/m,
  );
  expect((await ebb(["inventory", "--json"])).json()).toMatchObject({
    schedule: { "alive-pings": { window: { unit: "day", count: 30 } } },
    tables: declaredTables().map(({ table }) => ({ table })),
    gate: { journal: { subject: ["instance_id", "person_id"], holds: "ignored", recipients: ["cloudflare"] } },
    log: { requestId: { category: "pd:Identifier" } },
    outside: { "neon-history": { kept: { count: 30 }, atMost: { count: 90 } } },
  });
  expect((await ebb(["inventory", "website_visits", "--json"])).json()).toMatchObject({
    tables: [
      {
        granularity: "instant",
        holds: "honoured",
        recipients: ["cloudflare", "neon"],
        anonymise: { visitor_id: "set-null", language: "first-subtag" },
        columns: { visitor_id: { category: "pd:Identifier", purpose: "dpv:ServiceUsageAnalytics" } },
      },
    ],
  });
  expect((await ebb(["inventory", "tool_executions"])).out).toMatch(
    /^may vary +enterprise plan, per tenant: 1 month to 24 months$/m,
  );
  expect(await ebb(["inventory", "nothing"])).toMatchObject({ code: 2, out: "" });
});

describe("token-keys rotate", () => {
  test("changes the local secrets in place, and nothing else of them", async () => {
    const folder = dataFolder();
    const file = join(folder, "secrets.json");
    const before = await makeLocalSecrets();
    writeFileSync(file, JSON.stringify(before));
    const { code, out } = await ebb(["token-keys", "rotate"], { EBB_DATA: folder });
    expect(code).toBe(0);
    const after = JSON.parse(readFileSync(file, "utf8")) as typeof before;
    const [old, now] = [before, after].map(({ TOKEN_SIGNING_KEYS }) => JSON.parse(TOKEN_SIGNING_KEYS));
    expect(now).toEqual({ current: old.next, next: expect.any(Object), previous: old.current });
    expect({ ...after, TOKEN_SIGNING_KEYS: "" }).toEqual({ ...before, TOKEN_SIGNING_KEYS: "" });
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(out).toContain("Restart npm run dev now");
    expect(out).toContain("65 minutes");
    expect(out).not.toContain(now.next.d);
  });

  test("reads the standard input, and writes the new JSON alone on the standard output", async () => {
    const { TOKEN_SIGNING_KEYS } = await makeLocalSecrets();
    for (const flags of [["--stdin"], ["--stdin", "--json"]]) {
      const { code, json, out, error } = await ebb(["token-keys", "rotate", ...flags], {}, TOKEN_SIGNING_KEYS);
      expect(code).toBe(0);
      expect((json() as { previous: unknown }).previous).toEqual(JSON.parse(TOKEN_SIGNING_KEYS).current);
      expect([...(await loadTokenKeys(out)).verify]).toHaveLength(3);
      expect(error).toContain("wrangler secret put TOKEN_SIGNING_KEYS");
    }
  });

  test.each(["", "{}", '{"current":{"kty":"oct","k":"c2VjcmV0"}}'])("refuses %j without repeating it", async (text) => {
    const { code, out, error } = await ebb(["token-keys", "rotate", "--stdin"], {}, text);
    expect({ code, out }).toEqual({ code: 1, out: "" });
    expect(error).toMatch(/^The standard input does not hold/);
    expect(error).not.toContain("c2VjcmV0");
  });

  test("without local secrets it makes none", async () => {
    const folder = dataFolder();
    expect((await ebb(["token-keys", "rotate"], { EBB_DATA: folder })).error).toMatch(
      /^There is no .*secrets\.json: start npm run dev first/,
    );
    expect(() => statSync(join(folder, "secrets.json"))).toThrow("ENOENT");
  });
});

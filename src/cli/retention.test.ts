import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { PROBLEMS, type ProblemName } from "../core/problem.ts";
import { holdRoutes } from "../http/routes/api-holds.ts";
import { retentionRoutes } from "../http/routes/api-retention.ts";
import { windowRoutes } from "../http/routes/api-windows.ts";
import { run } from "./main.ts";
import { PLAIN } from "./terminal.ts";

const TENANT = "tnt_01KAHJ0000A1B2C3D4E5F6G7H8";
const HOLD = "hld_01KAHJ0000A1B2C3D4E5F6G7H8";
const REQUEST = "req_01KAHJ0000A1B2C3D4E5F6G7H8";
const NOW_MS = Date.UTC(2026, 10, 21, 8);

interface Answer {
  status: number;
  body: unknown;
}

/** A service that answers as the API's documents say it does; what it was asked. */
async function service(answers: Record<string, Answer>) {
  const asked: { call: string; body: string }[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const call = `${request.method} ${request.url}`;
    asked.push({ call, body: Buffer.concat(chunks).toString() });
    const { status, body } = answers[call] ?? problem("not-found");
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  const env = { EBB_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, EBB_API_KEY: "ebb_k" };
  return { asked, env };
}

async function ebb(args: string[], env: NodeJS.ProcessEnv = { EBB_URL: "http://127.0.0.1:1", EBB_API_KEY: "ebb_k" }) {
  const [out, error]: [string[], string[]] = [[], []];
  const stdin = () => Promise.resolve("");
  const terminal = { out: (line: string) => out.push(line), error: (line: string) => error.push(line) };
  const code = await run(args, { env, style: PLAIN, stdin, now: () => NOW_MS, ...terminal });
  return { code, out: out.join("\n"), error: error.join("\n") };
}

function problem(name: ProblemName, members = {}): Answer {
  const { status, title } = PROBLEMS[name];
  return { status, body: { title, status, error: name, request_id: REQUEST, ...members } };
}

/** The documented answer of a route. The contract tests hold the routes to it. */
function documented(operationId: string, status = 200): Answer {
  const routes = [...retentionRoutes, ...holdRoutes, ...windowRoutes];
  const route = routes.find((candidate) => candidate.operationId === operationId);
  return { status, body: route?.responses[status]?.example };
}

const STATUS = "GET /api/v1/retention/status";
const RECEIPTS = "GET /api/v1/retention/receipts?limit=20";
const HOLDS = "/api/v1/retention/holds";
const WINDOWS = `/api/v1/tenants/${TENANT}/retention`;

test("retention asks for the key's own tenant or the one named, and JSON is all that the API told", async () => {
  const status = documented("get_retention_status");
  const { env, asked } = await service({ [STATUS]: status, [`${STATUS}?tenant_id=${TENANT}`]: status });
  const shown = await ebb(["retention", "--json"], env);
  expect({ ...shown, out: JSON.parse(shown.out) }).toEqual({
    code: 0,
    error: "",
    out: { ...(status.body as object), tenant_name: null },
  });
  const { out } = await ebb(["retention", "--tenant", TENANT], env);
  expect(out.split("\n")[0]).toBe(`${TENANT}, at 2026-11-21 00:00 UTC`);
  expect(asked.map(({ call }) => call).filter((call) => call.includes("status"))).toEqual([
    STATUS,
    `${STATUS}?tenant_id=${TENANT}`,
  ]);
  const { env: refusing } = await service({ [STATUS]: problem("forbidden") });
  expect(await ebb(["retention"], refusing)).toEqual({
    code: 1,
    out: "",
    error: `This key may not read what is kept: that takes retention:read (request ${REQUEST}).`,
  });
});

test("receipts: those that tell of something, or with --idle all; filters go to the API", async () => {
  const receipts = documented("get_retention_receipts");
  const { env, asked } = await service({
    [`${RECEIPTS}&touched=true`]: receipts,
    [`${RECEIPTS}&table=pings`]: receipts,
    "GET /api/v1/retention/receipts?limit=3&run=0b9f3c6e-6f0e-4a53-9f53-4b1de1f0a3c7&touched=true": {
      status: 200,
      body: { data: [], next_cursor: null },
    },
  });
  expect((await ebb(["retention", "receipts"], env)).out.split("\n")).toEqual([
    "BEGAN (UTC)       TABLE  DELETED    LATE BY  RECEIPT                         BESIDES",
    "2026-11-21 02:07  pings    5,120  2 h 7 min  prc_01KAHJ0000A1B2C3D4E5F6G7H8",
  ]);
  const json = JSON.parse((await ebb(["retention", "receipts", "--table", "pings", "--idle", "--json"], env)).out);
  expect(json).toEqual({ receipts: (receipts.body as { data: unknown }).data, more: false });
  const run = ["--run", "0b9f3c6e-6f0e-4a53-9f53-4b1de1f0a3c7", "--last", "3"];
  expect((await ebb(["retention", "receipts", ...run], env)).out).toBe(
    "No such receipt tells of anything done: --idle shows the others.",
  );
  expect(asked).toHaveLength(3);
});

test("holds are placed, listed and released", async () => {
  const { env, asked } = await service({
    [`POST ${HOLDS}`]: documented("create_retention_hold", 201),
    [`GET ${HOLDS}?limit=200`]: documented("get_retention_holds"),
    [`POST ${HOLDS}/${HOLD}/release`]: documented("release_retention_hold"),
  });
  const place = ["retention", "hold", "place", "--tenant", TENANT, "--class", "security-events"];
  const why = ["--reason", "Case 2026-114", "--review", "2027-05-21"];
  expect(await ebb([...place, ...why], env)).toMatchObject({ code: 0, error: "" });
  expect(JSON.parse(asked[0]?.body ?? "")).toEqual({
    tenant_id: TENANT,
    subject_id: null,
    retention_class: "security-events",
    reason: "Case 2026-114",
    review_at: Date.UTC(2027, 4, 21) / 1000,
  });
  expect((await ebb(["retention", "hold", "list"], env)).out.split("\n")).toEqual([
    `${HOLD}  in place, to be reviewed by 2027-05-21`,
    `  holds    security-events of ${TENANT}`,
    "  reason   Case 2026-114",
    "  placed   2026-11-21 00:00 UTC with crd_01KAHJ7777G8H9J0K1M2N3P4Q5",
  ]);
  expect(await ebb(["retention", "hold", "release", HOLD, "--outcome", "Case closed"], env)).toEqual({
    code: 0,
    out: `${HOLD} is released: what it alone kept goes with the next run of the purge.`,
    error: "",
  });
  expect(asked.at(-1)?.body).toBe('{"outcome":"Case closed"}');
});

test("windows are shown and set", async () => {
  const later = documented("set_tenant_retention").body as object;
  const { env } = await service({
    [`GET ${WINDOWS}`]: documented("get_tenant_retention"),
    [`PUT ${WINDOWS}/tool-execution-logs`]: documented("set_tenant_retention"),
  });
  expect((await ebb(["retention", "window", "show", "--tenant", TENANT], env)).out.split("\n")).toEqual([
    TENANT,
    "",
    "CLASS                SCHEDULE   MAY BE          ITS OWN                    TO COME",
    "tool-execution-logs  12 months  1 to 24 months  6 months since 2026-11-21  –",
  ]);
  const set = ["retention", "window", "set", "tool-execution-logs", "--months", "6", "--tenant", TENANT];
  expect((await ebb(set, env)).out).toBe(`The window of ${TENANT} for tool-execution-logs is 6 months from now on.`);
  const { env: waiting } = await service({
    [`PUT ${WINDOWS}/tool-execution-logs`]: { status: 200, body: { ...later, months: 18, effective_at: 1797811200 } },
  });
  expect((await ebb(set, waiting)).out).toBe(
    `The window of ${TENANT} for tool-execution-logs is 18 months from 2026-12-21 00:00 UTC on, for what is stored then.`,
  );
});

const PLACE = ["retention", "hold", "place", "--reason", "r", "--review", "2027-05-21"];
const SET = ["retention", "window", "set", "tool-execution-logs", "--months", "6", "--tenant", TENANT];

test.each<[string[], string]>([
  [
    ["retention", "hold"],
    "There is no command “retention hold”: did you mean retention hold place or retention hold list or retention hold release?",
  ],
  [
    ["retention", "hold", "drop"],
    "There is no command “retention hold drop”: did you mean retention hold place or retention hold list or retention hold release?",
  ],
  [["retention", "holds"], "retention does not take “holds”: npm run ebb -- retention --help shows what it takes."],
  [
    ["retention", "receipts", "--table", "public.pings"],
    "--table is the name of a table: npm run ebb -- inventory shows them.",
  ],
  [["retention", "receipts", "--run", "1"], "--run is the uuid of a run, as receipts have it."],
  [["retention", "receipts", "--last", "201"], "--last is a whole number from 1 to 200."],
  [PLACE, "retention hold place needs at least one of --tenant, --subject and --class."],
  [
    PLACE.slice(0, 5),
    "retention hold place needs --review <YYYY-MM-DD>: when it is to be looked at again, at most 24 months ahead.",
  ],
  [
    [...PLACE, "--tenant", "nobody"],
    "--tenant is the id of a tenant, such as tnt_01J…, or one of operator, direct, reseller, client.",
  ],
  [[...PLACE, "--subject", TENANT], "--subject is the id of a person or of an instance, such as per_01J… or ins_01J…."],
  [[...PLACE.slice(0, 6), "2027-02-30", "--class", "ai-usage"], "--review is a day such as 2027-05-20."],
  [
    ["retention", "hold", "release", "--outcome", "o"],
    "retention hold release takes the id of a hold, such as hld_01J…: npm run ebb -- retention hold list shows them.",
  ],
  [
    ["retention", "window", "set", "alive-pings", "--months", "6"],
    "Of no other class than tool-execution-logs may the window vary.",
  ],
  [
    ["retention", "window", "set", "--months", "6"],
    "retention window set takes a class that may vary: tool-execution-logs.",
  ],
  [["retention", "window", "set", "tool-execution-logs", "--months", "25"], "--months is a whole number from 1 to 24."],
  [SET.slice(0, 6), "retention window set needs --tenant tnt_…: npm run ebb -- tenant list shows the ids."],
])("%j is not understood, in one sentence", async (args, sentence) => {
  expect(await ebb(args)).toEqual({ code: 2, out: "", error: sentence });
});

test.each<[string[], string, ProblemName, string]>([
  [[...PLACE, "--tenant", TENANT], `POST ${HOLDS}`, "not-found", `There is no tenant ${TENANT}`],
  [
    [...PLACE, "--tenant", TENANT],
    `POST ${HOLDS}`,
    "forbidden",
    "Legal holds are for keys of the platform owner with holds:write",
  ],
  [
    ["retention", "hold", "list"],
    `GET ${HOLDS}?limit=200`,
    "forbidden",
    "Legal holds are for keys of the platform owner with holds:read",
  ],
  [
    ["retention", "hold", "release", HOLD, "--outcome", "o"],
    `POST ${HOLDS}/${HOLD}/release`,
    "not-found",
    `No hold ${HOLD} is in place`,
  ],
  [
    SET,
    `PUT ${WINDOWS}/tool-execution-logs`,
    "plan-not-sufficient",
    `${TENANT} is not on the enterprise plan: its windows are the schedule's`,
  ],
  [
    SET,
    `PUT ${WINDOWS}/tool-execution-logs`,
    "forbidden",
    "This key may not set a window: that takes retention:write, and a key of the platform owner",
  ],
  [SET, `PUT ${WINDOWS}/tool-execution-logs`, "not-found", `${TENANT} is no tenant that this key may see`],
])("%j refused: %s with %s is one sentence", async (args, call, name, sentence) => {
  const { env } = await service({ [call]: problem(name) });
  expect(await ebb(args, env)).toEqual({ code: 1, out: "", error: `${sentence} (request ${REQUEST}).` });
});

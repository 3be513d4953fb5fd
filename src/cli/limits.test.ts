import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { PROBLEMS, type ProblemName } from "../core/problem.ts";
import { limitRoutes } from "../http/routes/api-limits.ts";
import { run } from "./main.ts";
import { PLAIN } from "./terminal.ts";

const TENANT = "tnt_01KAHJ0000A1B2C3D4E5F6G7H8";
const CHILD = "tnt_01KAHJ0000A1B2C3D4E5F6G7H9";
const REQUEST = "req_01KAHJ0000A1B2C3D4E5F6G7H8";
const INSTANCE = "ins_01KAHJ0000A1B2C3D4E5F6G7H8";

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

async function ebb(args: string[], env: NodeJS.ProcessEnv) {
  const [out, error]: [string[], string[]] = [[], []];
  const stdin = () => Promise.resolve("");
  const terminal = { out: (line: string) => out.push(line), error: (line: string) => error.push(line) };
  const code = await run(args, { env, style: PLAIN, stdin, now: Date.now, ...terminal });
  return { code, out: out.join("\n"), error: error.join("\n") };
}

function problem(name: ProblemName, members = {}): Answer {
  const { status, title } = PROBLEMS[name];
  return { status, body: { title, status, error: name, request_id: REQUEST, ...members } };
}

/** The documented answer of a route. The contract tests hold the routes to it. */
function documented(operationId: string, status = 200): Answer {
  const route = limitRoutes.find((candidate) => candidate.operationId === operationId);
  return { status, body: route?.responses[status]?.example };
}

const TENANTS = {
  status: 200,
  body: {
    data: [
      { id: CHILD, parent_id: TENANT, name: "Globex" },
      { id: TENANT, parent_id: "unseen", name: "Initech" },
    ],
    next_cursor: null,
  },
};
const LIMITS = `GET /api/v1/tenants/${TENANT}/limits`;
const REFUSALS = `GET /api/v1/tenants/${TENANT}/refusals`;
const LIST = "GET /api/v1/tenants?limit=200";

test("show and trace take the key's own tenant, and JSON is all that the API told", async () => {
  const shown = documented("get_tenant_limits");
  const refused = documented("get_tenant_refusals");
  const { env, asked } = await service({ [LIST]: TENANTS, [LIMITS]: shown, [REFUSALS]: refused });
  const show = await ebb(["limits", "show", "--json"], env);
  expect({ ...show, out: JSON.parse(show.out) }).toEqual({
    code: 0,
    error: "",
    out: {
      tenant_id: TENANT,
      tenant_name: "Initech",
      plan: "team",
      status: "active",
      instance_id: null,
      limits: (shown.body as { data: unknown }).data,
    },
  });
  const trace = JSON.parse((await ebb(["limits", "trace", "--json"], env)).out);
  const known = { tenant_id: TENANT, tenant_name: "Initech" };
  const refusals = (refused.body as { data: unknown[] }).data;
  expect(trace).toEqual({ ...known, refusals });
  const one = JSON.parse((await ebb(["limits", "trace", REQUEST, "--json"], env)).out);
  expect(one).toEqual({ ...known, request_id: REQUEST, refusal: refusals[0] });
  expect(asked.map(({ call }) => call)).toEqual([LIST, LIMITS, LIST, REFUSALS, LIST, REFUSALS]);
});

test("a request of which nothing is known", async () => {
  const { env } = await service({ [LIST]: TENANTS, [REFUSALS]: documented("get_tenant_refusals") });
  const other = "req_01KAHJ0000A1B2C3D4E5F6G7H9";
  expect(await ebb(["limits", "trace", other], env)).toEqual({
    code: 0,
    error: "",
    out: [
      `The gate of Initech (${TENANT}) remembers no refusal of ${other}.`,
      "It remembers the last 50 of an hour: the call may have been admitted, be older, be another tenant's, or have been",
      "refused for something other than a limit.",
    ].join("\n"),
  });
  expect(JSON.parse((await ebb(["limits", "trace", other, "--json"], env)).out)).toMatchObject({ refusal: null });
});

test("a named tenant needs no list of tenants", async () => {
  const { env } = await service({ [`${LIMITS}?instance_id=${INSTANCE}`]: documented("get_tenant_limits") });
  const { out, code } = await ebb(["limits", "show", "--tenant", TENANT, "--instance", INSTANCE], env);
  expect(code).toBe(0);
  expect(out.split("\n")[0]).toBe(`${TENANT}: plan team, active`);
});

test("set puts, or deletes with --default; an override or an allotment", async () => {
  const path = (kind: string) => `/api/v1/tenants/${TENANT}/${kind}/alive-tenant`;
  const { env, asked } = await service({
    [LIMITS]: documented("get_tenant_limits"),
    [`PUT ${path("limits")}`]: documented("set_tenant_limit"),
    [`DELETE ${path("limits")}`]: documented("delete_tenant_limit"),
    [`PUT ${path("allotments")}`]: documented("set_tenant_allotment", 202),
    [`DELETE ${path("allotments")}`]: documented("delete_tenant_allotment", 202),
  });
  const set = async (...args: string[]) => {
    const answer = await ebb(["limits", "set", "alive-tenant", "--tenant", TENANT, "--json", ...args], env);
    expect({ code: answer.code, error: answer.error }).toEqual({ code: 0, error: "" });
    return JSON.parse(answer.out);
  };
  const holds = (documented("get_tenant_limits").body as { data: unknown }).data;
  const told = { tenant_id: TENANT, policy: "alive-tenant", limit: 5000, effective: true };
  expect(await set("--limit", "5000")).toEqual({ ...told, object: "limit_override", limits: holds });
  expect(await set("--default")).toMatchObject({ limit: null, effective: true });
  expect(await set("--limit", "5000", "--allot")).toEqual({
    ...told,
    object: "limit_allotment",
    effective: false,
    limits: null,
  });
  expect(await set("--default", "--allot")).toMatchObject({ limit: null, effective: false });
  expect(asked.filter(({ call }) => !call.startsWith("GET "))).toEqual([
    { call: `PUT ${path("limits")}`, body: '{"limit":5000}' },
    { call: `DELETE ${path("limits")}`, body: "" },
    { call: `PUT ${path("allotments")}`, body: '{"limit":5000}' },
    { call: `DELETE ${path("allotments")}`, body: "" },
  ]);
});

test.each<[string[], ProblemName, object, string]>([
  [[], "not-found", {}, `${TENANT} is no tenant that this key may see (request ${REQUEST}).`],
  [["--allot"], "not-found", {}, `${TENANT} is no client of a reseller that this key may see (request ${REQUEST}).`],
  [
    [],
    "forbidden",
    {},
    `This key may not set an override: that takes limits:write, and a key of the platform owner (request ${REQUEST}).`,
  ],
  [
    ["--allot"],
    "forbidden",
    {},
    `This key may not allot: that takes limits:write, and a key of the reseller or of the platform owner (request ${REQUEST}).`,
  ],
  [[], "tenant-suspended", {}, `The account is suspended (request ${REQUEST}).`],
  [
    ["--allot"],
    "allotments-exceed-total",
    { policies: ["alive-tenant", "\n"] },
    `The clients of the reseller would together have more than the reseller has; policies: alive-tenant, � (request ${REQUEST}).`,
  ],
  [
    [],
    "invalid-field",
    { errors: [{ path: "limit", message: "must be 0, which closes it." }] },
    `A field is missing or has a value that is not allowed; limit: must be 0, which closes it (request ${REQUEST}).`,
  ],
])("set %j refused with %s is one sentence", async (args, name, members, sentence) => {
  const path = `/api/v1/tenants/${TENANT}/${args.length > 0 ? "allotments" : "limits"}/alive-tenant`;
  const { env } = await service({ [`PUT ${path}`]: problem(name, members) });
  const command = ["limits", "set", "alive-tenant", "--limit", "1", "--tenant", TENANT, ...args];
  expect(await ebb(command, env)).toEqual({ code: 1, out: "", error: sentence });
});

test("with a key from the environment, set wants an id, and no word of local.json is one", async () => {
  const { env, asked } = await service({});
  expect(await ebb(["limits", "set", "alive-tenant", "--limit", "1"], env)).toEqual({
    code: 2,
    out: "",
    error: "limits set needs --tenant tnt_…: npm run ebb -- tenant list shows the ids.",
  });
  expect(await ebb(["limits", "show", "--tenant", "client"], env)).toEqual({
    code: 2,
    out: "",
    error: "--tenant client is a tenant of local.json, but EBB_API_KEY is set: name an id.",
  });
  expect(asked).toEqual([]);
});

test("a key that may not list tenants is told to name one", async () => {
  const { env } = await service({ [LIST]: problem("forbidden") });
  const error = `This key may not list tenants: give --tenant an id (request ${REQUEST}).`;
  expect(await ebb(["limits", "show"], env)).toEqual({ code: 1, out: "", error });
});

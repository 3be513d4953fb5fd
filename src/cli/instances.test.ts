import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { PROBLEMS } from "../core/problem.ts";
import { instanceAccountRoutes } from "../http/routes/api-instances.ts";
import { registrationKeyRoutes } from "../http/routes/api-registration-keys.ts";
import { signInsRoutes } from "../http/routes/api-sign-ins.ts";
import { subscriptionRoutes } from "../http/routes/api-subscriptions.ts";
import { tenantRoutes } from "../http/routes/api-tenants.ts";
import { run } from "./main.ts";
import { PLAIN } from "./terminal.ts";

const NOW_MS = Date.UTC(2026, 10, 21, 8);
const INSTANCE = "ins_01KAHJ2E8K6TQ0V3W5Z9Y7X4RC";
const WORKSPACE = "wsp_01KAHJ0000M2N4P6Q8S0T2V4W6";
const KEY = "rgk_01KAHJ5555X6Y7Z8A9B0C1D2E3";
const SIGN_IN = "fam_01KAHJ9999K1M2N3P4Q5R6S7T8";
const TENANT = "tnt_01KAHJ0000A1B2C3D4E5F6G7H8";
const PARAMETERS = {
  ins: "{instance_id}",
  rgk: "{registration_key_id}",
  fam: "{sign_in_id}",
  tnt: "{tenant_id}",
} as const;

interface Told {
  refused?: Record<string, keyof typeof PROBLEMS>;
  /** What to answer in place of what is documented, one after the other. */
  answers?: Record<string, object[]>;
}

/** A service that answers as the routes are documented; what it was asked. */
async function service({ refused = {}, answers = {} }: Told = {}) {
  const asked: string[] = [];
  const routes = [
    ...instanceAccountRoutes,
    ...signInsRoutes,
    ...registrationKeyRoutes,
    ...tenantRoutes,
    ...subscriptionRoutes,
  ];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const [path = ""] = (request.url ?? "").split("?");
    asked.push([request.method, request.url, ...chunks.map(String)].join(" "));
    const pattern = path.replaceAll(/\b(ins|rgk|fam|tnt)_\w+/g, (_, kind: keyof typeof PARAMETERS) => PARAMETERS[kind]);
    const route = routes.find((one) => one.method === request.method && one.path === pattern);
    const [status, documented] = Object.entries(route?.responses ?? { 404: { example: {} } })[0] ?? [];
    const name = `${request.method} ${path}`;
    const problem = refused[name];
    const body =
      problem === undefined
        ? { ...(documented?.example as object), ...answers[name]?.shift() }
        : { ...PROBLEMS[problem], error: problem, request_id: "req_1" };
    const code = problem === undefined ? Number(status) : PROBLEMS[problem].status;
    response.writeHead(code, { "content-type": "application/json" }).end(JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  return { asked, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

async function ebb(url: string, ...args: string[]) {
  const [out, error]: [string[], string[]] = [[], []];
  const terminal = { out: (line: string) => out.push(line), error: (line: string) => error.push(line) };
  const env = { EBB_URL: url, EBB_API_KEY: "ebb_k" };
  const code = await run(args, { env, style: PLAIN, stdin: async () => "", now: () => NOW_MS, ...terminal });
  return { code, out: out.join("\n"), error: error.join("\n") };
}

test("each command asks its route and says what came of it, in words and as JSON", async () => {
  const { asked, url } = await service();
  const table: [args: string[], asked: string, says: string][] = [
    [["instance", "list"], "GET /api/v1/instances?limit=200", "lab-x7k2p9"],
    [
      ["instance", "list", "--workspace", WORKSPACE, "--registration-key", KEY],
      `GET /api/v1/instances?workspace_id=${WORKSPACE}&registration_key_id=${KEY}&limit=200`,
      INSTANCE,
    ],
    [["instance", "show", INSTANCE], `GET /api/v1/instances/${INSTANCE}`, `with the registration key ${KEY}`],
    [
      ["instance", "rename", INSTANCE, "--name", "lab"],
      `PATCH /api/v1/instances/${INSTANCE} {"name":"lab"}`,
      `${INSTANCE} is called lab-x7k2p9 now.`,
    ],
    [
      ["instance", "move", INSTANCE, "--to", WORKSPACE],
      `PATCH /api/v1/instances/${INSTANCE} {"workspace_id":"${WORKSPACE}"}`,
      "now.",
    ],
    [["instance", "revoke", INSTANCE], `POST /api/v1/instances/${INSTANCE}/revoke`, `${INSTANCE} is revoked`],
    [["instance", "remove", INSTANCE], `DELETE /api/v1/instances/${INSTANCE}`, `${INSTANCE} is removed`],
    [["sign-in", "list", INSTANCE], `GET /api/v1/instances/${INSTANCE}/sign-ins?limit=200`, "2026-11-22 00:00"],
    [
      ["sign-in", "end", SIGN_IN, "--instance", INSTANCE],
      `DELETE /api/v1/instances/${INSTANCE}/sign-ins/${SIGN_IN}`,
      `${SIGN_IN} has ended`,
    ],
    [["registration-key", "list"], "GET /api/v1/registration-keys?limit=200", "312/500  build-…"],
    [
      ["registration-key", "create", "--name", "k", "--max-uses", "5", "--name-prefix", "lab", "--valid-days", "1"],
      `POST /api/v1/registration-keys {"name":"k","reusable":true,"max_uses":5,"name_prefix":"lab","valid_until":${NOW_MS / 1000 + 86_400},"workspace_id":null}`,
      "5 instances may register with it.",
    ],
    [
      ["registration-key", "create", "--name", "k", "--max-uses", "1"],
      'POST /api/v1/registration-keys {"name":"k","reusable":false,"max_uses":1,"name_prefix":null,"valid_until":null,"workspace_id":null}',
      "One instance may register with it.",
    ],
    [
      ["registration-key", "revoke", KEY],
      `POST /api/v1/registration-keys/${KEY}/revoke {"instances":"keep"}`,
      "The instances that registered with it stay.",
    ],
    [
      ["registration-key", "revoke", KEY, "--instances", "remove", "--yes"],
      `POST /api/v1/registration-keys/${KEY}/revoke {"instances":"remove"}`,
      "312 instances that registered with it are removed.",
    ],
    [
      ["tenant", "offline-lease", "--tenant", TENANT, "--days", "14"],
      `PUT /api/v1/tenants/${TENANT}/offline-lease {"days":14}`,
      `Offline leases of ${TENANT} last 14 days from now on.`,
    ],
    [
      ["tenant", "offline-lease", "--tenant", TENANT, "--days", "0"],
      `PUT /api/v1/tenants/${TENANT}/offline-lease {"days":0}`,
      "get no offline leases any more",
    ],
    [["tenant", "show", "--tenant", TENANT], `GET /api/v1/tenants/${TENANT}/subscription`, "7 days without a network"],
  ];
  for (const [args, call, says] of table) {
    const shown = await ebb(url, ...args);
    expect([args.join(" "), shown.code, shown.error, asked.pop()]).toEqual([args.join(" "), 0, "", call]);
    expect(shown.out).toContain(says);
    const { code, out } = await ebb(url, ...args, "--json");
    expect([code, typeof JSON.parse(out)]).toEqual([0, "object"]);
  }
});

test("instances of a key are ended only when that is said twice, and then until none is left", async () => {
  const path = `POST /api/v1/registration-keys/${KEY}/revoke`;
  const { asked, url } = await service({
    answers: {
      [path]: [
        { instances_ended: 10_000, instances_remaining: 2_345 },
        { instances_ended: 2_345, instances_remaining: 0, effective: false },
      ],
    },
  });
  const unsure = await ebb(url, "registration-key", "revoke", KEY, "--instances", "revoke");
  expect(unsure).toEqual({
    code: 2,
    out: "",
    error: "312 instances registered with “build machines”: to revoke all that are left of them, for good, add --yes.",
  });
  expect(asked.filter((call) => call.startsWith("POST"))).toEqual([]);
  const { code, out, error } = await ebb(url, "registration-key", "revoke", KEY, "--instances", "revoke", "--yes");
  expect([code, error]).toEqual([0, "… 10,000 instances so far"]);
  expect(out).toContain("12,345 instances that registered with it are revoked.");
  expect(out).toContain("not acknowledged all of it yet");
  expect(asked.filter((call) => call.startsWith("POST"))).toHaveLength(2);
  const other = await ebb(url, "registration-key", "revoke", `${KEY.slice(0, -1)}4`, "--instances", "remove");
  expect([other.code, other.error]).toEqual([
    2,
    expect.stringContaining("is no registration key that this key may see"),
  ]);
});

test("what the API refuses is one sentence, and what cannot be meant is not asked", async () => {
  const { asked, url } = await service({
    refused: {
      [`PATCH /api/v1/instances/${INSTANCE}`]: "not-found",
      [`DELETE /api/v1/instances/${INSTANCE}`]: "forbidden",
    },
  });
  expect((await ebb(url, "instance", "move", INSTANCE, "--to", WORKSPACE)).error).toBe(
    "There is no such instance or no such workspace that this key may see (request req_1).",
  );
  expect((await ebb(url, "instance", "remove", INSTANCE)).error).toBe(
    "The credential does not permit this (request req_1).",
  );
  const calls = asked.length;
  for (const args of [
    ["instance", "show", KEY],
    ["instance", "rename", INSTANCE],
    ["instance", "move", INSTANCE],
    ["instance", "move", INSTANCE, "--to", "Default"],
    ["instance", "list", "--workspace", KEY],
    ["sign-in", "list"],
    ["sign-in", "end", SIGN_IN],
    ["sign-in", "end", SIGN_IN, "--instance", SIGN_IN],
    ["registration-key", "create", "--name", "k", "--max-uses", "100001"],
    ["registration-key", "revoke", KEY, "--instances", "all"],
    ["tenant", "offline-lease", "--tenant", TENANT, "--days", "31"],
    ["tenant", "offline-lease", "--tenant", TENANT, "--days", "-1"],
    ["tenant", "offline-lease", "--tenant", TENANT, "--days", "1.5"],
  ]) {
    expect([args, (await ebb(url, ...args)).code]).toEqual([args, 2]);
  }
  expect(asked.length).toBe(calls);
});

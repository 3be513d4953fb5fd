import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { PROBLEMS } from "../core/problem.ts";
import { auditRoutes } from "../http/routes/api-audit.ts";
import { eventRoutes } from "../http/routes/api-events.ts";
import { invitationRoutes } from "../http/routes/api-invitations.ts";
import { memberRoutes } from "../http/routes/api-members.ts";
import { voucherRoutes } from "../http/routes/api-vouchers.ts";
import { workspaceRoutes } from "../http/routes/api-workspaces.ts";
import { run } from "./main.ts";
import { PLAIN } from "./terminal.ts";

const NOW_MS = Date.UTC(2026, 10, 21, 8);
const MEMBER = "mem_01KAHJ3333N4P5Q6R7S8T9V0W1";
const WORKSPACE = "wsp_01KAHJ0000M2N4P6Q8S0T2V4W6";
const VOUCHER = "vch_01KAHJ8888A1B2C3D4E5F6G7H8";
const INVITATION = "inv_01KAHJ5555F0G1H2J3K4M5N6P7";

/** A service that answers as the routes are documented; what it was asked. */
async function service(refused: Record<string, keyof typeof PROBLEMS> = {}) {
  const asked: string[] = [];
  const routes = [
    ...memberRoutes,
    ...invitationRoutes,
    ...auditRoutes,
    ...eventRoutes,
    ...workspaceRoutes,
    ...voucherRoutes,
  ];
  const parameters: Record<string, string> = {
    mem: "{member_id}",
    inv: "{invitation_id}",
    wsp: "{workspace_id}",
    vch: "{voucher_id}",
  };
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const [path = ""] = (request.url ?? "").split("?");
    asked.push([request.method, request.url, ...chunks.map(String)].join(" "));
    const pattern = path.replace(/(mem|inv|wsp|vch)_\w+/, (_, kind) => parameters[kind] ?? "");
    const route = routes.find((one) => one.method === request.method && one.path === pattern);
    const [status, documented] = Object.entries(route?.responses ?? { 404: { example: {} } })[0] ?? [];
    const problem = refused[`${request.method} ${path}`];
    const body =
      problem === undefined ? documented?.example : { ...PROBLEMS[problem], error: problem, request_id: "req_1" };
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
    [["member", "list"], "GET /api/v1/members?limit=200", "ada@acme.example"],
    [["member", "role", MEMBER, "--role", "admin"], `PATCH /api/v1/members/${MEMBER} {"role":"admin"}`, "is admin now"],
    [
      ["member", "seat", MEMBER, "--do", "take"],
      `PATCH /api/v1/members/${MEMBER} {"use_seat":false}`,
      "ada@acme.example has no seat now.",
    ],
    [
      ["invitation", "create", "--email", "grace@acme.example", "--no-seat"],
      'POST /api/v1/invitations {"email":"grace@acme.example","role":"member","use_seat":false}',
      "grace@acme.example is invited as member",
    ],
    [["workspace", "list"], "GET /api/v1/workspaces?limit=200", "asked for"],
    [
      ["workspace", "create", "--name", "Build machines", "--waive-claim-code"],
      'POST /api/v1/workspaces {"name":"Build machines","claim_code_required":false}',
      `is there: ${WORKSPACE}`,
    ],
    [
      ["workspace", "rename", WORKSPACE, "--name", "Lab"],
      `PATCH /api/v1/workspaces/${WORKSPACE} {"name":"Lab"}`,
      "is called Default now",
    ],
    [
      ["workspace", "set", WORKSPACE, "--claim-code", "ask"],
      `PATCH /api/v1/workspaces/${WORKSPACE} {"claim_code_required":true}`,
      "takes the code that it has printed",
    ],
    [["workspace", "remove", WORKSPACE], `DELETE /api/v1/workspaces/${WORKSPACE}`, "is removed"],
    [
      ["voucher", "create", "--name", "x", "--plan", "team", "--seats", "10", "--months", "12", "--valid-days", "1"],
      'POST /api/v1/vouchers {"name":"x","plan":"team","seats":10,"months":12,"valid_until":1795334400}',
      "It gives team with 10 seats for 12 months, and can be claimed until 2027-11-21 00:00 UTC.",
    ],
    [["voucher", "list"], "GET /api/v1/vouchers?limit=200", "team with 10 seats for 12 months"],
    [["voucher", "revoke", VOUCHER], `DELETE /api/v1/vouchers/${VOUCHER}`, "is revoked"],
    [["member", "remove", MEMBER], `DELETE /api/v1/members/${MEMBER}`, "is removed"],
    [
      ["invitation", "create", "--email", "grace@acme.example"],
      'POST /api/v1/invitations {"email":"grace@acme.example","role":"member"}',
      "grace@acme.example is invited as member until 2026-11-28 00:00 UTC",
    ],
    [["invitation", "list"], "GET /api/v1/invitations?limit=200", "until 2026-11-28 00:00"],
    [["invitation", "withdraw", INVITATION], `DELETE /api/v1/invitations/${INVITATION}`, "is withdrawn"],
    [["invitation", "resend", INVITATION], `POST /api/v1/invitations/${INVITATION}/resend`, "2026-11-28"],
    [["audit", "--action", "tenant.opened"], "GET /api/v1/audit?limit=20&action=tenant.opened", "reason=ticket 4711"],
    [["event", "list", "--last", "5"], "GET /api/v1/events?limit=5", "key-expired"],
  ];
  for (const [args, call, says] of table) {
    const shown = await ebb(url, ...args);
    expect([args.join(" "), shown.code, shown.error, asked.pop()]).toEqual([args.join(" "), 0, "", call]);
    expect(shown.out).toContain(says);
    const { code, out } = await ebb(url, ...args, "--json");
    expect([code, typeof JSON.parse(out)]).toEqual([0, "object"]);
  }
});

test("what the API refuses is one sentence, and what cannot be meant is not asked", async () => {
  const { asked, url } = await service({ [`DELETE /api/v1/members/${MEMBER}`]: "last-owner" });
  expect(await ebb(url, "member", "remove", MEMBER)).toEqual({
    code: 1,
    out: "",
    error: "A tenant always has an owner: make somebody else an owner first (request req_1).",
  });
  const calls = asked.length;
  for (const args of [
    ["member", "remove", INVITATION],
    ["member", "remove"],
    ["member", "role", MEMBER],
    ["member", "role", MEMBER, "--role", "king"],
    ["invitation", "create"],
    ["invitation", "withdraw", MEMBER],
    ["audit", "--last", "0"],
    ["event", "list", "--last", "201"],
  ]) {
    expect([args, (await ebb(url, ...args)).code]).toEqual([args, 2]);
  }
  expect(asked.length).toBe(calls);
});

import { describe, expect, it } from "vitest";
import { PROBLEMS, Problem, type ProblemName } from "../core/problem.ts";
import { type ProblemContext, problemResponse, toProblem } from "./problem-response.ts";

const NAMES = Object.keys(PROBLEMS) as ProblemName[];
const context: ProblemContext = { path: "/api/v1/x", requestId: "req_1", nowMs: 0, authorization: null };
const oauth: ProblemContext = { ...context, path: "/oauth2/token", security: "client-secret" };

describe("problemResponse", () => {
  it("has texts that fit into a header and into RFC 6749's error_description", () => {
    for (const name of NAMES) expect(PROBLEMS[name].title).toMatch(/^[\x20-\x21\x23-\x5b\x5d-\x7e]+$/);
  });

  it.each(NAMES)("%s: problem details with what older clients read", async (name) => {
    const answer = problemResponse(new Problem(name), context);
    const { status, code, title } = PROBLEMS[name];
    expect([answer.status, answer.headers.get("content-type")]).toEqual([status, "application/problem+json"]);
    expect(await answer.json()).toEqual({
      type:
        name === "quota-exceeded"
          ? "https://iana.org/assignments/http-problem-types#quota-exceeded"
          : `urn:ebb:problem:${name}`,
      title,
      status,
      code,
      error: name,
      message: title,
      request_id: "req_1",
    });
  });

  it.each(NAMES)("%s: an OAuth error under /oauth2/", async (name) => {
    const answer = problemResponse(new Problem(name), oauth);
    expect(answer.headers.get("content-type")).toBe("application/json");
    expect([answer.headers.get("cache-control"), answer.headers.get("pragma")]).toEqual(["no-store", "no-cache"]);
    expect(await answer.json()).toEqual({ error: PROBLEMS[name].oauth, error_description: PROBLEMS[name].title });
  });

  it.each([
    ["unauthenticated", context, 'Bearer realm="ebb"'],
    ["invalid-client", context, 'Bearer realm="ebb"'],
    [
      "instance-deleted",
      context,
      'Bearer realm="ebb", error="invalid_token", error_description="The instance of this access token was deleted."',
    ],
    ["invalid-client", oauth, null],
    ["invalid-client", { ...oauth, authorization: "Basic eDp5" }, 'Basic realm="ebb"'],
    ["invalid-client", { ...oauth, authorization: "bAsIc eDp5" }, 'Basic realm="ebb"'],
    ["invalid-client", { ...oauth, authorization: "Basically" }, null],
    ["unauthenticated", { ...oauth, security: "account" }, 'Bearer realm="ebb"'],
    ["forbidden", context, null],
    ["not-found", { ...context, path: "/oauth2" }, null],
  ] as const)("challenge of %s for %j", (name, at, expected) => {
    expect(problemResponse(new Problem(name), at).headers.get("www-authenticate")).toBe(expected);
  });

  it("dates every 401", () => {
    for (const name of NAMES) {
      const expected = PROBLEMS[name].status === 401 ? "Thu, 01 Jan 1970 00:00:00 GMT" : null;
      expect(problemResponse(new Problem(name), context).headers.get("date")).toBe(expected);
    }
  });

  it.each([
    [0.2, "1"],
    [59.0001, "60"],
    [-3, "0"],
    [Number.NaN, null],
    [undefined, null],
  ])("Retry-After of %s is %s", (retryAfterS, expected) => {
    const detail = retryAfterS === undefined ? {} : { retryAfterS };
    expect(problemResponse(new Problem("unavailable", detail), context).headers.get("retry-after")).toBe(expected);
  });

  it("lets extension members add and never replace", async () => {
    const members = { "violated-policies": ["instance"], status: 200, request_id: "forged", type: "about:blank" };
    const body = await problemResponse(new Problem("quota-exceeded", { members }), context).json();
    expect(body).toMatchObject({ status: 429, request_id: "req_1", "violated-policies": ["instance"] });
    const headers = { "Content-Type": "text/html", "X-Request-Id": "forged", RateLimit: '"a";r=0' };
    const answer = problemResponse(new Problem("quota-exceeded", { headers }), context);
    expect(answer.headers.get("content-type")).toBe("application/problem+json");
    expect(answer.headers.get("x-request-id")).toBe("req_1");
    expect(answer.headers.get("ratelimit")).toBe('"a";r=0');
  });

  it("carries refused fields on both surfaces", async () => {
    const errors = [{ path: "os.kind", message: "is required" }];
    const problem = new Problem("invalid-field", { errors });
    expect(await problemResponse(problem, context).json()).toMatchObject({ errors });
    expect(await problemResponse(problem, oauth).json()).toMatchObject({ error: "invalid_request", errors });
  });

  it("turns what it cannot send into a plain 500", async () => {
    const circular: { self?: unknown } = {};
    circular.self = circular;
    for (const detail of [{ headers: { "x-a": "a\r\nb: c" } }, { members: circular }, { members: { n: 1n } }]) {
      const answer = problemResponse(new Problem("conflict", detail), context);
      expect([answer.status, await answer.json()]).toMatchObject([500, { error: "internal" }]);
    }
  });

  it("takes anything thrown", () => {
    for (const thrown of [new Error("x"), "x", null, undefined, { problem: "not-found" }]) {
      expect(toProblem(thrown).problem).toBe("internal");
    }
  });
});

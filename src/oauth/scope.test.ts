import fc from "fast-check";
import { expect, test } from "vitest";
import { isPermission } from "../core/permission.ts";
import {
  formatScope,
  grantableScopes,
  grantScopes,
  intersectScopes,
  parseScope,
  requestScopes,
  SCOPE_TABLE,
  SCOPES,
} from "./scope.ts";

const EVERYTHING = SCOPES.map((name) => SCOPE_TABLE[name].permission);

test("a scope is a list of tokens, separated by spaces or, as clients of the contract do, by commas", () => {
  expect(parseScope("profile:read assistant")).toEqual(["profile:read", "assistant"]);
  expect(parseScope("profile:read,assistant")).toEqual(["profile:read", "assistant"]);
  expect(parseScope("  profile:read ,, assistant, profile:read ")).toEqual(["profile:read", "assistant"]);
  expect(parseScope("")).toEqual([]);
});

test("what is no scope token is left out, and never becomes one", () => {
  for (const text of ["profile:read\t", "profile:read\nassistant", 'pro"file', "pro\\file", "prófile", "\u0000"]) {
    expect(parseScope(text), JSON.stringify(text)).toEqual([]);
  }
  // Cut off at the bound, the last token would read profile:read.
  expect(parseScope(`${"x ".repeat(494)}profile:readers-of-everything`)).toEqual([]);
  expect(parseScope(`x${"y".repeat(100)} profile:read`)).toEqual(["profile:read"]);
});

test("the scope granted is within what was requested, registered, permitted and chosen, whatever is sent", () => {
  const names = fc.array(fc.oneof(fc.constantFrom<string>(...SCOPES), fc.string(), fc.constant("__proto__")));
  const permissions = fc.subarray(["tokens:read", ...EVERYTHING]);
  fc.assert(
    fc.property(
      fc.record({ requested: names, registered: names, permissions, chosen: fc.option(names) }),
      ({ requested, registered, permissions, chosen }) => {
        const granted = grantScopes({ requested, registered, permissions, chosen });
        const expected = SCOPES.filter(
          (name) =>
            [requested, registered, chosen ?? SCOPES].every((list) => (list as readonly string[]).includes(name)) &&
            permissions.includes(SCOPE_TABLE[name].permission),
        );
        expect(granted).toEqual(
          expected.includes("profile:read") ? { ok: true, scope: expected } : { ok: false, reason: "scope" },
        );
        expect(intersectScopes(requested, registered)).toEqual(
          SCOPES.filter((name) => requested.includes(name) && registered.includes(name)),
        );
        expect(parseScope(formatScope(expected))).toEqual(expected);
      },
    ),
  );
});

test("the approver sees of every requested scope whether it is required, optional or forbidden", () => {
  const asked = { requested: ["billing:write", "assistant", "profile:read", "else"], registered: [...SCOPES] };
  expect(grantableScopes({ ...asked, permissions: ["profile:read", "assistant:use"] })).toEqual([
    { name: "profile:read", requirement: "required" },
    { name: "assistant", requirement: "optional" },
    { name: "billing:write", requirement: "forbidden" },
  ]);
  expect(grantableScopes({ ...asked, registered: ["profile:read"], permissions: EVERYTHING })).toEqual([
    { name: "profile:read", requirement: "required" },
    { name: "assistant", requirement: "forbidden" },
    { name: "billing:write", requirement: "forbidden" },
  ]);
});

test("an approval without profile:read grants nothing: not permitted, or left out of the choice", () => {
  const asked = { requested: [...SCOPES], registered: [...SCOPES] };
  const refused = { ok: false, reason: "scope" };
  expect(grantScopes({ ...asked, permissions: ["assistant:use"], chosen: null })).toEqual(refused);
  expect(grantScopes({ ...asked, permissions: EVERYTHING, chosen: ["assistant"] })).toEqual(refused);
  expect(grantScopes({ ...asked, permissions: EVERYTHING, chosen: [] })).toEqual(refused);
});

test("a request that names no scope asks for all that is registered", () => {
  expect(requestScopes(undefined, ["offline", "profile:read"])).toEqual({
    ok: true,
    scope: ["profile:read", "offline"],
  });
  expect(requestScopes("profile:read unknown", SCOPES)).toEqual({ ok: true, scope: ["profile:read"] });
  for (const text of ["", "assistant", "unknown"]) {
    expect(requestScopes(text, SCOPES), text).toEqual({ ok: false, reason: "scope" });
  }
});

test("every scope names a permission that there is, and says in one sentence what it lets an instance do", () => {
  for (const name of SCOPES) {
    expect(isPermission(SCOPE_TABLE[name].permission), name).toBe(true);
    expect(SCOPE_TABLE[name].what, name).toMatch(/^It .*[^.]\.$/);
  }
});

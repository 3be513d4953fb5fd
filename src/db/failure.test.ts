import { describe, expect, it } from "vitest";
import { Problem } from "../core/problem.ts";
import { sqlStateOf } from "../core/sql-state.ts";
import { databaseProblem, leavesOutcomeUnknown } from "./failure.ts";

/** What an error of the driver's means to a caller. */

const coded = (code: string, message = "x") => Object.assign(new Error(message), { code });
const nameOf = (error: unknown) => {
  const problem = databaseProblem(error, 5);
  return problem instanceof Problem ? problem.problem : problem;
};

describe("an error with a SQLSTATE", () => {
  it.each([
    ["EB401", "unauthenticated"],
    ["EB403", "tenant-suspended"],
    ["EB404", "not-found"],
    ["EB405", "forbidden"],
    ["EB406", "window-not-variable"],
    ["EB407", "plan-not-sufficient"],
    ["EB410", "key-expired"],
    ["EB411", "key-revoked"],
    ["EB412", "registration-key-used"],
    ["EB435", "claim-code-locked"],
    ["EB436", "registration-ended"],
    ["EB437", "idempotency-key-reused"],
    ["57P01", "unavailable"],
    ["53300", "unavailable"],
    ["40001", "unavailable"],
    ["55P03", "unavailable"],
    ["08006", "unavailable"],
    ["22021", "invalid-field"],
    ["22008", "invalid-field"],
    ["22P02", "invalid-field"],
  ])("%s is %s, however deep it lies", (code, name) => {
    expect(nameOf(coded(code))).toBe(name);
    expect(nameOf(new Error("outer", { cause: new Error("middle", { cause: coded(code) }) }))).toBe(name);
    expect(nameOf(Object.assign(new Error("driver"), { sourceError: coded(code) }))).toBe(name);
  });

  it("of another class is a fault of ours, also where its text speaks of connections", () => {
    for (const code of ["42501", "23505", "25P02", "XX000"]) {
      const error = coded(code, "connection network timeout");
      expect(databaseProblem(error, 5)).toBe(error);
    }
  });
});

describe("an error without one", () => {
  it.each([
    coded("EPIPE", "write EPIPE"),
    coded("ECONNREFUSED", "connect ECONNREFUSED"),
    new TypeError("fetch failed"),
    Object.assign(new Error("Error connecting to database"), { name: "NeonDbError" }),
    new DOMException("timed out", "TimeoutError"),
  ])("that is the way to Postgres failing is unavailable: %s", (error) => {
    expect(sqlStateOf(error)).toBeNull();
    expect(nameOf(error)).toBe("unavailable");
    expect(leavesOutcomeUnknown(error)).toBe(true);
  });

  it("that is a fault of ours comes back as it is, and a Problem too", () => {
    for (const error of [new TypeError("x is not a function"), new RangeError("not an id"), new Problem("conflict")]) {
      expect(databaseProblem(error, 5)).toBe(error);
    }
  });
});

it("a commit refused by a constraint took no place; one in which the session was ended may have", () => {
  for (const code of ["23503", "40001", "25P02", "55P03"]) expect(leavesOutcomeUnknown(coded(code)), code).toBe(false);
  for (const code of ["57P01", "08006", "40003"]) expect(leavesOutcomeUnknown(coded(code)), code).toBe(true);
});

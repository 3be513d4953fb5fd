import { expect, test } from "vitest";
import { StartFailure } from "../local/failure.ts";
import { helpText, parseArguments } from "./arguments.ts";

const BENCHES = { alive: { summary: "a ping" }, purge: { summary: "forgetting", large: "10 million rows too" } };

const parse = (...args: string[]) => parseArguments(args, BENCHES);

test("the first bench runs when none is named", () => {
  expect(parse()).toEqual({ name: "alive", seconds: 3, runs: 5, large: false, json: false, help: false });
  expect(parse("purge", "--seconds", "1.5", "--runs=2", "--json")).toEqual({
    name: "purge",
    seconds: 1.5,
    runs: 2,
    large: false,
    json: true,
    help: false,
  });
  expect(parse("purge", "--large").large).toBe(true);
  expect(parse("-h").help).toBe(true);
});

test("what cannot be meant is one sentence", () => {
  const sentence = (...args: string[]) => {
    try {
      return parse(...args);
    } catch (error) {
      if (error instanceof StartFailure) return error.message;
      throw error;
    }
  };
  expect(sentence("alvie")).toBe('There is no bench named "alvie": there is alive, purge.');
  expect(sentence("toString")).toContain("there is alive, purge.");
  expect(sentence("alive", "purge")).toBe("One bench at a time: they would disturb each other.");
  expect(sentence("alive", "--large")).toBe("alive has no larger tables: --large is for purge alone.");
  expect(sentence("--large")).toBe("alive has no larger tables: --large is for purge alone.");
  for (const runs of ["0", "1.5", "51", "1e1", "-1", "", " 2"]) {
    expect(sentence(`--runs=${runs}`)).toBe("--runs takes a whole number from 1 to 50.");
  }
  expect(sentence("--seconds=0.1")).toBe("--seconds takes a number from 0.5 to 60.");
  expect(sentence("--sesconds=1")).toBe("Unknown option '--sesconds': see npm run bench -- --help.");
  expect(sentence("--seconds")).toMatch(/^Option '--seconds <value>' argument missing: see npm run bench/);
});

test("the help names every bench", () => {
  const text = helpText(BENCHES);
  expect(text).toContain("  alive  a ping\n  purge  forgetting\n");
  expect(text).toContain("  --large    purge alone: 10 million rows too\n");
  expect(text).toContain("Without a name: alive.");
});

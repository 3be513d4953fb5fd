import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { cronLines, isDue } from "./cron.ts";
import { PROJECT } from "./paths.ts";

const at = (time: string) => new Date(`2026-11-21T${time}Z`);

test("every cron line of wrangler.toml is one that is run locally", () => {
  const lines = cronLines(readFileSync(join(PROJECT, "wrangler.toml"), "utf8"));
  expect(lines).toHaveLength(5);
  for (const line of lines) expect(() => isDue(line, at("02:23:00"))).not.toThrow();
});

test.each([
  ["*/5 * * * *", "13:05:00", true],
  ["*/5 * * * *", "13:06:00", false],
  ["7 * * * *", "00:07:00", true],
  ["7 * * * *", "00:08:00", false],
  ["23 2 * * *", "02:23:00", true],
  ["23 2 * * *", "03:23:00", false],
  ["* * 21 11 6", "03:23:00", true],
  ["* * 22 11 6", "03:23:00", false],
])("%s at %s: %s", (line, time, due) => {
  expect(isDue(line, at(time))).toBe(due);
});

test("a line that it could not run is an error, not a line that never runs", () => {
  expect(() => isDue("1-5 * * * *", at("00:00:00"))).toThrow(RangeError);
  expect(() => isDue("* * * *", at("00:00:00"))).toThrow(RangeError);
});

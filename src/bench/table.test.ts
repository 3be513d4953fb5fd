import { expect, test } from "vitest";
import { number, renderTable, styleFor } from "./table.ts";

const table = {
  title: "speed",
  head: ["what", "requests/s"],
  rows: [
    ["a bare route", number(12_345.6)],
    ["one", number(0.5, 2)],
  ],
};

test("columns are aligned, and without a terminal there is no colour", () => {
  expect(renderTable(table, styleFor({}, {}))).toEqual([
    "speed",
    "  what           requests/s",
    "  a bare route       12,346",
    "  one                  0.50",
  ]);
});

test("a terminal gets colours, unless NO_COLOR says otherwise", () => {
  expect(renderTable(table, styleFor({ isTTY: true }, {}))[0]).toBe("\u001b[1mspeed\u001b[22m");
  expect(renderTable(table, styleFor({ isTTY: true }, { NO_COLOR: "1" }))[0]).toBe("speed");
});

import { expect, test } from "vitest";
import { grown, latencies } from "./tables.ts";

test("a hundredth is not spoken of among fewer than a hundred", () => {
  expect(latencies([])).toBeNull();
  expect(latencies([3, 1, 2])).toEqual({ p50: 2, p99: null, max: 3, count: 3 });
  expect(latencies(Array.from({ length: 200 }, (_, n) => 200 - n))).toEqual({
    p50: 100,
    p99: 198,
    max: 200,
    count: 200,
  });
});

test("growth is the end over the beginning, whatever was in between", () => {
  const table = { bytes: [100, 300, 110], rows: 1, vacuums: 0 };
  const tables = { dropped: table, "plain-pings": table, "by-row": table, plain: table, created: table };
  expect(grown({ ...tables, idleSeconds: 0 }, "dropped")).toBe(1.1);
});

import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { judge } from "./oracle.ts";
import { BEGIN_MS, traces } from "./traces.ts";

const TERMS = { limit: 200, windowS: 60 };
const all = traces(TERMS);
const named = (name: string) => all.find((trace) => trace.name === name)?.arrivals ?? [];

test("seven traces and a restart, in whole milliseconds, in order, the same every time", () => {
  expect(all.map(({ restartBefore }) => restartBefore === null)).toEqual([...new Array(7).fill(true), false]);
  for (const { arrivals } of all) {
    expect(arrivals.length).toBeGreaterThan(3_000);
    expect(arrivals.every((at, index) => Number.isInteger(at) && at >= (arrivals[index - 1] ?? BEGIN_MS))).toBe(true);
  }
  const hash = createHash("sha256").update(JSON.stringify(all)).digest("hex");
  expect(
    createHash("sha256")
      .update(JSON.stringify(traces(TERMS)))
      .digest("hex"),
  ).toBe(hash);
});

test("a client within its quota is within it: admitting everything is right", () => {
  for (const name of ["L every W", "L every 1.25 W"]) {
    const arrivals = named(name);
    expect(
      judge(
        arrivals,
        arrivals.map(() => true),
        TERMS,
      ),
    ).toMatchObject({ most: 200, wronglyAdmitted: 0 });
  }
});

test("the others ask for more than the limit somewhere, and Poisson for what its name says", () => {
  for (const name of ["Border straddle", "0.8 L every 0.73 W", "Cell's end, then steady"]) {
    const arrivals = named(name);
    expect(
      judge(
        arrivals,
        arrivals.map(() => true),
        TERMS,
      ).most,
    ).toBeGreaterThan(1.5 * TERMS.limit);
  }
  for (const load of [0.9, 1.5]) {
    const windows = named(`Poisson, ${load} of the limit`).length / (load * TERMS.limit);
    expect(windows).toBeGreaterThan(23);
    expect(windows).toBeLessThan(25);
  }
});

test("cells since the epoch begin with the traces", () => {
  expect(BEGIN_MS % (TERMS.windowS * 1000)).toBe(0);
});

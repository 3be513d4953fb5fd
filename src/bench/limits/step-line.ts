import { heldAt } from "./oracle.ts";

/**
 * The admissions held in the trailing window, in columns of equal time from `beginMs`: the most in each, so that no peak
 * falls between two columns.
 */
export function heldByColumn(
  admissions: readonly number[],
  { beginMs, columnMs, columns, windowMs }: { beginMs: number; columnMs: number; columns: number; windowMs: number },
): number[] {
  const held = Array.from({ length: columns }, (_, column) =>
    heldAt(admissions, beginMs + column * columnMs, windowMs),
  );
  for (const at of admissions) {
    const column = Math.floor((at - beginMs) / columnMs);
    if (column < 0 || column >= columns) continue;
    // It grows with an admission alone: right after each is when it may be at its most.
    held[column] = Math.max(held[column] as number, heldAt(admissions, at, windowMs));
  }
  return held;
}

/** An SVG path through the columns in steps; values are turned into heights by `y`. */
export function stepPath(
  values: readonly number[],
  x: (column: number) => number,
  y: (value: number) => number,
): string {
  const commands = [`M${round(x(0))} ${round(y(values[0] ?? 0))}`];
  for (const [column, value] of values.entries()) {
    const before = values[column - 1];
    if (before === undefined || before === value) continue;
    commands.push(`H${round(x(column))}V${round(y(value))}`);
  }
  return `${commands.join("")}H${round(x(values.length))}`;
}

export function round(value: number): string {
  return String(Math.round(value * 10) / 10);
}

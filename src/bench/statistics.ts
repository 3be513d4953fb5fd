/** The smallest, the middle and the largest of several runs. */
export interface Spread {
  min: number;
  median: number;
  max: number;
}

/** The value below which `share` (0 to 1) of ascending values lie, by the nearest-rank method: always one of them. */
export function percentile(ascending: ArrayLike<number>, share: number): number {
  if (ascending.length === 0) throw new RangeError("no values");
  if (!(share >= 0 && share <= 1)) throw new RangeError("a share is from 0 to 1");
  const rank = Math.max(1, Math.ceil(share * ascending.length));
  return ascending[rank - 1] as number;
}

/** The middle value, or the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  if (values.length === 0) throw new RangeError("no values");
  const ascending = values.toSorted((a, b) => a - b);
  const half = ascending.length / 2;
  const upper = ascending[Math.floor(half)] as number;
  return Number.isInteger(half) ? ((ascending[half - 1] as number) + upper) / 2 : upper;
}

export function spread(values: readonly number[]): Spread {
  return { min: Math.min(...values), median: median(values), max: Math.max(...values) };
}

/** Run by run what `values` are of `bases`: neighbours in time share the machine's mood, so they are divided first. */
export function ratios(values: readonly number[], bases: readonly number[]): number[] {
  if (values.length !== bases.length) throw new RangeError("a base for every value");
  return values.map((value, index) => value / (bases[index] as number));
}

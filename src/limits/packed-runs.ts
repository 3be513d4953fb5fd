import type { Run } from "./admission-log.ts";

/**
 * Admissions as bytes: for each run the milliseconds since the one before (the first: since `baseMs`) and its count,
 * both as unsigned LEB128. A busy minute takes two bytes an admission.
 */
export function packRuns(runs: readonly Run[], baseMs: number): Uint8Array {
  const bytes: number[] = [];
  let before = baseMs;
  for (const [stamp, count] of runs) {
    pushVarint(bytes, stamp - before);
    pushVarint(bytes, count);
    before = stamp;
  }
  return Uint8Array.from(bytes);
}

/** Throws a RangeError for bytes that `packRuns` did not make. */
export function unpackRuns(bytes: Uint8Array, baseMs: number): Run[] {
  const runs: Run[] = [];
  let position = 0;
  const varint = (): number => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = bytes[position];
      if (byte === undefined || scale > 2 ** 49) throw new RangeError("malformed runs");
      position += 1;
      value += (byte % 128) * scale;
      if (byte < 128) return value;
    }
  };
  let stamp = baseMs;
  while (position < bytes.length) {
    stamp += varint();
    runs.push([stamp, varint()]);
  }
  return runs;
}

function pushVarint(bytes: number[], value: number): void {
  let rest = value;
  while (rest >= 128) {
    bytes.push((rest % 128) + 128);
    rest = Math.floor(rest / 128);
  }
  bytes.push(rest);
}

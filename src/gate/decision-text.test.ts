import fc from "fast-check";
import { expect, test } from "vitest";
import { decodeDecision, encodeDecision } from "./decision-text.ts";

const name = fc.stringMatching(/^[a-z][a-z0-9-]{1,39}$/);
const count = fc.integer({ min: 0, max: 10_000_000 });

test("a decision is read as it was written, waits for ever and months included", () => {
  fc.assert(
    fc.property(
      fc.record({
        admitted: fc.boolean(),
        retryAfterS: fc.oneof(count, fc.constant(Number.POSITIVE_INFINITY)),
        violated: fc.array(name, { maxLength: 4 }),
        states: fc.array(
          fc.record({
            name,
            limit: count,
            windowS: fc.oneof(count, fc.constant("month" as const)),
            remaining: count,
            resetS: count,
          }),
          { maxLength: 4 },
        ),
      }),
      (decision) => {
        expect(decodeDecision(encodeDecision(decision))).toEqual(decision);
      },
    ),
  );
});

import { expect, test } from "vitest";
import { newId } from "../core/id.ts";
import { IDLE_RECEIPT } from "../db/idle-receipt.ts";
import { type PurgeFacts, purgeReceipt } from "../privacy/purge-receipt.ts";

const IDLE: PurgeFacts = {
  id: newId("purgeReceipt", 0),
  run: crypto.randomUUID(),
  beganAtMs: 0,
  endedAtMs: 1_000,
  deleted: 0,
  anonymised: 0,
  blocked: 0,
  partitions: [],
  expiries: null,
  overdueBeforeMs: 0,
  overdueAfterMs: 0,
  finished: true,
  interrupted: false,
  errors: [],
};

/** SQL's LIKE, as far as the pattern needs it. */
const PATTERN = new RegExp(`^${IDLE_RECEIPT.replaceAll(/[{}[\]"]/g, "\\$&").replaceAll("%", ".*")}$`);
const isIdle = (facts: Partial<PurgeFacts>) =>
  PATTERN.test(purgeReceipt({ table: "pings", retention: "alive-pings" }, { ...IDLE, ...facts }));

test("a receipt that tells of nothing is known by its text, and no other", () => {
  expect(isIdle({})).toBe(true);
  expect(isIdle({ overdueBeforeMs: 5_000 })).toBe(true);
  const touched: Partial<PurgeFacts>[] = [
    { deleted: 1 },
    { deleted: 10 },
    { anonymised: 10 },
    { blocked: 10 },
    { finished: false },
    { finished: false, interrupted: true },
    { errors: ["55P03"] },
    { errors: ['"errors":[],'] },
    { partitions: [{ name: "public.pings_2026_11_21", from: "a", to: "b", rows: 0 }] },
  ];
  for (const facts of touched) expect([facts, isIdle(facts)]).toEqual([facts, false]);
});

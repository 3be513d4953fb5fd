import { expect, it } from "vitest";
import { websiteVisits } from "./declared/statistics.ts";
import { pings } from "./declared/telemetry.ts";
import type { Declared, Inventory } from "./declared-type.ts";
import { INVENTORY } from "./inventory.ts";

/** What does not compile: `npm run check` (types) fails when one of these is no error any more. */

const { osName, ...fewer } = pings.columns;
const { pings: _, ...others } = INVENTORY;

it("every column of the schema and no other, every table, and nothing that is not there", () => {
  // @ts-expect-error a column of the schema is not declared
  const missing: Declared<"pings"> = { ...pings, columns: fewer };
  // @ts-expect-error a column is declared that the schema does not have
  const more: Declared<"pings"> = { ...pings, columns: { ...pings.columns, hostName: osName } };
  // @ts-expect-error a table of the schema is not declared
  const without: Inventory = others;
  // @ts-expect-error a class that the schedule does not know
  const classless: Declared<"pings"> = { ...pings, retention: "for-ever" };
  // @ts-expect-error a column is anonymised that is not there
  const anonymised: Declared<"websiteVisits"> = { ...websiteVisits, anonymise: { visitor: "set-null" } };
  // @ts-expect-error a legal basis that the law does not know
  const baseless: Declared<"pings">["columns"]["osName"] = { ...osName, basis: "because" };
  expect([missing, more, without, classless, anonymised, baseless]).toHaveLength(6);
});

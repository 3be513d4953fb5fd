import { bodyDifferences } from "./catalog-bodies.ts";
import { functionDifferences } from "./catalog-functions.ts";
import { policyDifferences } from "./catalog-policies.ts";
import { privilegeDifferences } from "./catalog-privileges.ts";
import { otherRoles, roleDifferences } from "./catalog-roles.ts";
import { tableDifferences } from "./catalog-tables.ts";

/**
 * Runs a statement in the session, and within the transaction, that the comparison is given; without parameters it may
 * be several, whose rows nobody reads.
 */
export type Query = (text: string, params?: unknown[]) => Promise<Record<string, unknown>[]>;

export interface CatalogExpectation {
  /** What `ebb.clock()` returns, as Postgres prints it: the test database alone has another. */
  clock: string;
  /** Schemas that may exist beside those of the migrations. */
  moreSchemas: readonly string[];
  /** The statements of the migrations that make functions; where there are none, only those that are declared are compared. */
  functions?: readonly string[];
}

export const PRODUCTION: CatalogExpectation = { clock: "RETURN now()", moreSchemas: [] };

/**
 * Compares what a database enforces with what the inventory declares, in both directions, and returns a sentence for
 * each difference. Must be called within a transaction of a role that may alter the tables: what the inventory declares
 * is made there, printed by Postgres itself, and undone. The transaction stays open, with its `search_path` emptied.
 */
export async function catalogDifferences(query: Query, expected: CatalogExpectation = PRODUCTION): Promise<string[]> {
  // Postgres then qualifies every name that is not its own: `now()` is pg_catalog's and nobody else's.
  await query("set local search_path = ''");
  return [
    ...(await tableDifferences(query, expected.moreSchemas)),
    ...(await policyDifferences(query)),
    ...(await privilegeDifferences(query, expected.moreSchemas)),
    ...(await functionDifferences(query, expected)),
    ...(await bodyDifferences(query, expected.functions ?? [])),
    ...(await roleDifferences(query)),
    ...(await otherRoles(query)),
  ];
}

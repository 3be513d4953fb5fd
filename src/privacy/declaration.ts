import type { RetentionClassName } from "./schedule.ts";

/** The roles made in SQL that may touch a table. `ebb_owner` runs migrations only and is not named here. */
export type Role = "ebb_app" | "ebb_ingest" | "ebb_purge" | "ebb_jobs" | "ebb_maint";

/** What kind of data a column holds, in the terms that the notice will use. */
export type Category =
  | "identifier"
  | "account-data"
  | "contact-data"
  | "name"
  | "device-data"
  | "usage-data"
  | "authentication-secret-hash"
  | "audit-record"
  | "operational";

export type Purpose = "provide-the-service" | "security" | "service-statistics" | "accountability" | "retention";

/** GDPR article 6(1): (b) contract, (c) legal obligation, (f) legitimate interests. `none`: not personal data. */
export type LegalBasis = "contract" | "legal-obligation" | "legitimate-interests" | "none";

export interface ColumnDeclaration {
  category: Category;
  purpose: Purpose;
  basis: LegalBasis;
}

/** The moment from which a row is kept. */
export type Anchor =
  /** This column; the row is kept for ever while it is null. Of several, the earliest that has happened. */
  | { at: "column"; columns: readonly [string, ...string[]] }
  /** The bucket that the row counts for. */
  | { at: "bucket"; column: string };

/** Which rows a role may reach with a command, as a policy. */
export type Reach =
  /** Rows of the tenant that the transaction has entered, unless expired. */
  | "entered-tenant"
  /** The tenant entered and those below it, unless expired. */
  | "entered-subtree"
  /** People who are members of the tenant entered. */
  | "members-of-entered-tenant"
  /** Rows not expired, of every tenant. */
  | "unexpired"
  /** Instances that are neither removed nor expired, of every tenant. */
  | "live"
  /** Rows that have expired, and no others. */
  | "expired"
  /** Every row: only for functions of `ebb_maint`, which check for themselves. */
  | "all";

export interface Access {
  command: "select" | "insert" | "update" | "delete";
  reach: Reach;
  /** Columns granted, by their SQL names; all of them when absent. `delete` knows no columns. */
  columns?: readonly string[];
}

export type Layout = { kind: "state" } | { kind: "partitioned"; by: "day" | "quarter" };

export interface TableDeclaration<Column extends string> {
  /** One sentence: what a row is. */
  what: string;
  retention: RetentionClassName;
  anchor: Anchor;
  layout: Layout;
  /** How to find whose row it is: the column that holds the person or instance, or the tenant. */
  subject: string;
  /** Primary key, by SQL names: what the purge pages by. */
  key: readonly [string, ...string[]];
  access: Partial<Record<Role, readonly Access[]>>;
  columns: Record<Column, ColumnDeclaration>;
}

import type { RetentionClassName } from "./schedule.ts";
import type { Category, LegalBasis, Purpose, Recipient } from "./vocabulary.ts";

/** The roles made in SQL that may touch a table. `ebb_owner` runs migrations only and is not named here. */
export type Role = "ebb_app" | "ebb_ingest" | "ebb_purge" | "ebb_jobs" | "ebb_maint";

export interface ColumnDeclaration {
  category: Category;
  purpose: Purpose;
  basis: LegalBasis;
}

/** The moment from which a row is kept. */
export type Anchor =
  /** This column, to the instant; the row is kept for ever while it is null. Of several, the earliest that has happened. */
  | { at: "column"; columns: readonly [string, ...string[]] }
  /** The start of the bucket that the row counts for. */
  | { at: "bucket"; column: string; granularity: "hour" | "day" };

/** How finely the moment from which a row is kept is told. */
export function granularityOf(anchor: Anchor): "instant" | "hour" | "day" {
  return anchor.at === "column" ? "instant" : anchor.granularity;
}

/** Which rows a role may reach with a command, as a policy. */
export type Reach =
  /** Rows of the tenant that the transaction has entered and may open, unless expired. */
  | "entered-tenant"
  /** The same, also for an operator who only administers the tenant and has given no reason to open its data. */
  | "entered-target"
  /** The tenant entered and those below it, unless expired; for administering too. */
  | "entered-subtree"
  /** People who are members of the tenant entered. */
  | "members-of-entered-tenant"
  /** Rows not expired, of every tenant. */
  | "unexpired"
  /** Instances that are neither removed nor expired, of every tenant. */
  | "live"
  /** Rows whose time has passed, by whichever of their ends, and on which no legal hold lies. */
  | "due"
  /** Rows whose time to be anonymised has come, that are not, and on which no legal hold lies. */
  | "anonymisable"
  /** What is due, or past its time to be anonymised, done or not: an UPDATE must be able to see what its rows become. */
  | "due-or-past-anonymising"
  /** Every row: only for functions of `ebb_maint`, which check for themselves. */
  | "all";

export interface Access {
  command: "select" | "insert" | "update" | "delete";
  reach: Reach;
  /** Columns granted, by their SQL names; all of them when absent. `delete` knows no columns. */
  columns?: readonly string[];
}

export type Layout = { kind: "state" } | { kind: "partitioned"; by: "day" | "month" | "quarter" };

/** What becomes of a column when its row is anonymised, as SQL over that column. Neither can be undone. */
export const TRANSFORMATIONS = {
  "set-null": () => "null",
  /** Of a BCP 47 tag: `de` of `de-AT`. */
  "first-subtag": (column: string) => `split_part(${column}, '-', 1)`,
} as const satisfies Record<string, (column: string) => string>;
export type Transformation = keyof typeof TRANSFORMATIONS;

export interface TableDeclaration<Column extends string> {
  /** One sentence: what a row is. */
  what: string;
  retention: RetentionClassName;
  anchor: Anchor;
  /** Another moment from which it is kept, for the window of another class; it goes at whichever end comes first. */
  alsoEnds?: { column: string; retention: RetentionClassName };
  layout: Layout;
  /** How to find whose row it is: the column that holds the person or instance, or the tenant. Null: it is nobody's. */
  subject: string | null;
  /** Primary key, by SQL names: what the purge pages by. */
  key: readonly [string, ...string[]];
  access: Partial<Record<Role, readonly Access[]>>;
  /** Whether a legal hold keeps a row beyond its expiry. What works only while it is fresh is no evidence. */
  holds: "honoured" | "ignored";
  /** To whom the data is disclosed. */
  recipients: readonly Recipient[];
  /** Columns that are anonymised at the window of the class, `anonymiseAfter`. */
  anonymise?: Partial<Record<Column, Transformation>>;
  columns: Record<Column, ColumnDeclaration>;
}

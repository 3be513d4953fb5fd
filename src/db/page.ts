/** One page of a list: at most `limit` items after the cursor, in the order of their ids. */
export interface PageRequest<I extends string> {
  limit: number;
  after: I | null;
}

export interface Page<T> {
  items: T[];
  /** The id to go on after; null at the end. */
  next: string | null;
}

/** Makes a page of rows that were asked for with one more than `limit`, to see whether there is a next page. */
export function pageOf<T extends { id: string }>(rows: readonly T[], limit: number): Page<T> {
  const items = rows.slice(0, limit);
  return { items, next: rows.length > limit ? (items.at(-1)?.id ?? null) : null };
}

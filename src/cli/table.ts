import { PLAIN, printable, type Style } from "./terminal.ts";

export interface Column {
  title: string;
  /** Numbers stand to the right. */
  right?: true;
}

/** Rows under their titles, each column as wide as its widest cell. Cells are texts of anybody's. */
export function formatTable(columns: readonly Column[], rows: readonly string[][], style: Style = PLAIN): string[] {
  const cells = rows.map((row) => columns.map((_, at) => printable(row[at] ?? "")));
  const widths = columns.map(({ title }, at) => Math.max(title.length, ...cells.map((row) => width(row[at] ?? ""))));
  const line = (row: readonly string[]) =>
    row
      .map((cell, at) => {
        const space = " ".repeat((widths[at] ?? 0) - width(cell));
        return columns[at]?.right ? space + cell : cell + space;
      })
      .join("  ")
      .trimEnd();
  return [style.strong(line(columns.map(({ title }) => title))), ...cells.map(line)];
}

/** Characters as a reader counts them, near enough for columns. */
function width(text: string): number {
  return [...text].length;
}

/** `1,234`, whatever the machine's language. */
export function formatCount(count: number): string {
  return count.toLocaleString("en-US");
}

/** `1 row`, `2 rows`. */
export function counted(count: number, thing: string): string {
  return `${formatCount(count)} ${thing}${count === 1 ? "" : "s"}`;
}

/** `2026-11-21 01:34`, UTC, of ms since 1970; a dash for what has not happened. */
export function formatInstant(ms: number | null): string {
  if (ms === null) return "–";
  if (!Number.isFinite(ms)) return "never";
  return new Date(ms).toISOString().slice(0, 16).replace("T", " ");
}

/** The same of seconds since 1970, as the API tells them. */
export function formatSeconds(seconds: number | null): string {
  return formatInstant(seconds === null ? null : seconds * 1000);
}

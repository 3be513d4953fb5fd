import { stripVTControlCharacters, styleText } from "node:util";

/** A table for a terminal: the first column to the left, numbers to the right. */
export interface Table {
  title: string;
  head: readonly string[];
  rows: readonly (readonly string[])[];
}

export type Style = (format: "bold" | "dim" | "green" | "red", text: string) => string;

/** Colours, or for what is no terminal none. */
export function styleFor(stream: { isTTY?: boolean }, env: NodeJS.ProcessEnv): Style {
  const coloured = stream.isTTY === true && !env["NO_COLOR"];
  return (format, text) => (coloured ? styleText(format, text, { validateStream: false }) : text);
}

export function renderTable({ title, head, rows }: Table, style: Style): string[] {
  const widths = head.map((_, column) => Math.max(...[head, ...rows].map((row) => widthOf(row[column] ?? ""))));
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) => {
        const blank = " ".repeat((widths[column] ?? 0) - widthOf(cell));
        return column === 0 ? cell + blank : blank + cell;
      })
      .join("   ")
      .trimEnd();
  return [style("bold", title), style("dim", `  ${line(head)}`), ...rows.map((row) => `  ${line(row)}`)];
}

function widthOf(text: string): number {
  return stripVTControlCharacters(text).length;
}

/** `12,345` or `0.61`: so many digits after the point. */
export function number(value: number, digits = 0): string {
  return value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

import { formatCount, formatTable } from "./table.ts";
import { PLAIN, type Style } from "./terminal.ts";

/** One class of data, for a line of the chart. */
export interface ChartLine {
  name: string;
  /** The window, in words and in minutes. */
  kept: string;
  minutes: number;
  /** Minutes after which it is anonymised; null: it never is. */
  anonymisedAfter: number | null;
  /** What goes or is anonymised within 24 hours: rows, and whether there are more. */
  next24h: number;
  more: boolean;
  until: string;
  /** Something of it is overdue. */
  overdue: boolean;
}

const HOUR = 60;
const DAY = 24 * HOUR;
const YEAR = 365.25 * DAY;
const LONGEST = 7 * YEAR;
const TICKS: readonly [number, string][] = [
  [1, "1 min"],
  [HOUR, "1 h"],
  [DAY, "1 d"],
  [30 * DAY, "30 d"],
  [YEAR, "1 y"],
  [LONGEST, "7 y"],
];

const NARROWEST = 16;
const WIDEST = 56;
const GAPS = 2 * 4;

/** `10,000+` where not all were counted. */
export function countText({ rows, more }: { rows: number; more: boolean }): string {
  return `${formatCount(rows)}${more ? "+" : ""}`;
}

/**
 * A line a class: its window as a bar from a minute to seven years on a logarithmic scale, what of it goes next, and
 * until when it is kept. Of what is anonymised the rest of the bar is lighter. As wide as the terminal allows.
 */
export function retentionChart(lines: readonly ChartLine[], width: number, style: Style = PLAIN): string[] {
  const cells = lines.map(({ name, kept, until, next24h, more }) => ({
    ...{ name, kept, until },
    next: next24h === 0 && !more ? "–" : countText({ rows: next24h, more }),
  }));
  const widest = (title: string, texts: readonly string[]) =>
    Math.max(title.length, ...texts.map((text) => text.length));
  const others =
    widest(
      "CLASS",
      cells.map(({ name }) => name),
    ) +
    widest(
      "KEPT",
      cells.map(({ kept }) => kept),
    ) +
    widest(
      "NEXT 24 H",
      cells.map(({ next }) => next),
    ) +
    widest(
      "UNTIL (UTC)",
      cells.map(({ until }) => until),
    );
  const room = Math.min(WIDEST, Math.max(NARROWEST, width - others - GAPS));
  const [titles = "", ...rows] = formatTable(
    [
      { title: "CLASS" },
      { title: "KEPT", right: true },
      { title: axis(room) },
      { title: "NEXT 24 H", right: true },
      { title: "UNTIL (UTC)" },
    ],
    lines.map((line, at) => [line.name, line.kept, bar(line, room), cells[at]?.next ?? "", line.until]),
    style,
  );
  return [titles, ...rows.map((row, at) => (lines[at]?.overdue ? style.bad(row) : row))];
}

/** How many of so many characters: a minute has one, seven years have all. */
function reach(minutes: number, room: number): number {
  const share = Math.log(Math.max(1, minutes)) / Math.log(LONGEST);
  return Math.max(1, Math.min(room, Math.round(1 + share * (room - 1))));
}

function bar({ minutes, anonymisedAfter }: ChartLine, room: number): string {
  const whole = reach(minutes, room);
  const plain = anonymisedAfter === null ? whole : reach(anonymisedAfter, room);
  // Where both round to one length the last character tells.
  const dark = anonymisedAfter !== null && plain === whole ? whole - 1 : plain;
  return "█".repeat(dark) + "░".repeat(whole - dark);
}

/** The scale: each tick's label ends where its bar would; those for which there is no room are left out. */
function axis(room: number): string {
  const line = Array.from({ length: room }, () => " ");
  const put = (minutes: number, label: string): void => {
    const end = Math.max(label.length, reach(minutes, room));
    const start = end - label.length;
    const around = line.slice(Math.max(0, start - 1), end + 1);
    if (around.every((character) => character === " ")) line.splice(start, label.length, ...label);
  };
  // Both ends first: they say what the scale is.
  for (const at of [0, TICKS.length - 1, 2, 4, 3, 1]) {
    const tick = TICKS[at];
    if (tick !== undefined) put(...tick);
  }
  return line.join("");
}

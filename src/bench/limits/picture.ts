import { StartFailure } from "../../local/failure.ts";
import { number } from "../table.ts";
import type { Replayed } from "./correctness.ts";
import { TRACE_TERMS } from "./stage.ts";
import { heldByColumn, round, stepPath } from "./step-line.ts";
import { NAMES, SUBJECTS, type Subject } from "./terms.ts";
import { BEGIN_MS } from "./traces.ts";

/** The traces that show the most, and what there is to see. */
const PANELS: readonly { trace: string; title: string; shows: "excess" | "denials" }[] = [
  {
    trace: "Cell's end, then steady",
    title: "A full quota at the end of a minute, then steady demand",
    shows: "excess",
  },
  { trace: "Border straddle", title: "Bursts on both sides of a window's border", shows: "excess" },
  { trace: "L every W", title: "A client within its quota: all of it at once, every minute", shows: "denials" },
];
const MINUTES = 6;
/** Of the limit, or of the arrivals. */
const WORTH_NAMING = 0.05;

const WIDTH = 860;
const LEFT = 64;
const RIGHT = 20;
const TOP = 134;
const PANEL = 150;
const BETWEEN = 76;
const BOTTOM = 44;
const COLUMN = 2;
const PLOT = WIDTH - LEFT - RIGHT;
const HEIGHT = TOP + PANELS.length * PANEL + (PANELS.length - 1) * BETWEEN + BOTTOM;

/** Told apart by the colour-blind too (Okabe and Ito); ours is drawn last, above the others. */
const LINES: Record<Subject, { colour: string; dash?: string }> = {
  flexible: { colour: "#e69f00" },
  hono: { colour: "#d55e00", dash: "7 4" },
  binding: { colour: "#a65628", dash: "2 3" },
  "two-counter": { colour: "#cc79a7" },
  bucket: { colour: "#56b4e9" },
  spacing: { colour: "#009e73", dash: "5 3" },
  ours: { colour: "#111111" },
};
const DRAWN: readonly Subject[] = [...SUBJECTS.filter((subject) => subject !== "ours"), "ours"];

/** Admitted in the trailing window over time, as an SVG. The same for the same decisions, so that it can be committed. */
export function picture(replayed: readonly Replayed[]): string {
  const panels = PANELS.map(({ trace, title, shows }, index) => {
    const found = replayed.find((each) => each.trace.name === trace);
    if (found === undefined) throw new StartFailure(`There is no trace ${trace}.`);
    return panel(found, [title, caption(found, shows)], TOP + index * (PANEL + BETWEEN));
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" role="img" font-family="system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif" font-size="13" fill="#333">`,
    "<title>Requests admitted in the trailing minute: ours never exceeds the limit and never refuses below it</title>",
    // GitHub shows it on white and on black: it brings its own ground.
    `<rect width="${WIDTH}" height="${HEIGHT}" rx="6" fill="#fff"/>`,
    `<text x="${LEFT}" y="26" font-size="16" font-weight="600" fill="#111">Admitted in the trailing minute, at a limit of ${TRACE_TERMS.limit} a minute</text>`,
    ...legend(),
    ...panels.flat(),
    `<text x="${LEFT + PLOT / 2}" y="${HEIGHT - 8}" text-anchor="middle">minutes</text>`,
    "</svg>",
    "",
  ].join("\n");
}

function legend(): string[] {
  const columns = 4;
  return SUBJECTS.map((subject, index) => {
    const x = LEFT + (index % columns) * (PLOT / columns);
    const y = 50 + Math.floor(index / columns) * 20;
    const name = `<text x="${x + 32}" y="${y + 4}">${NAMES[subject]}</text>`;
    return `<path d="M${x} ${y}h26" ${stroke(subject)}/>${name}`;
  });
}

/** Who is far off, and by how much: lines may hide each other. */
function caption({ bySubject }: Replayed, shows: "excess" | "denials"): string {
  const excess = shows === "excess";
  const texts = SUBJECTS.map((subject) => ({ subject, ...bySubject[subject].verdict }))
    .filter(({ most, wronglyDenied, arrivals }) =>
      excess ? most > (1 + WORTH_NAMING) * TRACE_TERMS.limit : wronglyDenied > WORTH_NAMING * arrivals,
    )
    .map(({ subject, most, wronglyDenied, arrivals }) => {
      const figure = excess ? number(most) : `${number((100 * wronglyDenied) / arrivals)} %`;
      return `${NAMES[subject]} ${figure}`;
    });
  return `${excess ? "Most in one minute" : "Wrongly denied"}: ${texts.join(" · ")}`;
}

function panel({ trace, bySubject }: Replayed, [title, below]: [string, string], top: number): string[] {
  const { limit, windowS } = TRACE_TERMS;
  const columns = PLOT / COLUMN;
  const most = 2.1 * limit;
  const x = (column: number) => LEFT + column * COLUMN;
  const y = (value: number) => top + PANEL - (value / most) * PANEL;
  const line = (subject: Subject) => {
    const own = trace.arrivals.filter((_, index) => bySubject[subject].admitted[index]);
    const columnMs = (MINUTES * 60_000) / columns;
    const held = heldByColumn(own, { beginMs: BEGIN_MS, columnMs, columns, windowMs: windowS * 1000 });
    return `<path d="${stepPath(held, x, y)}" ${stroke(subject)}/>`;
  };
  const rule = (value: number) =>
    `<path d="M${LEFT} ${round(y(value))}h${PLOT}" stroke="${value === limit ? "#c00" : "#ddd"}"/>` +
    `<text x="${LEFT - 8}" y="${round(y(value) + 4)}" text-anchor="end"${value === limit ? ' fill="#c00"' : ""}>${value}</text>`;
  const minute = (at: number) => {
    const place = LEFT + (at / MINUTES) * PLOT;
    return (
      `<path d="M${round(place)} ${top + PANEL}v4" stroke="#999"/>` +
      `<text x="${round(place)}" y="${top + PANEL + 18}" text-anchor="middle">${at}</text>`
    );
  };
  return [
    `<text x="${LEFT}" y="${top - 26}" font-weight="600" fill="#111">${title}</text>`,
    `<text x="${LEFT}" y="${top - 9}" font-size="12">${below}</text>`,
    `<text transform="translate(18 ${top + PANEL / 2}) rotate(-90)" text-anchor="middle">admitted</text>`,
    ...[0, limit, 2 * limit].map(rule),
    ...Array.from({ length: MINUTES + 1 }, (_, at) => minute(at)),
    ...DRAWN.map(line),
    `<text x="${LEFT + PLOT - 4}" y="${round(y(limit) - 5)}" text-anchor="end" fill="#c00">limit</text>`,
  ];
}

function stroke(subject: Subject): string {
  const { colour, dash } = LINES[subject];
  const dashes = dash === undefined ? "" : ` stroke-dasharray="${dash}"`;
  return `fill="none" stroke="${colour}" stroke-width="${subject === "ours" ? 3 : 1.8}"${dashes}`;
}

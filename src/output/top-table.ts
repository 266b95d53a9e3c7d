/* The table of `live --top`: sorted rows of one kind, as many as there is room for. */
import { type RateRow, REMEMBERED } from "../analysis/rates.js";
import { printable } from "../text.js";
import { sparkline } from "./sparkline.js";
import { grouped, type Style } from "./table.js";
import { TOP_KINDS, type TopNames } from "./top-kinds.js";
import type { Sort, TopView } from "./top-view.js";
import { fitted, line, type Part, widthOf } from "./width.js";

/** Cells between columns. */
const GAP = 2;
/** A column of names is not made narrower than this to have room for numbers. */
const NARROW = 12;
/** Cells that the picture of the last minute wants at least. */
const LEAST_SPARKS = 11;

/** A column of numbers. */
interface NumberColumn {
  readonly title: string;
  readonly width: number;
  readonly text: (row: RateRow) => string;
}

const number = (title: string, width: number, text: (row: RateRow) => number): NumberColumn => ({
  title,
  width,
  text: (row) => scaled(text(row)),
});
const PACKETS = number("PACKETS/S", 9, (row) => row.packetRate);
const BYTES = number("BYTES", 6, (row) => row.bytes);
/** The most important first. */
const ONE_WAY = [number("BIT/S", 6, (row) => row.byteRate * 8), PACKETS, BYTES];
const TWO_WAY = [
  number("SENT BIT/S", 10, (row) => (row.byteRate - row.receivedRate) * 8),
  number("RECEIVED", 8, (row) => row.receivedRate * 8),
  PACKETS,
  BYTES,
];

/** The lines of the table, and how many rows of all there are among them. */
export function topTable(
  all: readonly RateRow[],
  view: TopView,
  naming: TopNames,
  { width, height }: { width: number; height: number },
  style: Style,
): { lines: string[]; rows: number } {
  const { kind } = view;
  const rows = sorted(filtered(all, view.filter), view.sort, view.isReversed);
  const room = Math.max(0, height - 2);
  view.offset = Math.max(0, Math.min(view.offset, rows.length - room));
  const shown = rows.slice(view.offset, view.offset + room);

  const headings = kind.headings(naming);
  const cells = shown.map((row) => row.cells);
  // Columns do not move with each row that comes and goes.
  view.widest = headings.map((heading, c) =>
    cells.reduce((widest, texts) => Math.max(widest, widthOf(texts[c])), view.widest[c] ?? heading.length),
  );
  const natural = view.widest;
  const numbers = columnsFor(kind.isTwoWay ? TWO_WAY : ONE_WAY, natural, width);
  const taken = numbers.reduce((sum, column) => sum + GAP + column.width, 0);
  // Names have the room, the picture what they leave.
  const gaps = GAP * (headings.length - 1);
  const leastSparks = LEAST_SPARKS + GAP;
  const isRoomy = width - taken - gaps >= natural.length * NARROW + leastSparks;
  const widths = narrowed(natural, width - taken - gaps - (isRoomy ? leastSparks : 0));
  const left = width - taken - gaps - widths.reduce((sum, each) => sum + each, 0) - GAP;
  const sparks = isRoomy ? Math.min(REMEMBERED, left) : 0;

  const rowOf = (texts: readonly string[], values: readonly string[], end: string): string => {
    const parts = [
      ...texts.map((text, c) => fitted(text, widths[c], "left")),
      ...values.map((text, c) => fitted(text, numbers[c].width, "right")),
      ...(sparks > 0 ? [end] : []),
    ];
    return parts.join(" ".repeat(GAP)).trimEnd();
  };
  const titles = rowOf(
    headings,
    numbers.map(({ title }) => title),
    fitted("LAST MINUTE", sparks, "left"),
  );
  const lines = shown.map((row, index) => {
    const values = numbers.map(({ text }) => text(row));
    const text = rowOf(cells[index], values, sparkline(row.lately, REMEMBERED, sparks));
    return line(width, [row.packetRate > 0 ? text : [text, style.dim]]);
  });
  return {
    lines: [
      line(width, tabs(view, all.length, rows.length, shown.length, style)),
      line(width, [[titles, style.bold]]),
      ...lines,
    ].slice(0, height),
    rows: room,
  };
}

/** Which table this is, how it is sorted and filtered, and which part of it is seen. */
function tabs(view: TopView, all: number, matching: number, shown: number, style: Style): Part[] {
  const { sort, isReversed, filter, offset } = view;
  const kinds = TOP_KINDS.flatMap((kind): Part[] => [
    kind === view.kind ? [`[${kind.title}]`, style.cyan] : ` ${kind.title} `,
  ]);
  const order = sort === "name" ? ["a to z", "z to a"] : ["most first", "least first"];
  const part = shown < matching ? `, ${grouped(offset + 1)} to ${grouped(offset + shown)}` : "";
  const of =
    filter === "" ? grouped(all) : `${grouped(matching)} of ${grouped(all)} with "${printable(filter)}"`;
  return [...kinds, `  ${of}${part}, by ${sort}, ${order[isReversed ? 1 : 0]}`];
}

/** The columns there is room for beside names of this width, or of the least there can be. */
function columnsFor(
  columns: readonly NumberColumn[],
  natural: readonly number[],
  width: number,
): NumberColumn[] {
  let room = width - natural.reduce((sum, each) => sum + Math.min(each, NARROW) + GAP, -GAP);
  const fitting: NumberColumn[] = [];
  for (const column of columns) {
    room -= GAP + column.width;
    if (room < 0) break;
    fitting.push(column);
  }
  return fitting;
}

/** Widths that together are `room` at most: the widest give way. */
function narrowed(widths: readonly number[], room: number): number[] {
  const result = [...widths];
  let surplus = result.reduce((sum, each) => sum + each, 0) - room;
  for (; surplus > 0; surplus--) {
    const widest = result.indexOf(Math.max(...result));
    if (result[widest] === 0) break;
    result[widest]--;
  }
  return result;
}

function filtered(rows: readonly RateRow[], filter: string): readonly RateRow[] {
  if (filter === "") return rows;
  const wanted = filter.toLowerCase();
  return rows.filter(({ cells }) => cells.join(" ").toLowerCase().includes(wanted));
}

/** A new list. Rows of which there is the same come by name, so that they stay where they are. */
function sorted(rows: readonly RateRow[], sort: Sort, isReversed: boolean): RateRow[] {
  const way = isReversed ? -1 : 1;
  if (sort === "name") {
    const named = rows.map((row) => ({ row, name: row.cells.join("\0") }));
    return named.sort((a, b) => way * compare(a.name, b.name)).map(({ row }) => row);
  }
  const value = VALUES[sort];
  return [...rows].sort((a, b) => way * (value(b) - value(a)) || compare(a.id, b.id));
}

const VALUES: Readonly<Record<Exclude<Sort, "name">, (row: RateRow) => number>> = {
  "bit/s": (row) => row.byteRate,
  "packets/s": (row) => row.packetRate,
  bytes: (row) => row.bytes,
};

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** A number in six characters at most: 512, 12.3k, 1.23G. */
export function scaled(value: number): string {
  if (value < 999.5) return `${Math.round(value)}`;
  let scale = value;
  let unit = -1;
  while (scale >= 999.5 && unit < UNITS.length - 1) {
    scale /= 1000;
    unit++;
  }
  return `${scale.toPrecision(3)}${UNITS[unit]}`;
}
const UNITS = "kMGTPE";

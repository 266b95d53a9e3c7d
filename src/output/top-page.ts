/* The page of `live --top` as lines for a terminal. */
import type { RateRow } from "../analysis/rates.js";
import { printable } from "../text.js";
import type { Style } from "./table.js";
import { grouped } from "./table.js";
import { clockTime } from "./time.js";
import { TOP_KINDS, type TopNames } from "./top-kinds.js";
import { scaled, topTable } from "./top-table.js";
import type { TopView } from "./top-view.js";
import { line, type Part } from "./width.js";

/** How a capture is at one moment. */
export interface TopPicture {
  readonly devices: readonly string[];
  /** Milliseconds since 1970, and since the beginning. */
  readonly nowMs: number;
  readonly sinceMs: number;
  /** A second. */
  readonly packetRate: number;
  readonly byteRate: number;
  /** Since the beginning. */
  readonly packets: number;
  readonly bytes: number;
  /** What may be wrong, and how many packets; since the beginning. */
  readonly faults: readonly (readonly [string, number])[];
  /** Packets that the filters of the command line left out; null without any. */
  readonly filteredOut: number | null;
  /** A line each: how the databases and devices are, and what was said last. */
  readonly states: readonly TopState[];
  /** Rows by kind, as in TOP_KINDS. */
  readonly rows: readonly (readonly RateRow[])[];
}

export interface TopState {
  readonly text: string;
  readonly isBad: boolean;
}

export interface Size {
  readonly width: number;
  readonly height: number;
}

/** Lines of the table, its headings included, that stay where lines are few. */
const LEAST_TABLE = 4;

const HELP = [
  "q, Control-C   end",
  "p, space       hold the picture; counting goes on",
  "Tab, f o t d   flows, ports, tunnels, datapaths",
  "s, < >         sort by bit/s, packets/s, bytes or name",
  "r              the other way round",
  "/              show rows that have a text; Enter keeps it, Esc shows all",
  "arrows, PgUp, PgDn, Home, End   scroll",
  "bit/s and packets/s are those of the last second; the last minute is drawn",
  "beside each row's own peak. Without packets a row goes after three minutes.",
];

/** The page, no line of which is wider, and how many rows of the table it has. Moves the view to where there are rows. */
export function topPage(
  picture: TopPicture,
  view: TopView,
  { width, height }: Size,
  { naming, isPaused, style, utc }: { naming: TopNames; isPaused: boolean; style: Style; utc: boolean },
): { lines: string[]; rows: number } {
  const head = [...heading(picture, isPaused, width, style, utc)].slice(
    0,
    Math.max(0, height - LEAST_TABLE - 1),
  );
  const room = Math.max(0, height - head.length - 1);
  const foot = footer(view, width, style);
  if (view.isHelp) {
    const help = HELP.slice(0, room).map((text) => line(width, [text]));
    return { lines: [...head, ...padded(help, room), foot].slice(0, height), rows: 0 };
  }
  const table = topTable(
    picture.rows[TOP_KINDS.indexOf(view.kind)],
    view,
    naming,
    { width, height: room },
    style,
  );
  return { lines: [...head, ...padded(table.lines, room), foot].slice(0, height), rows: table.rows };
}

function padded(lines: readonly string[], count: number): string[] {
  return Array.from({ length: count }, (_, index) => lines[index] ?? "");
}

/** The most important lines first. */
function* heading(
  picture: TopPicture,
  isPaused: boolean,
  width: number,
  style: Style,
  utc: boolean,
): Generator<string> {
  const { packetRate, byteRate, packets, bytes, filteredOut } = picture;
  const time = clockTime(Math.floor(picture.nowMs / 1000), 0, utc).slice(0, 8);
  yield line(width, [
    ...(isPaused ? [["PAUSED", style.yellow] as Part, " "] : []),
    [picture.devices.map((device) => printable(device)).join(", "), style.bold],
    `  ${time}${utc ? " UTC" : ""}, for ${elapsed(picture.sinceMs)}`,
  ]);
  yield line(width, [
    [`${scaled(packetRate)} packets/s  ${scaled(byteRate * 8)} bit/s`, style.bold],
    `  ${grouped(packets)} packets, ${scaled(bytes)} bytes in all`,
  ]);
  const faults = picture.faults.flatMap(([what, count], index): Part[] => [
    index === 0 ? "" : "  ",
    count > 0 ? [`${what} ${grouped(count)}`, style.yellow] : `${what} 0`,
  ]);
  yield line(width, [...faults, ...(filteredOut === null ? [] : [`  filtered out ${grouped(filteredOut)}`])]);
  // What is wrong must not be what has no room.
  for (const { text, isBad } of [...picture.states].sort((a, b) => Number(b.isBad) - Number(a.isBad)))
    yield line(width, [isBad ? [text, style.yellow] : text]);
}

function footer({ isTyping, filter, isHelp }: TopView, width: number, style: Style): string {
  if (isTyping) return line(width, [["filter: ", style.bold], `${printable(filter)}_`]);
  if (isHelp) return line(width, [["q end  any other key: back to the table", style.dim]]);
  return line(width, [["q end  p pause  Tab next table  s sort  r reverse  / filter  ? help", style.dim]]);
}

/** A length of time as `H:MM:SS`. */
function elapsed(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  const two = (value: number): string => `${value}`.padStart(2, "0");
  return `${Math.floor(seconds / 3600)}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
}

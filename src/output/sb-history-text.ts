import { type MulticastGroup, type Port, type PortEvent, portEncaps } from "../southbound/index.js";
import { printable, quoted } from "../text.js";
import { typeText } from "./port-words.js";
import { eventEncaps, type KeyHistory, type PortHistory } from "./sb-history.js";
import type { SbNames } from "./sb-names.js";
import { bindingText, chassisText, durationText, encapsText } from "./sb-words.js";
import { type Style, table } from "./table.js";
import { momentText } from "./time.js";

export interface SbHistoryTextOptions {
  utc: boolean;
  names: SbNames;
  style: Style;
}

/** The answer of `sb history` for people, in pieces: whose it is, how far back it is known, a line an event. */
export function* sbHistoryText(
  history: PortHistory | KeyHistory,
  options: SbHistoryTextOptions,
): Generator<string> {
  const { style, utc, names } = options;
  const { inventory, events } = history;
  yield history.kind === "port" ? portHeading(history, options) : keyHeading(history, options);
  yield `${style.dim(knownSince(inventory, utc))}\n\n`;
  if (history.kind === "key" && history.holders.length > 0) yield `${holderTable(history, options)}\n`;
  const many = history.kind === "key" && history.holders.length > 1;
  const width = Math.max(0, ...events.map(({ event }) => event.length));
  let last = Number.NaN;
  for (const event of events) {
    const when = moment(event.time, utc);
    // A moment is told once: what follows without one happened together.
    const stamp = event.time === last ? " ".repeat(when.length) : style.dim(when);
    last = event.time;
    const what = eventText(event, names);
    const text = many
      ? [ownerText(event.subject, names), what].filter((part) => part !== "").join(": ")
      : what;
    const word = text === "" ? event.event : event.event.padEnd(width);
    yield `${stamp}  ${mark(event, word, style)}${text === "" ? "" : `  ${text}`}\n`;
  }
}

/** When something happened, or that it always was so. */
function moment(time: number, utc: boolean): string {
  return Number.isFinite(time) ? momentText(time, utc) : "-";
}

/** How far back the source remembers, in a line. */
function knownSince(
  { hasHistory, historyStart, latestDate, format }: PortHistory["inventory"],
  utc: boolean,
): string {
  if (!hasHistory) return `no history: the source is a ${format}, which tells of one moment only`;
  const zone = utc ? "UTC" : "local time";
  const why = format === "journal" ? "the database was created or compacted then" : "the record begins then";
  const start = Number.isFinite(historyStart)
    ? `unknown before ${momentText(historyStart, utc)} (${why})`
    : "unknown before it was followed";
  const end = latestDate === null ? "" : `; last recorded ${momentText(latestDate, utc)}`;
  return `${start}${end}; ${zone}`;
}

function portHeading({ name, events }: PortHistory, { style, names }: SbHistoryTextOptions): string {
  const last = events.at(-1)?.subject;
  const known = last === undefined || last.name !== name ? quoted(name) : ownerText(last, names);
  return `${style.bold(`Port ${known}`)}\n`;
}

function keyHeading(
  { datapathKey, key, inventory }: KeyHistory,
  { style, names }: SbHistoryTextOptions,
): string {
  const datapath = inventory.datapath(datapathKey, Number.POSITIVE_INFINITY);
  const name = datapath === null ? "" : ` (${names.datapath(datapath)})`;
  return `${style.bold(`Key ${key} of vni ${datapathKey}`)}${name}\n`;
}

function holderTable({ holders }: KeyHistory, { utc, style, names }: SbHistoryTextOptions): string {
  const left = (title: string) => ({ title, align: "left" }) as const;
  const rows = holders.map(({ owner, from, until }) => [
    moment(from, utc),
    Number.isFinite(until) ? momentText(until, utc) : "-",
    ownerText(owner, names),
    owner.kind === "port" ? typeText(owner.type) : "multicast",
    owner.uuid ?? "",
  ]);
  return table([left("FROM"), left("UNTIL"), left("HOLDER"), left("TYPE"), left("UUID")], rows, style);
}

/** The event's name in the colour of what it means for the port. */
function mark({ event }: PortEvent, word: string, style: Style): string {
  switch (event) {
    case "bound":
    case "also-bound":
    case "up":
      return style.green(word);
    case "moved":
    case "key-changed":
    case "key-reused":
    case "replaced":
      return style.yellow(word);
    case "unbound":
    case "also-unbound":
    case "down":
    case "deleted":
      return style.red(word);
    default:
      return style.cyan(word);
  }
}

function eventText(happened: PortEvent, names: SbNames): string {
  const { event, time, subject, before, chassis, lastBinding, holder } = happened;
  const key = (owner: typeof before): string => keyText(owner, names);
  const earlier = holder === null ? "" : `; the key was ${ownerText(holder.owner, names)}'s before`;
  const where = chassis === null ? "" : chassisText(chassis, eventEncaps(happened));
  switch (event) {
    case "known":
      return `${place(subject, names)}${subject.kind === "port" ? `, ${bindingText(subject)}` : ""}; since when is unknown`;
    case "created":
    case "replaced":
      return `${place(subject, names)}${earlier}`;
    case "renamed":
      return `${quoted(before?.name ?? "?")} -> ${quoted(subject.name)}`;
    case "key-changed":
      return `${key(before)} -> ${key(subject)}${earlier}`;
    case "key-reused":
      return `${key(subject)} is now ${holder === null ? "?" : ownerText(holder.owner, names)}'s`;
    case "type-changed":
      return `${portText(before, ({ type }) => typeText(type))} -> ${portText(subject, ({ type }) => typeText(type))}`;
    case "addresses-changed":
      return `${portText(before, addresses)} -> ${portText(subject, addresses)}`;
    case "tunnel-changed":
      return `${printable(chassis?.name ?? "?")}: ${portText(before, tunnels)} -> ${portText(subject, tunnels)}`;
    case "bound":
      return `on ${where}`;
    case "moved": {
      if (lastBinding === null) return `to ${where}`;
      const pause = time - lastBinding.until;
      const gap = pause > 0 ? `, after ${durationText(pause)} unbound` : "";
      return `${chassisText(lastBinding.chassis)} -> ${where}${gap}`;
    }
    case "unbound":
      return `from ${where}`;
    case "also-bound":
      return `on ${where}, too`;
    case "also-unbound":
      return `from ${where}`;
    case "deleted":
      return key(subject);
    default:
      return "";
  }
}

/** What a port is when it comes into the story. */
function place(subject: Port | MulticastGroup, names: SbNames): string {
  if (subject.kind !== "port") return `multicast group key ${subject.tunnelKey}`;
  return [`${typeText(subject.type)} ${keyText(subject, names)}`, ...subject.mac.map(printable)].join(", ");
}

function keyText(subject: Port | MulticastGroup | null, names: SbNames): string {
  if (subject === null) return "?";
  if (subject.kind !== "port") return `key ${subject.tunnelKey}`;
  return `key ${subject.tunnelKey} of vni ${subject.datapathKey} (${names.datapath(subject.datapath)})`;
}

function ownerText(owner: Port | MulticastGroup, names: SbNames): string {
  return owner.kind === "port" ? names.port(owner) : printable(owner.name);
}

function portText(subject: Port | MulticastGroup | null, say: (port: Port) => string): string {
  return subject?.kind === "port" ? say(subject) : "?";
}

function addresses({ mac }: Port): string {
  return mac.length === 0 ? "none" : mac.map(printable).join(", ");
}

function tunnels(port: Port): string {
  const encaps = portEncaps(port);
  return encaps.length === 0 ? "none" : encapsText(encaps);
}

import type { BareKeys } from "../analysis/bare-keys.js";
import type { Namer } from "../analysis/namer.js";
import type { CaptureSource, PacketBatch } from "../capture/batch.js";
import { momentMs } from "../capture/moment.js";
import { type FrameBatch, FrameFlag } from "../frame/columns.js";
import type { FrameDecoder } from "../frame/decode.js";
import { outerAddress, outerDestinationAt, outerSourceAt } from "../frame/outer.js";
import { FrameStatus, layerName, statusName, stopText } from "../frame/status.js";
import { printable, shown } from "../text.js";
import { Ipv4Offset } from "../wire/ipv4.js";
import { egressOf, ingressOf } from "../wire/ovn-option.js";
import { BareWords } from "./bare-words.js";
import { BelowLine } from "./below-line.js";
import { ClockWriter } from "./clock.js";
import { Literal, putAscii, putLiteral, putNumber, putShort } from "./digits.js";
import { InnerSummary } from "./inner-summary.js";
import { KeptTexts } from "./kept-texts.js";
import type { LineBuffer } from "./line-buffer.js";
import { label, type NameChoice } from "./names.js";
import type { PacketPrinter } from "./printer.js";
import type { Style } from "./table.js";
import { otherKeys } from "./tunnel-words.js";

export interface TextOptions {
  utc: boolean;
  /** Layers below each line. */
  verbose: boolean;
  /** Bytes below each line. */
  hex: boolean;
  /** Which of its names a thing is shown by. */
  names: NameChoice;
  style: Style;
  /** Lines for beside packets that others show: without the time and what is inside. */
  comments?: boolean;
  /** What fills in the keys of bare frames, where there may be such. */
  bare?: BareKeys | null;
  /** Lines name the interface: there are several devices. */
  devices?: boolean;
}

// Numbers of the module's own: what is imported is looked up at each use, which shows here.
const OVN = FrameFlag.ovn;
const OAM = FrameFlag.oam;
const BFD = FrameFlag.bfd;
const BARE = FrameFlag.bare;
const OTHER_TUNNEL = FrameFlag.otherTunnel;
const IPV6 = FrameFlag.outerIpv6;
const OK = FrameStatus.ok;
const NOT_GENEVE = FrameStatus.notGeneve;
const IPV4_SOURCE = Ipv4Offset.source;
const IPV4_DESTINATION = Ipv4Offset.destination;
const BLANK = 0x20;
const NEWLINE = 0x0a;
const BRACKET = 0x5d;
const VNI = new Literal(" [vni ");
const IN = new Literal(" in ");
const OUT = new Literal(" out ");
const ARROW = new Literal(" ->");
/** Above the VNI in the first word of a name's key. The second one is the port's key. */
const NETWORK = 0;
const PORT = 1 << 24;
/** Words of a stop's key; those of hosts have two, three, eight or nine. */
const STOP_WORDS = 4;

/**
 * One line a packet (docs/cli.md), with the layers or bytes below it where asked for. Names are put together once
 * a tunnel, network and port, and for the time in which they hold.
 */
export class TextPrinter implements PacketPrinter {
  readonly keysOnly: boolean;
  beforeHistory = 0;
  readonly #namer: Namer | null;
  readonly #options: TextOptions;
  readonly #clock: ClockWriter;
  readonly #beforeClock: Literal;
  readonly #behindClock: Literal;
  readonly #summary = new InnerSummary();
  readonly #below: BelowLine | null;
  readonly #bare: BareWords | null;
  /** Names of networks and ports. */
  readonly #names: KeptTexts;
  /** Hosts by their addresses, and why packets stopped. */
  readonly #hosts: KeptTexts;
  #interfaces: CaptureSource["interfaces"] = [];
  /** Names of interfaces, as lines have them. */
  #devices: Literal[] = [];

  constructor(namer: Namer | null, decoder: FrameDecoder, options: TextOptions) {
    this.#namer = namer;
    this.#options = options;
    const { bare = null } = options;
    this.#bare = bare && new BareWords(bare, namer, options.names);
    this.#below = options.verbose || options.hex ? new BelowLine(namer, decoder, this.#bare, options) : null;
    this.keysOnly = !options.verbose;
    this.#clock = new ClockWriter(options.utc);
    const [before, behind] = options.style.dim("|").split("|");
    this.#beforeClock = new Literal(before);
    this.#behindClock = new Literal(behind);
    this.#names = new KeptTexts(namer);
    this.#hosts = new KeptTexts(namer);
  }

  startFile(source: Pick<CaptureSource, "name" | "interfaces">): void {
    this.#below?.startFile(source);
    this.#interfaces = source.interfaces;
    this.#devices = [];
  }

  write(
    packets: PacketBatch,
    frames: FrameBatch,
    rows: Int32Array,
    from: number,
    count: number,
    out: LineBuffer,
  ): number {
    const { tsSec, tsNsec } = packets;
    const { flags, status, outerIp, vni } = frames;
    const input = packets.view;
    const clock = this.#clock;
    const beforeClock = this.#beforeClock;
    const behindClock = this.#behindClock;
    const summary = this.#summary;
    const below = this.#below;
    const bare = this.#bare;
    const isMarked = beforeClock.length > 0;
    const isComment = this.#options.comments === true;
    const isNamed = this.#namer !== null;
    const hasDevices = this.#options.devices === true;
    const { limit } = out;
    this.#names.keepUp();
    this.#hosts.keepUp();
    let { view, at } = out;
    let n = from;
    for (; n < count && at < limit; n++) {
      const i = rows[n];
      const time = momentMs(tsSec[i], tsNsec[i]);
      if (isMarked) at = putLiteral(view, at, beforeClock);
      if (!isComment) at = clock.write(view, at, tsSec[i], tsNsec[i]);
      if (isMarked) at = putLiteral(view, at, behindClock);
      if (hasDevices) at = putLiteral(view, at, this.#device(packets.interfaceIndex[i]));
      if (outerIp[i] >= 0) at = this.#putHosts(out, at, packets, frames, i, time);
      const isBare = bare !== null && (flags[i] & BARE) !== 0;
      if (isBare) at = putText(out, at, bare.hosts(packets, i));
      if (isNamed && (flags[i] & OVN) !== 0) at = this.#putNames(out, at, packets, frames, i, time);
      if (isBare) at = putText(out, at, bare.keys(packets, frames, i));
      view = out.view;
      if ((flags[i] & OTHER_TUNNEL) !== 0) at = putText(out, at, ` [${otherKeys(input, frames, i)}]`);
      else if (!isBare && vni[i] >= 0) at = putKeys(view, at, frames, i);
      view = out.view;
      const next = isComment ? 0 : summary.write(view, at + 1, input, frames, i);
      if (next > at + 1) {
        view.setUint8(at, BLANK);
        at = next;
      }
      if (status[i] !== OK) {
        at = this.#putStop(out, at, frames, i);
        view = out.view;
      }
      view.setUint8(at++, NEWLINE);
      if (below !== null) {
        out.at = at;
        out.text(below.text(packets, frames, i));
        view = out.view;
        at = out.at;
      }
    }
    out.at = at;
    return n;
  }

  #device(index: number): Literal {
    this.#devices[index] ??= new Literal(` ${shown(this.#interfaces[index]?.name ?? "?")}`);
    return this.#devices[index];
  }

  /** Writes the hosts of packet `i`: chassis by name where known, else by address. */
  #putHosts(
    out: LineBuffer,
    at: number,
    packets: PacketBatch,
    frames: FrameBatch,
    i: number,
    time: number,
  ): number {
    const hosts = this.#hosts;
    const { view } = packets;
    const ip = frames.outerIp[i];
    if ((frames.flags[i] & IPV6) === 0 && frames.status[i] !== NOT_GENEVE) {
      const source = view.getInt32(ip + IPV4_SOURCE);
      const next = hosts.put2(out.view, at, source, view.getInt32(ip + IPV4_DESTINATION), time);
      if (next >= 0) return next;
    }
    const isIpv6 = (frames.flags[i] & IPV6) !== 0;
    const source = outerSourceAt(frames, i);
    let count = hosts.addWords(0, view, source, isIpv6 ? 32 : 8);
    // What is no tunnel's packet is of no chassis.
    const namer = frames.status[i] === NOT_GENEVE ? null : this.#namer;
    if (namer === null) hosts.key[count++] = 0;
    const next = hosts.put(out.view, at, count, time);
    if (next >= 0) return next;
    const host = (chassis: string | null | undefined, offset: number): string =>
      chassis == null ? outerAddress(view, frames, i, offset) : printable(chassis);
    this.#namer?.begin();
    const from = host(namer?.sourceChassis(packets, frames, i), source);
    const to = host(namer?.destinationChassis(packets, frames, i), outerDestinationAt(frames, i));
    return hosts.keep(out, at, count, ` ${from} > ${to}`);
  }

  /** Writes ` network2: net2-router1 -> vm2`, with `?` for what has no name. */
  #putNames(
    out: LineBuffer,
    at: number,
    packets: PacketBatch,
    frames: FrameBatch,
    i: number,
    time: number,
  ): number {
    const names = this.#names;
    const vni = frames.vni[i];
    const word = frames.ovnKeys[i];
    const ingress = ingressOf(word);
    const egress = egressOf(word);
    let next = names.put2(out.view, at, vni, 0, time);
    if (next < 0) next = this.#putName(out, at, packets, frames, i, NETWORK, 0);
    else this.beforeHistory += names.mark;
    const inport = names.put2(out.view, next, vni | PORT, ingress, time);
    next = inport < 0 ? this.#putName(out, next, packets, frames, i, PORT, ingress) : inport;
    next = putShort(out.view, next, ARROW);
    const outport = names.put2(out.view, next, vni | PORT, egress, time);
    return outport < 0 ? this.#putName(out, next, packets, frames, i, PORT, egress) : outport;
  }

  /** Puts one of these names together, that of the port with the key `port`, writes and keeps it. */
  #putName(
    out: LineBuffer,
    at: number,
    packets: PacketBatch,
    frames: FrameBatch,
    i: number,
    kind: number,
    port: number,
  ): number {
    const { style, names } = this.#options;
    const namer = this.#namer;
    if (namer === null) return at;
    namer.begin();
    const { datapath, inport, outport, beforeHistory } = namer.keys(packets, frames, i);
    const isAsked = names !== "logical";
    let text: string;
    if (kind === NETWORK) {
      const friendly = isAsked && datapath !== null ? namer.datapathName(packets, i, datapath) : null;
      text = ` ${style.cyan(`${label(datapath?.name, friendly, names, style.dim) ?? "?"}:`)}`;
      this.beforeHistory += Number(beforeHistory);
    } else {
      const found = port === ingressOf(frames.ovnKeys[i]) ? inport : outport;
      const friendly =
        isAsked && found?.kind === "port" ? namer.portNames(packets, i, found)?.friendly : null;
      text = ` ${style.green(label(found?.name, friendly, names, style.dim) ?? "?")}`;
    }
    this.#names.key[0] = frames.vni[i] | kind;
    this.#names.key[1] = port;
    return this.#names.keep(out, at, 2, text, Number(beforeHistory));
  }

  /** Writes why packet `i` stopped. */
  #putStop(out: LineBuffer, at: number, frames: FrameBatch, i: number): number {
    const { status, stopLayer, stopReason, stopOffset } = frames;
    const kept = this.#hosts;
    kept.key[0] = status[i] | (stopLayer[i] << 8) | (stopReason[i] << 16);
    kept.key[1] = stopOffset[i];
    kept.key[2] = 0;
    kept.key[3] = 0;
    const next = kept.put(out.view, at, STOP_WORDS, 0);
    if (next >= 0) return next;
    this.#namer?.begin();
    return kept.keep(out, at, STOP_WORDS, ` ${this.#options.style.yellow(stop(frames, i))}`);
  }
}

/** Writes text of any length; `out.view` may be another one then. */
function putText(out: LineBuffer, at: number, text: string): number {
  out.at = at;
  out.text(text);
  return out.at;
}

/** Writes ` [vni 2 in 2 out 1]`. */
function putKeys(out: DataView, at: number, frames: FrameBatch, i: number): number {
  const flags = frames.flags[i];
  let next = putNumber(out, putShort(out, at, VNI), frames.vni[i]);
  if ((flags & OVN) !== 0) {
    const keys = frames.ovnKeys[i];
    next = putNumber(out, putShort(out, next, IN), ingressOf(keys));
    next = putNumber(out, putShort(out, next, OUT), egressOf(keys));
  }
  if ((flags & BFD) !== 0) next = putAscii(out, next, " bfd");
  else if ((flags & OAM) !== 0) next = putAscii(out, next, " oam");
  out.setUint8(next, BRACKET);
  return next + 1;
}

function stop(frames: FrameBatch, i: number): string {
  const { status, stopLayer, stopReason, stopOffset } = frames;
  const why = stopText(status[i], stopLayer[i], stopReason[i]);
  return `[${statusName(status[i])}: ${layerName(stopLayer[i])} at byte ${stopOffset[i]}: ${why}]`;
}

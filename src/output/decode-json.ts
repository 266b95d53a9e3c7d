import type { BareKeys } from "../analysis/bare-keys.js";
import type { Namer } from "../analysis/namer.js";
import type { CaptureSource, PacketBatch } from "../capture/batch.js";
import { momentMs } from "../capture/moment.js";
import { type FrameBatch, FrameFlag } from "../frame/columns.js";
import type { FrameDecoder } from "../frame/decode.js";
import type { HeaderLayer } from "../frame/layers.js";
import { outerSourceAt } from "../frame/outer.js";
import { MAC_BYTES } from "../wire/address.js";
import { EtherType, IpProtocol } from "../wire/ethertype.js";
import { Ipv4Offset } from "../wire/ipv4.js";
import { Ipv6Offset } from "../wire/ipv6.js";
import { egressOf, ingressOf } from "../wire/ovn-option.js";
import { IsoWriter } from "./clock.js";
import { Literal, putLiteral, putNumber } from "./digits.js";
import { fieldsOf } from "./fields.js";
import { InnerSummary } from "./inner-summary.js";
import { safeJson } from "./json.js";
import { JsonHeaders } from "./json-headers.js";
import { JsonNames } from "./json-names.js";
import { KeptTexts } from "./kept-texts.js";
import type { LineBuffer } from "./line-buffer.js";
import { type NameSources, NO_SOURCES } from "./names.js";
import { interfaceFields, PacketObjects } from "./packet-objects.js";
import { isPlain, transportLength } from "./plain-packet.js";
import type { PacketPrinter } from "./printer.js";

const CAPTURED = new Literal(',"capturedBytes":');
const ORIGINAL = new Literal(',"originalBytes":');
const OUTER = new Literal(',"status":"ok","outer":{');
const CLOSE = new Literal("},");
const OVN = new Literal('"ovn":{"datapathKey":');
const INGRESS = new Literal(',"ingressKey":');
const EGRESS = new Literal(',"egressKey":');
const INPORT = new Literal(',"inport":');
const OUTPORT = new Literal(',"outport":');
const SOURCE = new Literal(',"source":');
const DESTINATION = new Literal(',"destination":');
const RESERVED = new Literal(',"reserved":1');
const INNER = new Literal('},"inner":{');
const SUMMARY = new Literal(',"summary":"');
const END = new Literal('"}}\n');

/** Kinds of texts that are kept: the highest byte of the first word of their keys, above a VNI. */
const DATAPATH = 0;
const PORT = 1 << 24;
const END_OF = 2 << 24;
const LINK = 3 << 24;

/**
 * One JSON object a line (docs/cli.md). A packet without oddities is written straight into bytes; what is named,
 * and its link header, is put together once as an object and kept. All others are put together as objects.
 */
export class JsonPrinter implements PacketPrinter {
  readonly keysOnly = false;
  beforeHistory = 0;
  readonly #namer: Namer | null;
  readonly #names: JsonNames;
  readonly #objects: PacketObjects;
  readonly #headers = new JsonHeaders();
  readonly #summary = new InnerSummary();
  readonly #clock = new IsoWriter();
  /** Names of datapaths and ports, ends, link headers. */
  readonly #kept: KeptTexts;
  /** Chassis by the outer addresses. */
  readonly #hosts: KeptTexts;
  #start = new Literal("");
  #interfaces: CaptureSource["interfaces"] = [];
  /** What stands between the time and the captured bytes, by interface. */
  #interfaceNames: Literal[] = [];

  /** `bare`: what fills in the keys of bare frames, where there may be such. */
  constructor(
    namer: Namer | null,
    decoder: FrameDecoder,
    sources: NameSources = NO_SOURCES,
    bare: BareKeys | null = null,
  ) {
    this.#namer = namer;
    this.#names = new JsonNames(namer, sources);
    this.#objects = new PacketObjects(this.#names, decoder, bare);
    this.#kept = new KeptTexts(namer);
    this.#hosts = new KeptTexts(namer);
  }

  startFile(source: Pick<CaptureSource, "name" | "interfaces">): void {
    this.#objects.startFile(source);
    this.#start = new Literal(`{"file":${safeJson(source.name)},"number":`);
    this.#interfaces = source.interfaces;
    this.#interfaceNames = [];
  }

  write(
    packets: PacketBatch,
    frames: FrameBatch,
    rows: Int32Array,
    from: number,
    count: number,
    out: LineBuffer,
  ): number {
    this.#kept.keepUp();
    this.#hosts.keepUp();
    let n = from;
    for (; n < count && !out.full; n++) {
      const i = rows[n];
      if (isPlain(packets, frames, i)) this.#line(out, packets, frames, i);
      else {
        out.text(`${this.#objects.text(packets, frames, i)}\n`);
        if (this.#objects.isBeforeHistory) this.beforeHistory++;
      }
    }
    return n;
  }

  /** Writes a packet that isPlain. */
  #line(out: LineBuffer, packets: PacketBatch, frames: FrameBatch, i: number): void {
    const device = this.#interfaceName(packets.interfaceIndex[i]);
    // Two digits a byte of the payload.
    out.reserve(this.#start.length + device.length + 2 * packets.capturedBytes[i]);
    let { view } = out;
    let at = putLiteral(view, out.at, this.#start);
    at = putNumber(view, at, packets.firstNumber + i);
    at = this.#clock.write(view, at, packets.tsSec[i], packets.tsNsec[i]);
    at = putLiteral(view, at, device);
    at = putNumber(view, putLiteral(view, at, CAPTURED), packets.capturedBytes[i]);
    at = putNumber(view, putLiteral(view, at, ORIGINAL), packets.originalBytes[i]);
    at = this.#putLink(out, putLiteral(view, at, OUTER), packets, frames, i);
    view = out.view;
    at = this.#putOuter(view, at, packets, frames, i);
    at = this.#headers.geneve(view, at, packets.view, frames.geneve[i]);
    at = this.#putOvn(out, at, packets, frames, i);
    at = this.#putInner(out.view, at, packets, frames, i);
    out.at = at;
  }

  /** The IP and the UDP header outside. */
  #putOuter(out: DataView, start: number, packets: PacketBatch, frames: FrameBatch, i: number): number {
    const { view } = packets;
    const headers = this.#headers;
    const ip = frames.outerIp[i];
    const end = packets.offset[i] + packets.capturedBytes[i];
    const isIpv6 = (frames.flags[i] & FrameFlag.outerIpv6) !== 0;
    const type = isIpv6 ? EtherType.ipv6 : EtherType.ipv4;
    let at = isIpv6 ? headers.ipv6(out, start, view, ip) : headers.ipv4(out, start, view, ip, end);
    at = headers.transport(out, at, view, ip, end, type, IpProtocol.udp, frames.udp[i]);
    return putLiteral(out, at, CLOSE);
  }

  #putInner(out: DataView, start: number, packets: PacketBatch, frames: FrameBatch, i: number): number {
    const { view } = packets;
    const headers = this.#headers;
    const ip = frames.innerNetwork[i];
    const end = frames.innerEnd[i];
    const type = frames.innerType[i];
    let at = headers.ethernet(out, putLiteral(out, start, INNER), view, frames.inner[i], ip);
    at = type === EtherType.ipv6 ? headers.ipv6(out, at, view, ip) : headers.ipv4(out, at, view, ip, end);
    const protocol = frames.innerProtocol[i];
    const transport = frames.innerTransport[i];
    at = headers.transport(out, at, view, ip, end, type, protocol, transport);
    at = headers.payload(out, at, view, transport + transportLength(view, protocol, transport), end);
    at = this.#summary.write(out, putLiteral(out, at, SUMMARY), view, frames, i);
    return putLiteral(out, at, END);
  }

  #putOvn(out: LineBuffer, start: number, packets: PacketBatch, frames: FrameBatch, i: number): number {
    const vni = frames.vni[i];
    const word = frames.ovnKeys[i];
    const ingress = ingressOf(word);
    const egress = egressOf(word);
    const time = momentMs(packets.tsSec[i], packets.tsNsec[i]);
    const kept = this.#kept;
    let at = putNumber(out.view, putLiteral(out.view, start, OVN), vni);
    at = putNumber(out.view, putLiteral(out.view, at, INGRESS), ingress);
    at = putNumber(out.view, putLiteral(out.view, at, EGRESS), egress);
    const datapath = kept.put2(out.view, at, vni, 0, time);
    if (datapath < 0) at = this.#putName(out, at, DATAPATH, 0, packets, frames, i);
    else {
      at = datapath;
      this.beforeHistory += kept.mark;
    }
    at = putLiteral(out.view, at, INPORT);
    const inport = kept.put2(out.view, at, vni | PORT, ingress, time);
    at = inport < 0 ? this.#putName(out, at, PORT, ingress, packets, frames, i) : inport;
    at = putLiteral(out.view, at, OUTPORT);
    const outport = kept.put2(out.view, at, vni | PORT, egress, time);
    at = outport < 0 ? this.#putName(out, at, PORT, egress, packets, frames, i) : outport;
    at = this.#putChassis(out, at, time, packets, frames, i);
    at = this.#putEnd(out, putLiteral(out.view, at, SOURCE), true, ingress, time, packets, frames, i);
    at = this.#putEnd(out, putLiteral(out.view, at, DESTINATION), false, egress, time, packets, frames, i);
    return word < 0 ? putLiteral(out.view, at, RESERVED) : at;
  }

  /** What the key `port` of packet `i`, or its VNI, stands for. */
  #putName(
    out: LineBuffer,
    at: number,
    kind: number,
    port: number,
    packets: PacketBatch,
    frames: FrameBatch,
    i: number,
  ): number {
    const names = this.#names;
    this.#namer?.begin();
    const resolution = names.resolution(packets, frames, i);
    this.#kept.key[0] = frames.vni[i] | kind;
    this.#kept.key[1] = port;
    if (kind === DATAPATH) {
      const datapath = names.datapath(packets, i, resolution?.datapath ?? null);
      const mark = Number(resolution?.beforeHistory === true);
      this.beforeHistory += mark;
      return this.#kept.keep(out, at, 2, `,"datapath":${safeJson(datapath)}`, mark);
    }
    const isIn = port === ingressOf(frames.ovnKeys[i]);
    const found = (isIn ? resolution?.inport : resolution?.outport) ?? null;
    return this.#kept.keep(out, at, 2, safeJson(names.port(packets, i, found)));
  }

  #putChassis(
    out: LineBuffer,
    at: number,
    time: number,
    packets: PacketBatch,
    frames: FrameBatch,
    i: number,
  ): number {
    const hosts = this.#hosts;
    const { view } = packets;
    const source = outerSourceAt(frames, i);
    const isIpv6 = (frames.flags[i] & FrameFlag.outerIpv6) !== 0;
    if (!isIpv6) {
      const next = hosts.put2(out.view, at, view.getInt32(source), view.getInt32(source + 4), time);
      if (next >= 0) return next;
    }
    const count = hosts.addWords(0, view, source, isIpv6 ? 32 : 8);
    const next = hosts.put(out.view, at, count, time);
    if (next >= 0) return next;
    this.#namer?.begin();
    const { sourceChassis, destinationChassis } = this.#names.chassis(packets, frames, i);
    const text = `,"sourceChassis":${safeJson(sourceChassis)},"destinationChassis":${safeJson(destinationChassis)}`;
    return hosts.keep(out, at, count, text);
  }

  /**
   * Whose one end of the inner packet is: what its key says; where that is a router's, what its MAC and its IP
   * address do.
   */
  #putEnd(
    out: LineBuffer,
    at: number,
    isSource: boolean,
    port: number,
    time: number,
    packets: PacketBatch,
    frames: FrameBatch,
    i: number,
  ): number {
    const kept = this.#kept;
    const vni = frames.vni[i];
    const known = kept.put2(out.view, at, vni | END_OF, port, time);
    if (known >= 0) return known;
    const { view } = packets;
    const isIpv6 = frames.innerType[i] === EtherType.ipv6;
    const bytes = isIpv6 ? 16 : 4;
    const source = frames.innerNetwork[i] + (isIpv6 ? Ipv6Offset.source : Ipv4Offset.source);
    kept.key[0] = vni | END_OF;
    kept.key[1] = port;
    let count = kept.addWords(2, view, frames.inner[i] + (isSource ? MAC_BYTES : 0), MAC_BYTES);
    count = kept.addWords(count, view, isSource ? source : source + bytes, bytes);
    const next = kept.put(out.view, at, count, time);
    if (next >= 0) return next;
    this.#namer?.begin();
    const role = isSource ? "source" : "destination";
    const end = this.#names.end(packets, frames, i, this.#objects.layers(packets, frames, i), role);
    return kept.keep(out, at, end?.by === "key" ? 2 : count, safeJson(end));
  }

  /** The link header; nothing where there is none. */
  #putLink(out: LineBuffer, at: number, packets: PacketBatch, frames: FrameBatch, i: number): number {
    const { view } = packets;
    const start = packets.offset[i];
    const bytes = frames.outerIp[i] - start;
    if (bytes === 0) return at;
    const linkType = this.#interfaces[packets.interfaceIndex[i]]?.linkType ?? -1;
    const kept = this.#kept;
    kept.key[0] = LINK | bytes;
    kept.key[1] = linkType;
    const count = kept.addWords(2, view, start, bytes);
    const next = kept.put(out.view, at, count, 0);
    if (next >= 0) return next;
    const [layer] = this.#objects.layers(packets, frames, i) as HeaderLayer[];
    const [name, fields] = fieldsOf(layer, false);
    this.#namer?.begin();
    return kept.keep(out, at, count, `"${name}":${safeJson(fields)},`);
  }

  #interfaceName(index: number): Literal {
    this.#interfaceNames[index] ??= new Literal(
      `,${safeJson(interfaceFields(this.#interfaces[index])).slice(1, -1)}`,
    );
    return this.#interfaceNames[index];
  }
}

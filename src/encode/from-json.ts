/**
 * Packets from the objects that `decode -o json` prints (docs/cli.md). What follows from the rest may be left out;
 * what is there must be right, unless its object says how it is wrong, such as a checksum that is `bad`.
 */
import type { Layer } from "../frame/layers.js";
import { EtherType } from "../wire/ethertype.js";
import { GENEVE_PORT } from "../wire/geneve.js";
import { LinkType } from "../wire/linktype.js";
import { STT_PORT } from "../wire/stt.js";
import { VXLAN_PORT } from "../wire/vxlan.js";
import type { Draft } from "./json-draft.js";
import { JsonFields, Largest } from "./json-fields.js";
import { finishedBytes } from "./json-finish.js";
import { geneve, ovnKeys } from "./json-geneve.js";
import { carriedBy, headersOf, type Nest, payloadOf, trailersOf } from "./json-nest.js";
import { stt, vxlan } from "./json-other-tunnels.js";
import { parseMoment } from "./json-time.js";
import type { EncodedPacket, Moment } from "./packet.js";

export { JsonFieldError } from "./json-fields.js";
export type { EncodedPacket } from "./packet.js";

/** A packet and what its object says of it. */
export interface PacketOfJson {
  packet: EncodedPacket;
  /** The bytes are those of the object's `frame`: whether its other fields say the same nobody has looked. */
  isGiven: boolean;
}

/** Link types by the link header in an object. */
const LINK_TYPES: Readonly<Record<string, readonly number[]>> = {
  eth: [LinkType.ETHERNET],
  sll: [LinkType.LINUX_SLL],
  sll2: [LinkType.LINUX_SLL2],
  null: [LinkType.NULL, LinkType.LOOP],
};
/** What carries each tunnel, to which port unless it says so, and what messages call it. */
const TUNNELS = {
  geneve: { carrier: "udp", port: GENEVE_PORT, words: "Geneve" },
  vxlan: { carrier: "udp", port: VXLAN_PORT, words: "VXLAN" },
  stt: { carrier: "tcp", port: STT_PORT, words: "STT" },
} as const;
type TunnelName = keyof typeof TUNNELS;
/** Without a link header. */
const RAW = [LinkType.RAW, LinkType.RAW_BSD, LinkType.RAW_OPENBSD, LinkType.IPV4, LinkType.IPV6];

/** The packet that `json` is. Throws a JsonFieldError, or a WireError of a writer, where it is none. */
export function packetFromJson(json: unknown): PacketOfJson {
  const fields = new JsonFields(json, "");
  // What was found out, and does not make the bytes.
  fields.skip("file", "number", "status", "stop");
  const moment = momentOf(fields);
  const name = fields.text("interface") ?? null;
  const isGiven = fields.has("frame");
  const frame = frameOf(fields, isGiven);
  fields.end();
  return { packet: { ...frame, ...moment, interface: name }, isGiven };
}

/** The bytes of the same packet, if they are not given: for who knows the rest. */
export function bytesFromJson(json: unknown): Uint8Array {
  return frameOf(new JsonFields(json, ""), false).bytes;
}

function frameOf(
  fields: JsonFields,
  isGiven: boolean,
): Pick<EncodedPacket, "bytes" | "originalBytes" | "linkType"> {
  const captured = fields.given("capturedBytes", Largest.long);
  const original = fields.given("originalBytes", Largest.long);
  const missing = captured === undefined || original === undefined ? 0 : Math.max(0, original - captured);
  const outer = fields.object("outer");
  const linkType = linkTypeOf(fields, outer, isGiven);
  let bytes: Uint8Array;
  if (isGiven) {
    bytes = fields.bytes("frame");
    fields.skip(...Object.keys(TUNNELS), "ovn", "inner");
  } else bytes = bytesOf(fields, outer, missing);
  if (captured !== undefined && captured !== bytes.length)
    throw fields.wrong("capturedBytes", `${captured}, but the frame has ${bytes.length}`);
  return { bytes, originalBytes: original ?? bytes.length, linkType };
}

function momentOf(fields: JsonFields): Moment {
  const text = fields.text("time");
  if (text === undefined) return { sec: 0, nsec: 0 };
  const moment = parseMoment(text);
  if (moment === null || moment.sec < 0)
    throw fields.wrong("time", "is not a time since 1970 such as 2026-11-21T07:20:00.000000000Z");
  return moment;
}

/** The link type as given, or as the link header says, which must fit unless `isGiven`. */
function linkTypeOf(fields: JsonFields, outer: JsonFields | null, isGiven: boolean): number {
  const given = fields.given("linkType", Largest.short);
  const header = Object.keys(LINK_TYPES).find((name) => outer?.has(name));
  const possible = header !== undefined ? LINK_TYPES[header] : outer?.has("ip") ? RAW : [LinkType.ETHERNET];
  if (given === undefined || isGiven || possible.includes(given)) return given ?? possible[0];
  throw fields.wrong(
    "linkType",
    `${given}, but outer begins with ${header ?? "ip"}, as ${possible.join(", ")}`,
  );
}

/** The header of a tunnel that is there, if any. */
function headerOf(fields: JsonFields): { name: TunnelName; header: JsonFields } | null {
  let found: { name: TunnelName; header: JsonFields } | null = null;
  for (const name of Object.keys(TUNNELS) as TunnelName[]) {
    const header = fields.object(name);
    if (header === null) continue;
    if (found !== null) throw fields.wrong(name, `there is ${found.name} already`);
    found = { name, header };
  }
  return found;
}

/** The tunnel's header, if there is one: as given, or Geneve's that the keys alone make. */
function tunnelOf(
  given: ReturnType<typeof headerOf>,
  ovn: JsonFields | null,
  inner: JsonFields | null,
): { name: TunnelName; draft: Draft } | null {
  const carried = carriedBy(inner);
  if (given === null || given.name === "geneve") {
    const keys = ovn === null ? null : ovnKeys(ovn);
    if (given === null && keys?.datapath === undefined) return null;
    return { name: "geneve", draft: geneve(given?.header ?? null, keys, carried) };
  }
  const { name, header } = given;
  if (inner !== null && carried !== undefined && carried !== EtherType.bridged)
    throw inner.wrong("eth", `is missing: ${TUNNELS[name].words} carries Ethernet frames`);
  return { name, draft: name === "vxlan" ? vxlan(header, ovn) : stt(header, ovn) };
}

/** The bytes that the headers make. `missing`: how many the capture cut off behind them. */
function bytesOf(fields: JsonFields, outer: JsonFields | null, missing: number): Uint8Array {
  const inner = fields.object("inner");
  const given = headerOf(fields);
  const names = fields.object("ovn");
  // An inner frame without its tunnel: whatever told its keys, they are not in it.
  const isBare = outer === null && given === null && (names === null || names.has("keysFrom"));
  if (outer === null && !(isBare && inner !== null)) throw fields.wrong("outer", "is missing");
  const tunnel = tunnelOf(given, isBare ? null : names, inner);
  if (inner !== null && tunnel === null && !isBare)
    throw fields.wrong("inner", "there is no header of a tunnel to carry it");

  const layers: Nest[] = [];
  const { carrier, port, words } = tunnel === null ? { words: "" } : TUNNELS[tunnel.name];
  if (carrier !== undefined && outer?.has(carrier) !== true)
    throw fields.wrong(`outer.${carrier}`, `is missing, which carries ${words}`);
  if (outer !== null) layers.push(headersOf(outer, 0, port));
  if (tunnel !== null) {
    if (outer?.has("bfd")) throw fields.wrong("outer.bfd", `stands where ${words} is`);
    layers[0].drafts.push(tunnel.draft);
    given?.header.end();
  }
  if (inner !== null) {
    inner.skip("summary");
    layers.push(headersOf(inner, 1));
  }
  const rest: Layer[] = [];
  for (const nest of layers.reverse()) {
    const payload = payloadOf(nest);
    if (payload.length > 0 && nest.depth === 0 && inner !== null)
      throw nest.fields.wrong("payload", "is for packets without inner");
    if (payload.length > 0) rest.push({ layer: "payload", depth: nest.depth, offset: 0, bytes: payload });
    rest.push(...trailersOf(nest));
    nest.fields.end();
  }
  return finishedBytes(
    layers.reverse().flatMap(({ drafts }) => drafts),
    rest,
    missing,
  );
}

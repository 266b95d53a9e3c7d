/**
 * Packets from the objects that `decode -o json` prints (docs/cli.md). What follows from the rest may be left out;
 * what is there must be right, unless its object says how it is wrong, such as a checksum that is `bad`.
 */
import type { Layer } from "../frame/layers.js";
import { GENEVE_PORT } from "../wire/geneve.js";
import { LinkType } from "../wire/linktype.js";
import { JsonFields, Largest } from "./json-fields.js";
import { finishedBytes } from "./json-finish.js";
import { geneve, ovnKeys } from "./json-geneve.js";
import { carriedBy, headersOf, type Nest, payloadOf, trailersOf } from "./json-nest.js";
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
    fields.skip("geneve", "ovn", "inner");
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

/** The bytes that the headers make. `missing`: how many the capture cut off behind them. */
function bytesOf(fields: JsonFields, outer: JsonFields | null, missing: number): Uint8Array {
  const inner = fields.object("inner");
  const header = fields.object("geneve");
  const names = fields.object("ovn");
  // An inner frame without its tunnel: whatever told its keys, they are not in it.
  const isBare = outer === null && header === null && (names === null || names.has("keysFrom"));
  if (outer === null && !(isBare && inner !== null)) throw fields.wrong("outer", "is missing");
  const ovn = names === null || isBare ? null : ovnKeys(names);
  const hasGeneve = header !== null || ovn?.datapath !== undefined;
  if (inner !== null && !hasGeneve && !isBare)
    throw fields.wrong("inner", "there is no Geneve header to carry it");

  const layers: Nest[] = [];
  if (hasGeneve && outer?.has("udp") !== true)
    throw fields.wrong("outer.udp", "is missing, which carries Geneve");
  if (outer !== null) layers.push(headersOf(outer, 0, hasGeneve ? GENEVE_PORT : undefined));
  if (hasGeneve) {
    if (outer?.has("bfd")) throw fields.wrong("outer.bfd", "stands where Geneve is");
    layers[0].drafts.push(geneve(header, ovn, carriedBy(inner)));
    header?.end();
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

/* What IP carries, as `decode -o json` names its fields (docs/cli.md): the inverse of output/fields.ts. */
import type { HeaderLayer } from "../frame/layers.js";
import { parseIpv6 } from "../wire/address.js";
import { BFD_VERSION, BfdMask, bfdStateText } from "../wire/bfd.js";
import { ICMP_FRAGMENTATION_NEEDED, IcmpType } from "../wire/icmp.js";
import { Icmpv6Type, icmpv6BodyBytes } from "../wire/icmpv6.js";
import { TCP_OPTIONS_MAX, TcpFlag, TcpMask } from "../wire/tcp.js";
import { checksum, type Depth, type Draft, place, UNKNOWN_LENGTH } from "./json-draft.js";
import { type JsonFields, Largest } from "./json-fields.js";

const USUAL_WINDOW = 0xffff;
const USUAL_MULTIPLIER = 3;
/** Bytes of the longest authentication section: BFD's length is a byte. */
const BFD_AUTHENTICATION_MAX = 231;
/** Bytes of data in the longest option of Neighbor Discovery. */
const ND_OPTION_MAX = 2038;

const flagNames = Object.keys(TcpFlag) as (keyof typeof TcpFlag)[];
const bfdStates = [0, 1, 2, 3].map(bfdStateText);

/** `port`: where it goes to unless it says so. */
export function udp(fields: JsonFields, depth: Depth, port?: number): Draft<HeaderLayer<"udp">> {
  const length = fields.given("length", Largest.short);
  const layer: HeaderLayer<"udp"> = {
    layer: "udp",
    ...place(depth),
    source: fields.number("src", Largest.short),
    destination: fields.number("dst", Largest.short, port),
    length: length ?? UNKNOWN_LENGTH,
    checksum: 0,
  };
  return { layer, fields, length, ...checksum(fields, layer, Largest.short) };
}

/** Likewise. */
export function tcp(fields: JsonFields, depth: Depth, port?: number): Draft<HeaderLayer<"tcp">> {
  const layer: HeaderLayer<"tcp"> = {
    layer: "tcp",
    ...place(depth),
    source: fields.number("src", Largest.short),
    destination: fields.number("dst", Largest.short, port),
    sequence: fields.number("seq", Largest.long, 0),
    acknowledgment: fields.number("ack", Largest.long, 0),
    reserved: fields.number("reserved", TcpMask.reserved, 0),
    flags: fields.words("flags", flagNames).reduce((flags, name) => flags | TcpFlag[name], 0),
    window: fields.number("window", Largest.short, USUAL_WINDOW),
    checksum: 0,
    urgent: fields.number("urgent", Largest.short, 0),
    options: fields.units("options", 4, TCP_OPTIONS_MAX),
  };
  return { layer, fields, ...checksum(fields, layer, Largest.short) };
}

/** The four bytes behind the checksum: identifier and sequence of an echo. */
function echo(fields: JsonFields): number {
  return ((fields.number("id", Largest.short, 0) << 16) | fields.number("seq", Largest.short, 0)) >>> 0;
}

export function icmp(fields: JsonFields, depth: Depth): Draft<HeaderLayer<"icmp">> {
  const type = fields.number("type", Largest.byte);
  const code = fields.number("code", Largest.byte, 0);
  const isEcho = type === IcmpType.echoReply || type === IcmpType.echoRequest;
  const given = isEcho ? echo(fields) : fields.given("rest", Largest.long);
  const hasMtu = type === IcmpType.unreachable && code === ICMP_FRAGMENTATION_NEEDED;
  const mtu = hasMtu ? fields.given("mtu", Largest.short) : undefined;
  const rest = given ?? mtu ?? 0;
  if (mtu !== undefined && mtu !== (rest & 0xffff))
    throw fields.wrong("mtu", `${mtu}, but that of rest is ${rest & 0xffff}`);
  const layer = { layer: "icmp" as const, ...place(depth), type, code, checksum: 0, rest };
  return { layer, fields, ...checksum(fields, layer, Largest.short) };
}

export function icmpv6(fields: JsonFields, depth: Depth): Draft<HeaderLayer<"icmpv6">> {
  const type = fields.number("type", Largest.byte);
  const isEcho = type === Icmpv6Type.echoRequest || type === Icmpv6Type.echoReply;
  const body = new Uint8Array(icmpv6BodyBytes(type));
  if (body.length === 8) {
    const view = new DataView(body.buffer);
    view.setUint32(0, fields.number("reachableTime", Largest.long, 0));
    view.setUint32(4, fields.number("retransTimer", Largest.long, 0));
  }
  if (body.length >= 16) body.set(parseIpv6(fields.ip("target", 6)));
  if (body.length === 32) body.set(parseIpv6(fields.ip("destination", 6)), 16);
  const options = fields.objects("options").map((option) => {
    const read = { type: option.number("type", Largest.byte), data: option.bytes("data") };
    if (read.data.length > ND_OPTION_MAX || read.data.length % 8 !== 6)
      throw option.wrong("data", `${read.data.length} bytes, not 6, 14, ... ${ND_OPTION_MAX}`, ND_OPTION_MAX);
    option.end();
    return read;
  });
  if (options.length > 0 && (type < Icmpv6Type.routerSolicitation || type > Icmpv6Type.redirect))
    throw fields.wrong("options", `type ${type} has none`);
  const layer: HeaderLayer<"icmpv6"> = {
    layer: "icmpv6",
    ...place(depth),
    type,
    code: fields.number("code", Largest.byte, 0),
    checksum: 0,
    rest: isEcho
      ? echo(fields)
      : fields.number(type === Icmpv6Type.packetTooBig ? "mtu" : "rest", Largest.long, 0),
    body,
    options,
  };
  return { layer, fields, ...checksum(fields, layer, Largest.short) };
}

export function sctp(fields: JsonFields, depth: Depth): Draft<HeaderLayer<"sctp">> {
  const layer = {
    layer: "sctp" as const,
    ...place(depth),
    source: fields.number("src", Largest.short),
    destination: fields.number("dst", Largest.short),
    verificationTag: fields.number("verificationTag", Largest.long, 0),
    checksum: 0,
  };
  return { layer, fields, ...checksum(fields, layer, Largest.long) };
}

export function bfd(fields: JsonFields, depth: Depth): Draft<HeaderLayer<"bfd">> {
  const state = fields.word("state", bfdStates);
  if (state === undefined) throw fields.wrong("state", "is missing");
  const version = fields.number("version", BfdMask.version, BFD_VERSION);
  if (version !== BFD_VERSION) throw fields.wrong("version", `${version}, only ${BFD_VERSION} is known`);
  const layer: HeaderLayer<"bfd"> = {
    layer: "bfd",
    ...place(depth),
    version,
    diag: fields.number("diag", BfdMask.diag, 0),
    state: bfdStates.indexOf(state),
    flags: fields.number("flags", BfdMask.flags, 0),
    detectMultiplier: fields.number("multiplier", Largest.byte, USUAL_MULTIPLIER),
    myDiscriminator: fields.number("myDiscriminator", Largest.long),
    yourDiscriminator: fields.number("yourDiscriminator", Largest.long, 0),
    desiredMinTxUsec: fields.number("desiredMinTxUsec", Largest.long, 0),
    requiredMinRxUsec: fields.number("requiredMinRxUsec", Largest.long, 0),
    requiredMinEchoRxUsec: fields.number("requiredMinEchoRxUsec", Largest.long, 0),
    authentication: fields.units("authentication", 1, BFD_AUTHENTICATION_MAX),
  };
  return { layer, fields };
}

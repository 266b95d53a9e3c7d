/** The frames that a tunnel can be made to carry without a guest that sends them. */
import type { Layer } from "../frame/layers.js";
import { IPV4_BYTES, MAC_BYTES } from "../wire/address.js";
import { ArpOperation } from "../wire/arp.js";
import { ranged, WireError } from "../wire/error.js";
import { EtherType, IpProtocol } from "../wire/ethertype.js";
import { IcmpType } from "../wire/icmp.js";
import { Icmpv6Type } from "../wire/icmpv6.js";
import { TcpFlag } from "../wire/tcp.js";
import {
  commonVersion,
  ethernetLayer,
  etherTypeOf,
  type IpFields,
  ipLayer,
  type LinkFields,
  tcpLayer,
  udpLayer,
} from "./headers.js";
import type { InnerKind } from "./kinds.js";
import { writeLayers } from "./layers.js";

/** An inner frame; of the last five fields those count that its kind has. */
export interface InnerFields extends LinkFields, IpFields {
  /** Of an echo. */
  identifier: number;
  sequence: number;
  /** Of UDP and TCP. */
  sourcePort: number;
  destinationPort: number;
  /** Bytes behind the innermost header. */
  size: number;
}

/** Bytes in the longest frame that a tunnel could carry: more than that no length outside can say. */
const SIZE_MAX = 0xffff;
const ETHERNET_HARDWARE = 1;
const NO_BYTES = new Uint8Array(0);

/** The frame, in new bytes. Throws a WireError that names the field where something does not fit. */
export function buildInner(kind: InnerKind, fields: InnerFields): Uint8Array {
  const { source, destination, size } = fields;
  ranged("inner", "size", size, SIZE_MAX);
  const isArp = kind === "arp" || kind === "arp-reply";
  const version = commonVersion("inner", source, destination);
  if (isArp && version === 6)
    throw new WireError("ERR_WIRE_RANGE", "arp", "addresses", "ARP is for IPv4 addresses");
  const ethernet = ethernetLayer(1, fields, isArp ? EtherType.arp : etherTypeOf(version));
  const above = isArp ? [arpLayer(kind, fields)] : ipLayers(kind, version, fields);
  const payload: Layer = { layer: "payload", depth: 1, offset: 0, bytes: counting(size) };
  return writeLayers([ethernet, ...above, payload], { fixLengths: true, fixChecksums: true });
}

function arpLayer(
  kind: "arp" | "arp-reply",
  { sourceMac, destinationMac, source, destination }: InnerFields,
): Layer {
  const isRequest = kind === "arp";
  return {
    layer: "arp",
    depth: 1,
    offset: 0,
    hardwareType: ETHERNET_HARDWARE,
    protocolType: EtherType.ipv4,
    hardwareLength: MAC_BYTES,
    protocolLength: IPV4_BYTES,
    operation: isRequest ? ArpOperation.request : ArpOperation.reply,
    senderHardware: sourceMac,
    senderProtocol: source,
    targetHardware: isRequest ? "00:00:00:00:00:00" : destinationMac,
    targetProtocol: destination,
  };
}

function ipLayers(
  kind: Exclude<InnerKind, "arp" | "arp-reply">,
  version: 4 | 6,
  fields: InnerFields,
): Layer[] {
  const { sourcePort, destinationPort } = fields;
  switch (kind) {
    case "udp":
      return [ipLayer(1, fields, IpProtocol.udp), udpLayer(1, sourcePort, destinationPort)];
    case "tcp-syn":
      return [ipLayer(1, fields, IpProtocol.tcp), tcpLayer(1, sourcePort, destinationPort, TcpFlag.syn)];
    default: {
      const isReply = kind === "icmp-reply";
      const rest = echoRest(fields);
      const place = { depth: 1 as const, offset: 0, code: 0, checksum: 0, rest };
      if (version === 4) {
        const type = isReply ? IcmpType.echoReply : IcmpType.echoRequest;
        return [ipLayer(1, fields, IpProtocol.icmp), { layer: "icmp", ...place, type }];
      }
      const type = isReply ? Icmpv6Type.echoReply : Icmpv6Type.echoRequest;
      return [
        ipLayer(1, fields, IpProtocol.icmpv6),
        { layer: "icmpv6", ...place, type, body: NO_BYTES, options: [] },
      ];
    }
  }
}

function echoRest({ identifier, sequence }: InnerFields): number {
  const id = ranged("icmp", "identifier", identifier, 0xffff);
  return ((id << 16) | ranged("icmp", "sequence", sequence, 0xffff)) >>> 0;
}

/** Bytes that count up from 0, again and again. */
function counting(size: number): Uint8Array {
  return Uint8Array.from({ length: size }, (_, index) => index);
}

/* The fields of each header as `decode -o json` names them (docs/cli.md). */
import type { HeaderLayer, HeaderName, TrailerLayer } from "../frame/layers.js";
import { MAC_BYTES, readIpv6 } from "../wire/address.js";
import { bfdStateText } from "../wire/bfd.js";
import { EtherType } from "../wire/ethertype.js";
import { Icmpv6Type } from "../wire/icmpv6.js";
import type { SllRecord } from "../wire/sll.js";
import { TcpFlag } from "../wire/tcp.js";
import type { VlanTag } from "../wire/vlan.js";
import { hexOf } from "./hex.js";

export type Fields = Record<string, unknown>;

/** Ethernet among the kinds of hardware: ARP's number, and ARPHRD_ETHER. */
const ETHERNET_HARDWARE = 1;

/** The name under which the header of a layer stands in the object of its depth. */
function nameOf(layer: HeaderName): string {
  if (layer === "ethernet") return "eth";
  return layer === "ipv4" || layer === "ipv6" ? "ip" : layer;
}

/** Bytes behind the end of a header. */
export function trailerFields({ of, bytes }: TrailerLayer): Fields {
  return { of: nameOf(of), data: hexOf(bytes) };
}

/** The name under which a header stands in the object of its depth, and its fields. */
export function fieldsOf(layer: HeaderLayer, inner: boolean): [name: string, fields: Fields] {
  switch (layer.layer) {
    case "ethernet":
      return [
        "eth",
        {
          src: layer.source,
          dst: layer.destination,
          ...(inner || layer.etherType !== 0x0800 ? { type: layer.etherType } : {}),
          vlans: vlans(layer.tags),
        },
      ];
    case "sll":
      return [
        "sll",
        {
          packetType: layer.packetType,
          ...cooked(layer),
        },
      ];
    case "sll2":
      return [
        "sll2",
        {
          interfaceIndex: layer.interfaceIndex,
          packetType: layer.packetType,
          ...cooked(layer),
          ...unlessUsual("reserved", layer.reserved, 0),
        },
      ];
    case "null":
      return ["null", { family: layer.family, littleEndian: layer.littleEndian }];
    case "ipv4":
      return [
        "ip",
        {
          version: 4,
          src: layer.source,
          dst: layer.destination,
          ttl: layer.ttl,
          tos: (layer.dscp << 2) | layer.ecn,
          id: layer.identification,
          length: layer.totalLength,
          protocol: layer.protocol,
          dontFragment: layer.dontFragment,
          ...unlessUsual("reservedFlag", layer.reservedFlag, false),
          ...(layer.options.length > 0 ? { options: hexOf(layer.options) } : {}),
          ...fragment(layer.fragmentOffset, layer.moreFragments, layer.identification),
        },
      ];
    case "ipv6":
      return [
        "ip",
        {
          version: 6,
          src: layer.source,
          dst: layer.destination,
          ttl: layer.hopLimit,
          tos: layer.trafficClass,
          flowLabel: layer.flowLabel,
          length: layer.payloadLength,
          protocol: layer.nextHeader,
          ...(layer.extensions.length > 0 ? { extensions: hexOf(layer.extensions) } : {}),
        },
      ];
    case "udp":
      return ["udp", { src: layer.source, dst: layer.destination, length: layer.length }];
    case "tcp":
      return [
        "tcp",
        {
          src: layer.source,
          dst: layer.destination,
          seq: layer.sequence,
          ack: layer.acknowledgment,
          flags: tcpFlags(layer.flags),
          window: layer.window,
          urgent: layer.urgent,
          ...unlessUsual("reserved", layer.reserved, 0),
          ...(layer.options.length > 0 ? { options: hexOf(layer.options) } : {}),
        },
      ];
    case "icmp":
      return [
        "icmp",
        {
          type: layer.type,
          code: layer.code,
          ...(layer.type === 0 || layer.type === 8
            ? { id: layer.rest >>> 16, seq: layer.rest & 0xffff }
            : { rest: layer.rest }),
          ...(layer.type === 3 && layer.code === 4 ? { mtu: layer.rest & 0xffff } : {}),
        },
      ];
    case "icmpv6":
      return ["icmpv6", icmpv6(layer)];
    case "sctp":
      return ["sctp", { src: layer.source, dst: layer.destination, verificationTag: layer.verificationTag }];
    case "arp":
      return [
        "arp",
        {
          ...unlessUsual("hardwareType", layer.hardwareType, ETHERNET_HARDWARE),
          ...unlessUsual("protocolType", layer.protocolType, EtherType.ipv4),
          operation: layer.operation,
          senderMac: layer.senderHardware,
          senderIp: layer.senderProtocol,
          targetMac: layer.targetHardware,
          targetIp: layer.targetProtocol,
        },
      ];
    case "bfd":
      return [
        "bfd",
        {
          version: layer.version,
          state: bfdStateText(layer.state),
          diag: layer.diag,
          flags: layer.flags,
          multiplier: layer.detectMultiplier,
          myDiscriminator: layer.myDiscriminator,
          yourDiscriminator: layer.yourDiscriminator,
          desiredMinTxUsec: layer.desiredMinTxUsec,
          requiredMinRxUsec: layer.requiredMinRxUsec,
          requiredMinEchoRxUsec: layer.requiredMinEchoRxUsec,
          ...(layer.authentication.length > 0 ? { authentication: hexOf(layer.authentication) } : {}),
        },
      ];
    case "geneve":
      return [
        "geneve",
        {
          version: layer.version,
          oam: layer.oam,
          critical: layer.critical,
          protocolType: layer.protocolType,
          vni: layer.vni,
          ...(layer.reservedBits !== 0 || layer.reserved !== 0
            ? { reservedBits: layer.reservedBits, reserved: layer.reserved }
            : {}),
          options: layer.options.map((option) => ({
            class: option.optionClass,
            type: option.type,
            critical: (option.type & 0x80) !== 0,
            data: hexOf(option.data),
            ...(option.reserved !== 0 ? { reserved: option.reserved } : {}),
          })),
          // RFC 8926 section 3.4: C says whether any option is critical.
          ...(layer.version !== 0 ||
          layer.optionsRest.length > 0 ||
          layer.critical === layer.options.some((option) => (option.type & 0x80) !== 0)
            ? {}
            : { criticalMismatch: true }),
          ...(layer.optionsRest.length > 0 ? { optionsRest: hexOf(layer.optionsRest) } : {}),
        },
      ];
    case "vxlan":
      return [
        "vxlan",
        {
          flags: layer.flags,
          vni: layer.vni,
          ...(layer.reserved !== 0 || layer.reserved2 !== 0
            ? { reserved: layer.reserved, reserved2: layer.reserved2 }
            : {}),
        },
      ];
    case "stt":
      return [
        "stt",
        {
          version: layer.version,
          flags: layer.flags,
          l4Offset: layer.l4Offset,
          mss: layer.mss,
          vlan: layer.vlan,
          // A JSON number has 53 bits.
          contextId: `0x${layer.contextId.toString(16).padStart(16, "0")}`,
          ...(layer.reserved !== 0 || layer.padding !== 0
            ? { reserved: layer.reserved, padding: layer.padding }
            : {}),
        },
      ];
  }
}

function vlans(tags: readonly VlanTag[]): Fields[] {
  return tags.map((tag) => ({
    tpid: tag.tpid,
    vlan: tag.vlan,
    priority: tag.priority,
    dropEligible: tag.dropEligible,
  }));
}

function fragment(offset: number, more: boolean, id: number): Fields {
  return offset > 0 || more ? { fragment: { id, offset: offset * 8, more } } : {};
}

function icmpv6(layer: HeaderLayer<"icmpv6">): Fields {
  const { type, code, rest, body, options } = layer;
  const fields: Fields = { type, code };
  if (type === Icmpv6Type.echoRequest || type === Icmpv6Type.echoReply) {
    fields.id = rest >>> 16;
    fields.seq = rest & 0xffff;
  } else if (type === Icmpv6Type.packetTooBig) fields.mtu = rest;
  else fields.rest = rest;
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  if (body.length === 8) {
    fields.reachableTime = view.getUint32(0);
    fields.retransTimer = view.getUint32(4);
  }
  if (body.length >= 16) fields.target = readIpv6(view, 0);
  if (body.length === 32) fields.destination = readIpv6(view, 16);
  if (options.length > 0) fields.options = options.map(({ type, data }) => ({ type, data: hexOf(data) }));
  return fields;
}

const letters = ["fin", "syn", "rst", "psh", "ack", "urg", "ece", "cwr", "ae"] as const;

/** The names of the flags that are set. */
export function tcpFlags(flags: number): string[] {
  return letters.filter((name) => (flags & TcpFlag[name]) !== 0);
}

/** A field that is left out where it has its usual value. */
function unlessUsual<T>(name: string, value: T, usual: T): Fields {
  return value === usual ? {} : { [name]: value };
}

/** What both cooked headers say: of the eight bytes of an address those that count, a MAC as such. */
function cooked({ address, addressLength, hardwareType, etherType, tags }: SllRecord): Fields {
  const bytes = hexOf(address.subarray(0, Math.min(addressLength, address.length)));
  const rest = address.subarray(addressLength);
  return {
    address: addressLength === MAC_BYTES ? (bytes.match(/../g) ?? []).join(":") : bytes,
    type: etherType,
    ...unlessUsual("hardwareType", hardwareType, ETHERNET_HARDWARE),
    ...(addressLength > address.length ? { addressLength } : {}),
    ...(rest.some((byte) => byte !== 0) ? { addressRest: hexOf(rest) } : {}),
    ...(tags.length > 0 ? { vlans: vlans(tags) } : {}),
  };
}

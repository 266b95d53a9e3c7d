/* What is seldom said of a tunnelled packet, in tcpdump's words. */
import { readIpv4 } from "../wire/address.js";
import { ArpOperation, ArpView } from "../wire/arp.js";
import { BfdFlag, BfdView, bfdStateText } from "../wire/bfd.js";
import { IpProtocol } from "../wire/ethertype.js";
import { IcmpType, IcmpView } from "../wire/icmp.js";
import { Icmpv6Type, Icmpv6View } from "../wire/icmpv6.js";
import { Reason } from "../wire/reason.js";
import { UdpView } from "../wire/udp.js";
import { isTpid, TciMask } from "../wire/vlan.js";

const unreachableCodes = [
  "net",
  "host",
  "protocol",
  "port",
  "need to frag",
  "source route failed",
  "net unknown",
  "host unknown",
  "source host isolated",
  "net prohibited",
  "host prohibited",
  "net for TOS",
  "host for TOS",
  "admin prohibited",
];

const icmpv6Names = new Map<number, string>([
  [Icmpv6Type.unreachable, "destination unreachable"],
  [Icmpv6Type.packetTooBig, "packet too big"],
  [Icmpv6Type.timeExceeded, "time exceeded"],
  [4, "parameter problem"],
  [Icmpv6Type.echoRequest, "echo request"],
  [Icmpv6Type.echoReply, "echo reply"],
  [Icmpv6Type.mldQuery, "multicast listener query"],
  [Icmpv6Type.mldReport, "multicast listener report"],
  [Icmpv6Type.mldDone, "multicast listener done"],
  [Icmpv6Type.routerSolicitation, "router solicitation"],
  [Icmpv6Type.routerAdvertisement, "router advertisement"],
  [Icmpv6Type.neighborSolicitation, "neighbor solicitation"],
  [Icmpv6Type.neighborAdvertisement, "neighbor advertisement"],
  [Icmpv6Type.redirect, "redirect"],
  [Icmpv6Type.mldv2Report, "multicast listener report v2"],
]);

/** Headers that are rare, as text. Holds the views it reads through; one serves any number of packets. */
export class InnerWords {
  readonly #arp = new ArpView();
  readonly #icmp = new IcmpView();
  readonly #icmpv6 = new Icmpv6View();
  readonly #udp = new UdpView();
  readonly #bfd = new BfdView();

  /** The ARP message in the bytes `start` to `end`. */
  arp(view: DataView, start: number, end: number): string {
    const arp = this.#arp;
    if (arp.bind(view, start, end) !== Reason.ok) return "ARP";
    const { senderProtocol, targetProtocol, senderHardware, operation } = arp.toRecord();
    const what =
      operation === ArpOperation.request
        ? `Request who-has ${targetProtocol} tell ${senderProtocol}`
        : operation === ArpOperation.reply
          ? `Reply ${senderProtocol} is-at ${senderHardware}`
          : `operation ${operation}, ${senderProtocol} to ${targetProtocol}`;
    return `ARP, ${what}, length ${arp.payloadStart - start}`;
  }

  /** The ICMP message at `at`, which is no echo. */
  icmp(view: DataView, at: number, end: number): string {
    const icmp = this.#icmp;
    icmp.bind(view, at, end);
    const about = at + 28 <= end ? readIpv4(view, at + 24) : "";
    if (icmp.type === IcmpType.unreachable) {
      const code = unreachableCodes[icmp.code] ?? `code ${icmp.code}`;
      return icmp.mtu >= 0
        ? `ICMP ${about} unreachable - ${code} (mtu ${icmp.mtu})`
        : `ICMP ${about} ${code} unreachable`;
    }
    if (icmp.type === IcmpType.timeExceeded)
      return icmp.code === 0 ? "ICMP time exceeded in-transit" : "ICMP ip reassembly time exceeded";
    if (icmp.type === IcmpType.redirect) return `ICMP redirect ${about}`;
    return `ICMP type ${icmp.type} code ${icmp.code}`;
  }

  /** The ICMPv6 message at `at`. */
  icmpv6(view: DataView, at: number, end: number): string {
    const icmp = this.#icmpv6;
    const reason = icmp.bind(view, at, end);
    const type = view.getUint8(at);
    const name = icmpv6Names.get(type);
    if (name === undefined) return `ICMP6, type ${type} code ${view.getUint8(at + 1)}`;
    if (reason === Reason.short) return `ICMP6, ${name}`;
    if (icmp.isEcho) return `ICMP6, ${name}, id ${icmp.identifier}, seq ${icmp.sequence}`;
    if (icmp.mtu >= 0) return `ICMP6, ${name}, mtu ${icmp.mtu}`;
    if (type === Icmpv6Type.neighborSolicitation) return `ICMP6, ${name}, who has ${icmp.target}`;
    if (type === Icmpv6Type.neighborAdvertisement) return `ICMP6, ${name}, tgt is ${icmp.target}`;
    return `ICMP6, ${name}`;
  }

  /** The BFD packet in the UDP datagram at `at`; empty where there is none. */
  bfd(view: DataView, at: number, end: number): string {
    const udp = this.#udp;
    const bfd = this.#bfd;
    udp.bind(view, at, end);
    if (bfd.bind(view, udp.payloadStart, udp.payloadEnd) !== Reason.ok) return "";
    const flags = [
      (bfd.flags & BfdFlag.poll) !== 0 ? ", poll" : "",
      (bfd.flags & BfdFlag.final) !== 0 ? ", final" : "",
    ].join("");
    return `BFDv1, state ${bfdStateText(bfd.state)}, diag ${bfd.diag}${flags}, my 0x${bfd.myDiscriminator.toString(16)}, your 0x${bfd.yourDiscriminator.toString(16)}, length ${bfd.length}`;
  }
}

/** The tags of the Ethernet header at `inner`. */
export function vlans(view: DataView, inner: number): string {
  let text = "";
  // A stack of thousands is legal bytes but no reading matter.
  for (let at = inner + 12, shown = 0; isTpid(view.getUint16(at)); at += 4)
    if (++shown <= 4) text += `vlan ${view.getUint16(at + 2) & TciMask.vlan}, `;
    else if (shown === 5) text += "..., ";
  return text;
}

/** What an Ethernet frame carries that is not looked into. */
export function etherTypeText(type: number): string {
  return type < 0x600 ? "802.3" : `ethertype 0x${type.toString(16).padStart(4, "0")}`;
}

/** What an IP packet carries. */
export function protocolText(protocol: number): string {
  switch (protocol) {
    case IpProtocol.icmp:
      return "ICMP";
    case IpProtocol.tcp:
      return "TCP";
    case IpProtocol.udp:
      return "UDP";
    case IpProtocol.icmpv6:
      return "ICMP6";
    case IpProtocol.sctp:
      return "SCTP";
    default:
      return `ip-proto-${protocol}`;
  }
}

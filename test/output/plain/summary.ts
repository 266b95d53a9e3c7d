import type { FrameBatch } from "../../../src/frame/columns.js";
import { FrameStatus } from "../../../src/frame/status.js";
import { readIpv4, readMac } from "../../../src/wire/address.js";
import { ArpOperation, ArpView } from "../../../src/wire/arp.js";
import { BFD_PORT, BfdFlag, BfdView, bfdStateText } from "../../../src/wire/bfd.js";
import { EtherType, IpProtocol } from "../../../src/wire/ethertype.js";
import { IcmpType, IcmpView } from "../../../src/wire/icmp.js";
import { Icmpv6Type, Icmpv6View } from "../../../src/wire/icmpv6.js";
import { Ipv4View } from "../../../src/wire/ipv4.js";
import { Ipv6View } from "../../../src/wire/ipv6.js";
import { Reason } from "../../../src/wire/reason.js";
import { SctpView } from "../../../src/wire/sctp.js";
import { TcpFlag, TcpView } from "../../../src/wire/tcp.js";
import { UdpView } from "../../../src/wire/udp.js";
import { isTpid, TciMask } from "../../../src/wire/vlan.js";

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

/** TCP flags in tcpdump's letters and order. */
const tcpLetters: readonly (readonly [number, string])[] = [
  [TcpFlag.fin, "F"],
  [TcpFlag.syn, "S"],
  [TcpFlag.rst, "R"],
  [TcpFlag.psh, "P"],
  [TcpFlag.ack, "."],
  [TcpFlag.urg, "U"],
  [TcpFlag.ece, "E"],
  [TcpFlag.cwr, "W"],
  [TcpFlag.ae, "e"],
];

/** The tunnelled packet in tcpdump's words, put together as a string: what InnerSummary's bytes are held to. */
export class PlainSummary {
  readonly #arp = new ArpView();
  readonly #ipv4 = new Ipv4View();
  readonly #ipv6 = new Ipv6View();
  readonly #icmp = new IcmpView();
  readonly #icmpv6 = new Icmpv6View();
  readonly #tcp = new TcpView();
  readonly #udp = new UdpView();
  readonly #sctp = new SctpView();
  readonly #bfd = new BfdView();

  /** The line for packet `i`, without line end; empty where nothing of the inner packet was read. */
  text(view: DataView, frames: FrameBatch, i: number): string {
    const network = frames.innerNetwork[i];
    const inner = frames.inner[i];
    const end = frames.innerEnd[i];
    // Where the capture cut the inner headers off, how much of them is there says nothing of the packet.
    if (network < 0)
      return inner < 0 || inner >= end || frames.status[i] === FrameStatus.truncated
        ? ""
        : `length ${end - inner}`;
    const tags = network >= inner + 18 ? vlans(view, inner) : "";
    switch (frames.innerType[i]) {
      case EtherType.arp:
        return tags + this.#arpText(view, network, end);
      case EtherType.ipv4:
        return tags + this.#ipv4Text(view, frames, i);
      case EtherType.ipv6:
        return tags + this.#ipv6Text(view, frames, i);
      default:
        return `${tags}${readMac(view, inner + 6)} > ${readMac(view, inner)}: ${etherTypeText(frames.innerType[i])}, length ${end - network}`;
    }
  }

  #arpText(view: DataView, at: number, end: number): string {
    const arp = this.#arp;
    if (arp.bind(view, at, end) !== Reason.ok) return "ARP";
    const { senderProtocol, targetProtocol, senderHardware, operation } = arp.toRecord();
    const length = arp.payloadStart - at;
    if (operation === ArpOperation.request)
      return `ARP, Request who-has ${targetProtocol} tell ${senderProtocol}, length ${length}`;
    if (operation === ArpOperation.reply)
      return `ARP, Reply ${senderProtocol} is-at ${senderHardware}, length ${length}`;
    return `ARP, operation ${operation}, ${senderProtocol} to ${targetProtocol}, length ${length}`;
  }

  #ipv4Text(view: DataView, frames: FrameBatch, i: number): string {
    const ip = this.#ipv4;
    ip.bind(view, frames.innerNetwork[i], frames.innerEnd[i]);
    const fragment = ip.fragmentOffset * 8;
    // What the headers say, also where a capture has cut the bytes.
    const declared =
      ip.totalLength === 0
        ? ip.payloadEnd
        : Math.max(frames.innerNetwork[i] + ip.totalLength, ip.payloadStart);
    const more =
      fragment > 0 || ip.moreFragments
        ? ` (frag id ${ip.identification} offset ${fragment}${ip.moreFragments ? "+" : ""})`
        : "";
    return (
      this.#transport(view, frames, i, ip.source, ip.destination, ip.payloadStart, ip.payloadEnd, declared) +
      more
    );
  }

  #ipv6Text(view: DataView, frames: FrameBatch, i: number): string {
    const ip = this.#ipv6;
    ip.bind(view, frames.innerNetwork[i], frames.innerEnd[i]);
    const declared = ip.payloadLength === 0 ? ip.payloadEnd : frames.innerNetwork[i] + 40 + ip.payloadLength;
    const more =
      ip.fragmentOffset > 0 || ip.moreFragments
        ? ` (frag id ${ip.identification} offset ${ip.fragmentOffset * 8}${ip.moreFragments ? "+" : ""})`
        : "";
    return (
      this.#transport(view, frames, i, ip.source, ip.destination, ip.payloadStart, ip.payloadEnd, declared) +
      more
    );
  }

  /** `end`: of the bytes that are there; `declared`: where the IP packet says it ends. */
  #transport(
    view: DataView,
    frames: FrameBatch,
    i: number,
    source: string,
    destination: string,
    payload: number,
    end: number,
    declared: number,
  ): string {
    const protocol = frames.innerProtocol[i];
    const at = frames.innerTransport[i];
    const both = `${source} > ${destination}:`;
    if (at < 0) return `${both} ${protocolText(protocol)}, length ${declared - payload}`;
    switch (protocol) {
      case IpProtocol.icmp:
        return `${both} ${this.#icmpText(view, at, end)}, length ${declared - at}`;
      case IpProtocol.icmpv6:
        return `${both} ${this.#icmpv6Text(view, at, end)}, length ${declared - at}`;
      case IpProtocol.tcp: {
        const tcp = this.#tcp;
        tcp.bind(view, at, end);
        return `${source}.${tcp.source} > ${destination}.${tcp.destination}: ${tcpText(tcp)}, length ${Math.max(0, declared - at - tcp.dataOffset * 4)}`;
      }
      case IpProtocol.udp: {
        const udp = this.#udp;
        udp.bind(view, at, end);
        const head = `${source}.${udp.source} > ${destination}.${udp.destination}:`;
        if (udp.destination === BFD_PORT) {
          const text = this.#bfdText(view, udp.payloadStart, udp.payloadEnd);
          if (text !== "") return `${head} ${text}`;
        }
        return `${head} UDP, length ${Math.max(0, (udp.length === 0 ? declared - at : udp.length) - 8)}`;
      }
      case IpProtocol.sctp: {
        const sctp = this.#sctp;
        sctp.bind(view, at, end);
        return `${source}.${sctp.source} > ${destination}.${sctp.destination}: SCTP, length ${declared - at - 12}`;
      }
      default:
        return `${both} ${protocolText(protocol)}, length ${declared - at}`;
    }
  }

  #icmpText(view: DataView, at: number, end: number): string {
    const icmp = this.#icmp;
    icmp.bind(view, at, end);
    if (icmp.isEcho)
      return `ICMP echo ${icmp.type === IcmpType.echoRequest ? "request" : "reply"}, id ${icmp.identifier}, seq ${icmp.sequence}`;
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

  #icmpv6Text(view: DataView, at: number, end: number): string {
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

  #bfdText(view: DataView, at: number, end: number): string {
    const bfd = this.#bfd;
    if (bfd.bind(view, at, end) !== Reason.ok) return "";
    const flags = [
      (bfd.flags & BfdFlag.poll) !== 0 ? ", poll" : "",
      (bfd.flags & BfdFlag.final) !== 0 ? ", final" : "",
    ].join("");
    return `BFDv1, state ${bfdStateText(bfd.state)}, diag ${bfd.diag}${flags}, my 0x${bfd.myDiscriminator.toString(16)}, your 0x${bfd.yourDiscriminator.toString(16)}, length ${bfd.length}`;
  }
}

function vlans(view: DataView, inner: number): string {
  let text = "";
  // A stack of thousands is legal bytes but no reading matter.
  for (let at = inner + 12, shown = 0; isTpid(view.getUint16(at)); at += 4)
    if (++shown <= 4) text += `vlan ${view.getUint16(at + 2) & TciMask.vlan}, `;
    else if (shown === 5) text += "..., ";
  return text;
}

function etherTypeText(type: number): string {
  return type < 0x600 ? "802.3" : `ethertype 0x${type.toString(16).padStart(4, "0")}`;
}

function protocolText(protocol: number): string {
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

function tcpText(tcp: TcpView): string {
  let letters = "";
  for (const [bit, letter] of tcpLetters) if ((tcp.flags & bit) !== 0) letters += letter;
  const acknowledged = (tcp.flags & TcpFlag.ack) !== 0 ? `, ack ${tcp.acknowledgment}` : "";
  return `Flags [${letters === "" ? "none" : letters}], seq ${tcp.sequence}${acknowledged}, win ${tcp.window}`;
}

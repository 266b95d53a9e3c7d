/* Checksum verdicts for the headers of one decoded packet. */
import {
  ChecksumVerdict,
  isUnfilledChecksum,
  pseudoSumIpv4,
  pseudoSumIpv6,
  verifyChecksum,
  verifyIpv4Checksum,
  verifyUdpChecksum,
} from "../wire/checksum.js";
import { EtherType, IpProtocol } from "../wire/ethertype.js";
import { IcmpOffset } from "../wire/icmp.js";
import { IPV4_HEADER_BYTES, Ipv4View } from "../wire/ipv4.js";
import { Ipv6View } from "../wire/ipv6.js";
import { Reason } from "../wire/reason.js";
import { computeSctpChecksum, SctpOffset } from "../wire/sctp.js";
import { TcpOffset } from "../wire/tcp.js";
import { UdpOffset } from "../wire/udp.js";
import { type HeaderLayer, type HeaderName, type Layer, TUNNEL_HEADERS } from "./layers.js";

/**
 * What a checksum is worth. `unverified`: bytes it covers are not in the capture (cut, fragment), or it has
 * none. `unfilled`: wrong, but just as a sender leaves it for its network card to complete, so no corruption
 * on a capture of the sending host.
 */
export type Verdict = "good" | "bad" | "unfilled" | "absent" | "unverified";

const words = {
  [ChecksumVerdict.good]: "good",
  [ChecksumVerdict.bad]: "bad",
  [ChecksumVerdict.absent]: "absent",
} as const;

/** The IP protocol of the headers that have a checksum over what they carry. */
const transportProtocols: Partial<Record<HeaderName, number>> = {
  icmp: IpProtocol.icmp,
  tcp: IpProtocol.tcp,
  udp: IpProtocol.udp,
  icmpv6: IpProtocol.icmpv6,
  sctp: IpProtocol.sctp,
};

/** Judges the checksums of IP packets; rebinds its views, so one verifier serves any number of packets. */
export class ChecksumVerifier {
  readonly #ipv4 = new Ipv4View();
  readonly #ipv6 = new Ipv6View();

  /**
   * The verdict on the checksum of each of `layers` (of readLayers, of the frame that starts at `start`), null
   * for one that has none. The outer bytes end at `end`, those inside a tunnel at `innerEnd`.
   */
  layers(
    view: DataView,
    start: number,
    layers: readonly Layer[],
    end: number,
    innerEnd: number,
  ): (Verdict | null)[] {
    let ip: HeaderLayer<"ipv4"> | HeaderLayer<"ipv6"> | null = null;
    return layers.map((layer) => {
      const bound = layer.depth === 1 ? innerEnd : end;
      const at = start + layer.offset;
      if (TUNNEL_HEADERS.has(layer.layer)) ip = null;
      else if (layer.layer === "ipv4" || layer.layer === "ipv6") {
        ip = layer;
        return layer.layer === "ipv4" ? this.header(view, at, bound, EtherType.ipv4) : null;
      } else if (ip !== null && layer.layer in transportProtocols) {
        const type = ip.layer === "ipv6" ? EtherType.ipv6 : EtherType.ipv4;
        const protocol = transportProtocols[layer.layer as HeaderName] ?? -1;
        return this.transport(view, start + ip.offset, bound, type, protocol, at);
      }
      return null;
    });
  }

  /** The IPv4 header checksum at `ip`; IPv6 has none, which counts as `absent`. */
  header(view: DataView, ip: number, end: number, type: number): Verdict {
    if (type !== EtherType.ipv4) return "absent";
    // Nearly all have no options.
    if (view.getUint8(ip) === 0x45) return words[verifyIpv4Checksum(view, ip, ip + IPV4_HEADER_BYTES)];
    this.#ipv4.bind(view, ip, end);
    return words[verifyIpv4Checksum(view, ip, this.#ipv4.payloadStart)];
  }

  /**
   * The checksum of the transport header at `transport` (protocol number `protocol`) of the IP packet at
   * `ip`, with the EtherType `type`; `end`: behind the last byte that is there.
   */
  transport(
    view: DataView,
    ip: number,
    end: number,
    type: number,
    protocol: number,
    transport: number,
  ): Verdict {
    const v6 = type === EtherType.ipv6;
    const bound = v6 ? this.#ipv6 : this.#ipv4;
    // A cut packet is lengthBeyondData here.
    if (bound.bind(view, ip, end) !== Reason.ok) return "unverified";
    if (bound.fragmentOffset !== 0 || bound.moreFragments) return "unverified";
    if ((v6 ? this.#ipv6.payloadLength : this.#ipv4.totalLength) === 0) return "unverified";
    let stop = bound.payloadEnd;
    if (protocol === IpProtocol.udp) {
      const length = view.getUint16(transport + UdpOffset.length);
      if (length < 8 || transport + length > stop) return "unverified";
      stop = transport + length;
    }
    const length = stop - transport;
    const pseudo = v6
      ? pseudoSumIpv6(view, this.#ipv6.sourceOffset, this.#ipv6.finalDestinationOffset, protocol, length)
      : pseudoSumIpv4(view, ip, protocol, length);
    switch (protocol) {
      case IpProtocol.udp: {
        const verdict = words[verifyUdpChecksum(view, transport, stop, pseudo)];
        return doubted(verdict, view.getUint16(transport + UdpOffset.checksum), pseudo);
      }
      case IpProtocol.tcp: {
        const verdict = words[verifyChecksum(view, transport, stop, pseudo)];
        return doubted(verdict, view.getUint16(transport + TcpOffset.checksum), pseudo);
      }
      case IpProtocol.icmp:
        return words[verifyChecksum(view, transport, stop)];
      case IpProtocol.icmpv6: {
        const verdict = words[verifyChecksum(view, transport, stop, pseudo)];
        return doubted(verdict, view.getUint16(transport + IcmpOffset.checksum), pseudo);
      }
      case IpProtocol.sctp:
        return view.getUint32(transport + SctpOffset.checksum) === computeSctpChecksum(view, transport, stop)
          ? "good"
          : "bad";
      default:
        return "unverified";
    }
  }
}

function doubted(verdict: Verdict, stored: number, pseudoSum: number): Verdict {
  return verdict === "bad" && isUnfilledChecksum(stored, pseudoSum) ? "unfilled" : verdict;
}

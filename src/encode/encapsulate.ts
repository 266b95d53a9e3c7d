/* Ethernet frames to packets of a tunnel, as OVN's. */
import type { CaptureInterface, PacketBatch } from "../capture/batch.js";
import type { FrameBatch } from "../frame/columns.js";
import { ipVersion } from "../wire/address.js";
import {
  computeChecksum,
  computeIpv4Checksum,
  computeUdpChecksum,
  foldSum,
  pseudoSumIpv4,
  pseudoSumIpv6,
} from "../wire/checksum.js";
import { ETHERNET_HEADER_BYTES } from "../wire/ethernet.js";
import { IpProtocol } from "../wire/ethertype.js";
import { IPV4_HEADER_BYTES, Ipv4Offset } from "../wire/ipv4.js";
import { IPV6_HEADER_BYTES, Ipv6Offset } from "../wire/ipv6.js";
import { LinkType } from "../wire/linktype.js";
import { STT_HEADER_BYTES } from "../wire/stt.js";
import { TcpOffset } from "../wire/tcp.js";
import { UdpOffset } from "../wire/udp.js";
import { frameBuilder, type OuterHeaders, type TunnelContents } from "./build.js";
import { entropyPortAt } from "./entropy.js";
import type { EncapKind } from "./kinds.js";
import type { Rewrite } from "./rewrite.js";

/** What frames are put into. */
export interface OuterTunnel {
  readonly kind: EncapKind;
  readonly contents: TunnelContents;
  /** Outer addresses, both IPv4 or both IPv6. */
  readonly source: string;
  readonly destination: string;
  readonly destinationPort: number;
}

/** Outer Ethernet addresses: what they were nobody knows. */
const SOURCE_MAC = "02:00:00:00:00:01";
const DESTINATION_MAC = "02:00:00:00:00:02";
const TTL = 64;
/** Most that a 16-bit length says. */
const LONGEST = 0xffff;
// A module's own constants are compiled in; what is imported is looked up at each use.
const IP_AT = ETHERNET_HEADER_BYTES;
const TOTAL_LENGTH = IP_AT + Ipv4Offset.totalLength;
const PAYLOAD_LENGTH = IP_AT + Ipv6Offset.payloadLength;
const TCP = IpProtocol.tcp;
const UDP = IpProtocol.udp;
const IPV6_SOURCE = Ipv6Offset.source;
const IPV6_DESTINATION = Ipv6Offset.destination;
const IPV4_CHECKSUM = Ipv4Offset.checksum;
const ETHERNET = LinkType.ETHERNET;
const UDP_SOURCE = UdpOffset.source;
const UDP_LENGTH = UdpOffset.length;
const UDP_CHECKSUM = UdpOffset.checksum;
const TCP_ACKNOWLEDGMENT = TcpOffset.acknowledgment;
const TCP_SEQUENCE = TcpOffset.sequence;
const TCP_CHECKSUM = TcpOffset.checksum;
const STT_BYTES = STT_HEADER_BYTES;

/**
 * Puts each Ethernet frame into a tunnel packet, with lengths and checksums that are right for the whole frame. The
 * UDP checksum of a frame that is not there as a whole is left out; STT's, which cannot be, is as senders leave it to
 * their network cards. Frames of other links, and those too large for a length field, are left out and counted.
 */
export class Encapsulation implements Rewrite {
  notEthernet = 0;
  tooLarge = 0;
  /** The source's interfaces: packets are longer than those could take, and none has a frame check sequence. */
  readonly interfaces: CaptureInterface[] = [];
  readonly #head: Uint8Array;
  readonly #isIpv6: boolean;
  readonly #isStt: boolean;
  /** Where UDP's header is in the head, or that of STT that looks like TCP's. */
  readonly #upper: number;
  /** Number of the last frame in STT. */
  #number = 0;
  #source: readonly CaptureInterface[] = [];
  #out = new Uint8Array(0);
  #view = new DataView(this.#out.buffer);

  /** Throws a WireError where keys do not fit into the header. */
  constructor(tunnel: OuterTunnel) {
    this.#isIpv6 = ipVersion(tunnel.source) === 6;
    this.#isStt = tunnel.kind === "stt";
    this.#head = headOf(tunnel);
    this.#upper = IP_AT + (this.#isIpv6 ? IPV6_HEADER_BYTES : IPV4_HEADER_BYTES);
  }

  begin(interfaces: readonly CaptureInterface[]): void {
    this.#source = interfaces;
    this.#describe();
  }

  /** Takes over what the source has come to know. */
  #describe(): void {
    for (let index = this.interfaces.length; index < this.#source.length; index++)
      this.interfaces.push({ ...this.#source[index], snapLength: 0, fcsBytes: 0 });
  }

  rewrite(packets: PacketBatch, _frames: FrameBatch, rows: Int32Array, count: number): number {
    this.#describe();
    const source = this.#source;
    const { offset, capturedBytes, originalBytes, interfaceIndex } = packets;
    const head = this.#head.length;
    const most = LONGEST - (head - (this.#isIpv6 ? this.#upper : IP_AT));
    const moved = this.#bring(packets, rows, count);
    const out = this.#out;
    let left = 0;
    let at = 0;
    for (let row = 0; row < count; row++) {
      const i = rows[row];
      const from = source[interfaceIndex[i]];
      // The check sequence was that of the frame on its own.
      const original = Math.max(0, Math.max(capturedBytes[i], originalBytes[i]) - (from?.fcsBytes ?? 0));
      const captured = Math.min(capturedBytes[i], original);
      if (from?.linkType !== ETHERNET) this.notEthernet++;
      else if (original > most) this.tooLarge++;
      else {
        const inner = at + head;
        const start = moved + offset[i];
        out.copyWithin(inner, start, start + captured);
        out.set(this.#head, at);
        this.#complete(at, inner, captured, original);
        offset[i] = at;
        capturedBytes[i] = head + captured;
        originalBytes[i] = head + original;
        at = inner + captured;
        rows[left++] = i;
      }
    }
    packets.bytes = out;
    packets.view = this.#view;
    return left;
  }

  /** Brings the bytes of a batch behind the room for its packets; returns what to add to their offsets. */
  #bring({ bytes, offset, capturedBytes }: PacketBatch, rows: Int32Array, count: number): number {
    let needed = 0;
    let first = Number.POSITIVE_INFINITY;
    let last = 0;
    for (let row = 0; row < count; row++) {
      const i = rows[row];
      needed += this.#head.length + capturedBytes[i];
      first = Math.min(first, offset[i]);
      last = Math.max(last, offset[i] + capturedBytes[i]);
    }
    if (count === 0) return 0;
    if (needed + last - first > this.#out.length) {
      this.#out = new Uint8Array(needed + last - first);
      this.#view = new DataView(this.#out.buffer);
    }
    this.#out.set(bytes.subarray(first, last), needed);
    return needed - first;
  }

  /** Sets what depends on the frame at `inner` in the header at `at`. */
  #complete(at: number, inner: number, captured: number, original: number): void {
    const view = this.#view;
    const upper = at + this.#upper;
    const length = inner - upper + original;
    const isStt = this.#isStt;
    const protocol = isStt ? TCP : UDP;
    const ip = at + IP_AT;
    const end = inner + captured;
    let sum: number;
    if (this.#isIpv6) {
      view.setUint16(at + PAYLOAD_LENGTH, length);
      sum = pseudoSumIpv6(view, ip + IPV6_SOURCE, ip + IPV6_DESTINATION, protocol, length);
    } else {
      view.setUint16(at + TOTAL_LENGTH, upper - ip + length);
      view.setUint16(ip + IPV4_CHECKSUM, computeIpv4Checksum(view, ip, upper));
      sum = pseudoSumIpv4(view, ip, protocol, length);
    }
    // UDP and TCP begin with it.
    view.setUint16(upper + UDP_SOURCE, entropyPortAt(view, inner, end));
    if (isStt) {
      this.#number = (this.#number + 1) >>> 0;
      view.setUint32(upper + TCP_ACKNOWLEDGMENT, this.#number);
      view.setUint16(upper + TCP_SEQUENCE, STT_BYTES + original);
      const field = upper + TCP_CHECKSUM;
      view.setUint16(
        field,
        captured === original ? computeChecksum(view, upper, end, field, sum) : foldSum(sum),
      );
    } else {
      view.setUint16(upper + UDP_LENGTH, length);
      if (captured === original)
        view.setUint16(upper + UDP_CHECKSUM, computeUdpChecksum(view, upper, end, sum));
    }
  }
}

/** All that stands before a frame, as around an empty one. */
function headOf({ kind, contents, source, destination, destinationPort }: OuterTunnel): Uint8Array {
  const outer: OuterHeaders = {
    sourceMac: SOURCE_MAC,
    destinationMac: DESTINATION_MAC,
    tags: [],
    source,
    destination,
    ttl: TTL,
    dscp: 0,
    dontFragment: true,
    sourcePort: null,
    destinationPort,
    checksum: false,
  };
  return frameBuilder(kind, contents)(outer, new Uint8Array(0));
}

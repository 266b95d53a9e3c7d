/* Ethernet frames to packets of a tunnel, as OVN's. */
import type { CaptureInterface, PacketBatch } from "../capture/batch.js";
import type { FrameBatch } from "../frame/columns.js";
import { ipVersion } from "../wire/address.js";
import { computeIpv4Checksum, computeUdpChecksum, pseudoSumIpv4, pseudoSumIpv6 } from "../wire/checksum.js";
import { ETHERNET_HEADER_BYTES } from "../wire/ethernet.js";
import { IpProtocol } from "../wire/ethertype.js";
import { GENEVE_PORT } from "../wire/geneve.js";
import { IPV4_HEADER_BYTES, Ipv4Offset } from "../wire/ipv4.js";
import { IPV6_HEADER_BYTES, Ipv6Offset } from "../wire/ipv6.js";
import { LinkType } from "../wire/linktype.js";
import { UdpOffset } from "../wire/udp.js";
import { buildFrame } from "./build.js";
import { entropyPortAt } from "./entropy.js";
import type { Rewrite } from "./rewrite.js";

/** What frames are put into. */
export interface OuterTunnel {
  /** Outer addresses, both IPv4 or both IPv6. */
  readonly source: string;
  readonly destination: string;
  readonly vni: number;
  readonly ingress: number;
  readonly egress: number;
}

/** Outer Ethernet addresses: what they were nobody knows. */
const SOURCE_MAC = "02:00:00:00:00:01";
const DESTINATION_MAC = "02:00:00:00:00:02";
const TTL = 64;
/** Most that a 16-bit length says. */
const LONGEST = 0xffff;
const IP_AT = ETHERNET_HEADER_BYTES;
const TOTAL_LENGTH = IP_AT + Ipv4Offset.totalLength;
const PAYLOAD_LENGTH = IP_AT + Ipv6Offset.payloadLength;

/**
 * Puts each Ethernet frame into a tunnel packet, with lengths and checksums that are right for the whole frame. The
 * checksum of a datagram that is not there as a whole is left out. Frames of other links, and those too large for a
 * length field, are left out and counted.
 */
export class Encapsulation implements Rewrite {
  notEthernet = 0;
  tooLarge = 0;
  readonly #head: Uint8Array;
  readonly #isIpv6: boolean;
  readonly #udp: number;
  #interfaces: readonly CaptureInterface[] = [];
  #out = new Uint8Array(0);
  #view = new DataView(this.#out.buffer);

  constructor(header: OuterTunnel) {
    this.#isIpv6 = ipVersion(header.source) === 6;
    this.#head = headOf(header);
    this.#udp = IP_AT + (this.#isIpv6 ? IPV6_HEADER_BYTES : IPV4_HEADER_BYTES);
  }

  begin(interfaces: readonly CaptureInterface[]): void {
    this.#interfaces = interfaces;
  }

  rewrite(packets: PacketBatch, _frames: FrameBatch, rows: Int32Array, count: number): number {
    const { offset, capturedBytes, originalBytes, interfaceIndex } = packets;
    const head = this.#head.length;
    const most = LONGEST - (head - (this.#isIpv6 ? this.#udp : IP_AT));
    const from = this.#bring(packets, rows, count);
    const out = this.#out;
    let left = 0;
    let at = 0;
    for (let row = 0; row < count; row++) {
      const i = rows[row];
      const captured = capturedBytes[i];
      const original = Math.max(captured, originalBytes[i]);
      if (this.#interfaces[interfaceIndex[i]]?.linkType !== LinkType.ETHERNET) this.notEthernet++;
      else if (original > most) this.tooLarge++;
      else {
        const inner = at + head;
        const start = from + offset[i];
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
    const udp = at + this.#udp;
    const length = inner - udp + original;
    view.setUint16(udp + UdpOffset.source, entropyPortAt(view, inner, inner + captured));
    view.setUint16(udp + UdpOffset.length, length);
    const isWhole = captured === original;
    const end = inner + captured;
    const ip = at + IP_AT;
    if (this.#isIpv6) {
      view.setUint16(at + PAYLOAD_LENGTH, length);
      if (!isWhole) return;
      const [source, destination] = [ip + Ipv6Offset.source, ip + Ipv6Offset.destination];
      const sum = pseudoSumIpv6(view, source, destination, IpProtocol.udp, length);
      view.setUint16(udp + UdpOffset.checksum, computeUdpChecksum(view, udp, end, sum));
      return;
    }
    view.setUint16(at + TOTAL_LENGTH, udp - ip + length);
    view.setUint16(ip + Ipv4Offset.checksum, computeIpv4Checksum(view, ip, udp));
    if (!isWhole) return;
    const sum = pseudoSumIpv4(view, ip, IpProtocol.udp, length);
    view.setUint16(udp + UdpOffset.checksum, computeUdpChecksum(view, udp, end, sum));
  }
}

/** All that stands before a frame, as around an empty one. */
function headOf({ source, destination, vni, ingress, egress }: OuterTunnel): Uint8Array {
  return buildFrame(
    {
      sourceMac: SOURCE_MAC,
      destinationMac: DESTINATION_MAC,
      tags: [],
      source,
      destination,
      ttl: TTL,
      dscp: 0,
      dontFragment: true,
      sourcePort: null,
      destinationPort: GENEVE_PORT,
      checksum: false,
    },
    { vni, keys: { ingress, egress }, options: [], oam: false },
    new Uint8Array(0),
  );
}

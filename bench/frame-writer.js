/* OVN's packets as bytes: Geneve around Ethernet, IPv4 and ICMP, TCP or UDP, with every checksum right. */

export const ICMP = 1;
export const TCP = 6;
export const UDP = 17;

/** One's complement sum of 16-bit words, not folded. */
function sum(view, from, to) {
  let total = 0;
  for (let at = from; at < to; at += 2) total += view.getUint16(at);
  return total;
}

/** The checksum that a sum makes. */
function checksum(total) {
  let folded = total;
  while (folded > 0xffff) folded = (folded & 0xffff) + (folded >>> 16);
  return ~folded & 0xffff;
}

/** A source port that goes with a pair, from 40960 on: none that tcpdump or tshark take for another protocol's. */
const portOf = (a, b) => 0xa000 | (Math.imul(a * 31 + b, 0x9e3779b1) >>> 20);

/** Writes frames into a block of bytes. */
export class FrameWriter {
  /** `endpoints` are the outer addresses of the chassis, as bytes. */
  constructor(view, { southbound, endpoints, ipv6, vlan }) {
    this.view = view;
    this.southbound = southbound;
    this.endpoints = endpoints;
    this.ipv6 = ipv6;
    this.linkBytes = vlan ? 18 : 14;
    this.outerBytes = (ipv6 ? 40 : 20) + 8 + 16 + 14;
    this.payload = Buffer.from(Array.from({ length: 1500 }, (_, i) => i & 255));
    this.payloadView = new DataView(this.payload.buffer, this.payload.byteOffset, 1500);
    /** The sum of the first so many bytes of the payload. */
    this.payloadSum = Array.from({ length: 1501 }, (_, i) => (i % 2 === 0 ? sum(this.payloadView, 0, i) : 0));
    this.bytes = Buffer.from(view.buffer, view.byteOffset, view.byteLength);
  }

  /** Length of the outer IP packet around an inner one. */
  outerLength(innerLength) {
    return this.outerBytes + innerLength;
  }

  /** Writes at `at` the packet with this number between two ports; returns its length. */
  write(at, number, sender, receiver, protocol, innerLength) {
    const { view, southbound, linkBytes } = this;
    const from = sender % southbound.chassis;
    const to = receiver % southbound.chassis;
    view.setUint16(at, 0x5254);
    view.setUint32(at + 2, to);
    view.setUint16(at + 6, 0x5254);
    view.setUint32(at + 8, from);
    if (linkBytes === 18) view.setUint32(at + 12, 0x81000064);
    view.setUint16(at + linkBytes - 2, this.ipv6 ? 0x86dd : 0x0800);
    const ip = at + linkBytes;
    const length = this.outerLength(innerLength);
    const udp = ip + (this.ipv6 ? 40 : 20);
    const udpLength = ip + length - udp;
    const pseudo = this.ipv6
      ? this.#outerIpv6(ip, from, to, udpLength)
      : this.#outerIpv4(ip, number, from, to, length);
    view.setUint16(udp, portOf(sender, receiver));
    view.setUint16(udp + 2, 6081);
    view.setUint16(udp + 4, udpLength);
    view.setUint16(udp + 6, 0);
    const [vni, ingress] = southbound.keysOf(sender);
    view.setUint32(udp + 8, 0x02406558);
    view.setUint32(udp + 12, vni * 256);
    view.setUint32(udp + 16, 0x01028001);
    view.setUint16(udp + 20, ingress);
    view.setUint16(udp + 22, southbound.keysOf(receiver)[1]);
    const inner = udp + 24;
    view.setUint16(inner, 0xfa16);
    view.setUint32(inner + 2, 0x3e000000 + receiver);
    view.setUint16(inner + 6, 0xfa16);
    view.setUint32(inner + 8, 0x3e000000 + sender);
    view.setUint16(inner + 12, 0x0800);
    const payload = this.#inner(inner + 14, number, sender, receiver, protocol, innerLength);
    const end = ip + length;
    const total = pseudo + udpLength + UDP + sum(view, udp, payload) + this.payloadSum[end - payload];
    view.setUint16(udp + 6, checksum(total) || 0xffff);
    return end - at;
  }

  /** Returns the sum of the addresses, as the next two do. */
  #outerIpv4(ip, number, from, to, length) {
    this.endpoints[from].copy(this.bytes, ip + 12);
    this.endpoints[to].copy(this.bytes, ip + 16);
    this.#ipv4(ip, number, UDP, length);
    return sum(this.view, ip + 12, ip + 20);
  }

  #outerIpv6(ip, from, to, udpLength) {
    const { view } = this;
    view.setUint32(ip, 0x60000000);
    view.setUint16(ip + 4, udpLength);
    view.setUint16(ip + 6, (UDP << 8) | 64);
    this.endpoints[from].copy(this.bytes, ip + 8);
    this.endpoints[to].copy(this.bytes, ip + 24);
    return sum(view, ip + 8, ip + 40);
  }

  /** An IPv4 header around the addresses that are there. */
  #ipv4(ip, number, protocol, length) {
    const { view } = this;
    view.setUint16(ip, 0x4500);
    view.setUint16(ip + 2, length);
    view.setUint16(ip + 4, number & 0xffff);
    view.setUint16(ip + 6, 0x4000);
    view.setUint16(ip + 8, (64 << 8) | protocol);
    view.setUint16(ip + 10, 0);
    view.setUint16(ip + 10, checksum(sum(view, ip, ip + 20)));
  }

  /** The inner IP packet; returns where its payload, which has no header, begins. */
  #inner(ip, number, sender, receiver, protocol, length) {
    const { view } = this;
    // As southbound-generate.js has it.
    view.setUint32(ip + 12, 0x0a000000 + sender);
    view.setUint32(ip + 16, 0x0a000000 + receiver);
    this.#ipv4(ip, number * 3, protocol, length);
    const at = ip + 20;
    const end = ip + length;
    const port = portOf(receiver, sender);
    let payload = at + 8;
    let field = at + 6;
    let total = sum(view, ip + 12, ip + 20) + protocol + length - 20;
    if (protocol === ICMP) {
      field = at + 2;
      total = 0;
      // Requests and replies; identifier, sequence number.
      view.setUint16(at, number % 2 === 0 ? 0x0800 : 0);
      view.setUint16(at + 4, port);
      view.setUint16(at + 6, number & 0xffff);
    } else if (protocol === UDP) {
      view.setUint16(at, port);
      view.setUint16(at + 2, 5001);
      view.setUint16(at + 4, length - 20);
    } else {
      payload = at + 20;
      field = at + 16;
      view.setUint16(at, port);
      view.setUint16(at + 2, 5201);
      view.setUint32(at + 4, Math.imul(number, 1402) >>> 0);
      view.setUint32(at + 8, Math.imul(sender, 0x9e3779b1) >>> 0);
      // ACK, and PSH where there is data but more room.
      view.setUint16(at + 12, length > 40 && length < 1000 ? 0x5018 : 0x5010);
      view.setUint16(at + 14, 502);
      view.setUint16(at + 18, 0);
    }
    view.setUint16(field, 0);
    this.payload.copy(this.bytes, payload, 0, end - payload);
    view.setUint16(field, checksum(total + sum(view, at, payload) + this.payloadSum[end - payload]));
    return payload;
  }
}

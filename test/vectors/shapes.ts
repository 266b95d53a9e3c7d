/* The usual OVN frame in its shapes, made from the published echo request. */
import { packetBytes } from "./packets.js";

/** Ethernet, IPv4, UDP, Geneve and the OVN option, with `inner` behind; lengths fit. */
function tunnelled(inner: Uint8Array): Uint8Array {
  const head = packetBytes("echoRequest").subarray(0, 58);
  const bytes = new Uint8Array(head.length + inner.length);
  bytes.set(head);
  bytes.set(inner, head.length);
  const view = new DataView(bytes.buffer);
  view.setUint16(16, bytes.length - 14);
  view.setUint16(38, bytes.length - 34);
  return bytes;
}

/** Inner Ethernet with IPv4 or IPv6, the `protocol` and its header and `payload` bytes. */
function inner(version: 4 | 6, protocol: number, header: readonly number[], payload: number): Uint8Array {
  const ip = version === 4 ? 20 : 40;
  const bytes = new Uint8Array(14 + ip + header.length + payload);
  const view = new DataView(bytes.buffer);
  bytes.set([2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2]);
  view.setUint16(12, version === 4 ? 0x0800 : 0x86dd);
  bytes[14] = version === 4 ? 0x45 : 0x60;
  view.setUint16(version === 4 ? 16 : 18, header.length + payload + (version === 4 ? 20 : 0));
  bytes[version === 4 ? 23 : 20] = protocol;
  bytes[version === 4 ? 22 : 21] = 64;
  bytes.set(header, 14 + ip);
  return bytes;
}

function udpHeader(payload: number): number[] {
  return [0x30, 0x39, 0, 53, 0, 8 + payload, 0, 0];
}

const TCP_HEADER = [0x30, 0x39, 0, 80, 0, 0, 0, 1, 0, 0, 0, 2, 0x50, 0x18, 1, 0, 0, 0, 0, 0];
const ECHO_HEADER = [8, 0, 0, 0, 0, 1, 0, 1];

/** With an 802.1Q tag in front of the outer IP header. */
export function tagged(bytes: Uint8Array): Uint8Array {
  return Uint8Array.from([...bytes.subarray(0, 12), 0x81, 0x00, 0x20, 0x64, ...bytes.subarray(12)]);
}

/** With IPv6 in the place of the outer IPv4 header. */
export function overIpv6(bytes: Uint8Array): Uint8Array {
  const udpLength = bytes.length - 34;
  const address = (last: number): number[] => [0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last];
  const ip = [0x60, 0, 0, 0, udpLength >> 8, udpLength & 0xff, 17, 64, ...address(1), ...address(2)];
  return Uint8Array.from([...bytes.subarray(0, 12), 0x86, 0xdd, ...ip, ...bytes.subarray(34)]);
}

const contents = {
  icmp: tunnelled(inner(4, 1, ECHO_HEADER, 8)),
  tcp: tunnelled(inner(4, 6, TCP_HEADER, 5)),
  udp: tunnelled(inner(4, 17, udpHeader(9), 9)),
  icmpv6: tunnelled(inner(6, 58, [128, ...ECHO_HEADER.slice(1)], 8)),
  tcpOverIpv6: tunnelled(inner(6, 6, TCP_HEADER, 5)),
  udpOverIpv6: tunnelled(inner(6, 17, udpHeader(9), 9)),
};

/** Usual frames by what they are: every content in every shape. */
export const usualFrames: Readonly<Record<string, Uint8Array>> = Object.fromEntries(
  Object.entries(contents).flatMap(([name, bytes]) => [
    [name, bytes],
    [`${name}, tagged`, tagged(bytes)],
    [`${name}, IPv6 underlay`, overIpv6(bytes)],
    [`${name}, IPv6 underlay, tagged`, tagged(overIpv6(bytes))],
  ]),
);

/*
 * The usual OVN frame: Ethernet, perhaps with one 802.1Q tag; IPv4 without options or IPv6 without extension
 * headers, no fragment; UDP to a Geneve port; Geneve with C set and O clear and the OVN option alone; inside
 * Ethernet without a tag, IPv4 or IPv6 likewise, and ICMP, TCP or UDP, whole.
 *
 * Every header then lies at a fixed distance from the outer UDP header, and that one, the frame's `lead` from
 * its start: 34 bytes for IPv4, 54 for IPv6, 4 more with a tag.
 */

/** Byte offsets from the outer UDP header of a usual frame; `ip`: of the outer header, by its version. */
export const UsualOffset = {
  ipv4: -20,
  ipv6: -40,
  geneve: 8,
  vni: 12,
  keys: 20,
  inner: 24,
  innerType: 36,
  innerIp: 38,
  innerIpv4Protocol: 47,
  innerIpv6Protocol: 44,
  innerIpv4Transport: 58,
  innerIpv6Transport: 78,
} as const;

/** Bytes below which no frame is usual: leadOf needs no more. */
export const USUAL_MIN_BYTES = 105;
/** From this lead on the outer header is IPv6. */
export const IPV6_LEAD = 54;

/**
 * Bytes from the start of the frame at `at` to its outer UDP header, or 0 where its headers up to there are
 * not usual. At least USUAL_MIN_BYTES must be there.
 *
 * This and usualLength run once a packet, inlined into other modules' loops: word compares only, and numbers
 * instead of names, which would be looked up each time.
 */
export function leadOf(view: DataView, at: number): number {
  let ip = at + 14;
  let type = view.getInt32(at + 12);
  // EtherType 0x8100.
  if (type >>> 16 === 0x8100) {
    ip = at + 18;
    type = view.getInt32(at + 16);
  }
  // EtherType 0x0800, version 4, five header words, any TOS; no fragment, UDP (17), any TTL.
  if ((type & 0xffffff00) === 0x08004500)
    return (view.getInt32(ip + 6) & 0x3fff00ff) === 17 ? ip - at + 20 : 0;
  // EtherType 0x86dd, version 6; UDP.
  return (type & 0xfffff000) === (0x86dd6000 | 0) && view.getUint8(ip + 6) === 17 ? ip - at + 40 : 0;
}

/**
 * The length of the outer IP packet where the `bytes` from `at` on, whose UDP header is at `lead`, are a usual
 * frame, whole and without contradiction; else 0. `isPort` has a 1 for each Geneve port.
 */
export function usualLength(
  view: DataView,
  at: number,
  lead: number,
  bytes: number,
  isPort: Uint8Array,
): number {
  const udp = at + lead;
  const end = at + bytes;
  if (udp + 71 > end) return 0;
  const portLength = view.getInt32(udp + 2);
  const length = portLength & 0xffff;
  // IPv4's total length, IPv6's payload length.
  const outer = lead < 54 ? view.getUint16(udp - 18) : view.getUint16(udp - 36) + 40;
  if (
    outer - length !== (lead < 54 ? 20 : 40) ||
    isPort[portLength >>> 16] !== 1 ||
    udp + length > end ||
    // Version 0, two option words, C without O, 0x6558.
    view.getInt32(udp + 8) !== 0x02406558 ||
    // Option class 0x0102, type 0x80, one data word.
    view.getInt32(udp + 16) !== 0x01028001
  )
    return 0;
  const type = view.getInt32(udp + 36);
  if ((type & 0xffffff00) !== 0x08004500) return fitsIpv6(view, udp, type, length, end) ? outer : 0;
  const innerLength = view.getInt32(udp + 40) >>> 16;
  if (innerLength + 38 > length || innerLength < 28) return 0;
  const protocol = view.getInt32(udp + 44) & 0x3fff00ff;
  // ICMP. What TCP's own header and UDP's own length say against the packet's the general walk tells.
  return protocol === 1 ||
    (protocol === 6 && fitsTcp(view.getUint8(udp + 70), innerLength - 20)) ||
    (protocol === 17 && view.getUint16(udp + 62) === innerLength - 20)
    ? outer
    : 0;
}

/** Whether an inner IPv6 packet is usual. `type`: the word from its EtherType on; `length`: of the outer UDP. */
function fitsIpv6(view: DataView, udp: number, type: number, length: number, end: number): boolean {
  if ((type & 0xfffff000) !== (0x86dd6000 | 0) || udp + 91 > end) return false;
  const payload = view.getUint16(udp + 42);
  if (payload + 78 > length || payload < 8) return false;
  const protocol = view.getUint8(udp + 44);
  return (
    protocol === 58 ||
    (protocol === 6 && fitsTcp(view.getUint8(udp + 90), payload)) ||
    (protocol === 17 && view.getUint16(udp + 82) === payload)
  );
}

/** Whether a TCP header, by the byte of its data offset, is whole and within `bytes`. */
function fitsTcp(dataOffset: number, bytes: number): boolean {
  return dataOffset >= 0x50 && (dataOffset >> 4) * 4 <= bytes;
}

/*
 * The usual OVN frame: every header where it lies in nearly all packets.
 *
 *   0 Ethernet, no tag · 14 IPv4, no option, no fragment · 34 UDP to a Geneve port · 42 Geneve, C set, O clear,
 *   Ethernet inside · 50 the OVN option alone · 58 Ethernet, no tag · 72 IPv4, no option, no fragment · 92 ICMP,
 *   TCP or UDP, whole
 */

/** Byte offsets in such a frame. */
export const UsualOffset = {
  outerIp: 14,
  udp: 34,
  geneve: 42,
  vni: 46,
  keys: 54,
  inner: 58,
  innerIp: 72,
  innerProtocol: 81,
  innerTransport: 92,
} as const;

/** Bytes below which no frame is usual: every word compared is inside. */
export const USUAL_MIN_BYTES = 105;

/**
 * The length of the outer IP packet where the `bytes` from `at` on are a usual frame, whole and without
 * contradiction; else 0. At least USUAL_MIN_BYTES must be there. `isPort` has a 1 for each Geneve port.
 * Word compares only, and numbers instead of names: this runs once a packet, inlined into other modules'
 * loops, where a name would be looked up each time.
 */
export function usualLength(view: DataView, at: number, bytes: number, isPort: Uint8Array): number {
  const length = view.getInt32(at + 16) >>> 16;
  const portLength = view.getInt32(at + 36);
  if (
    // EtherType 0x0800, version 4, five header words; any TOS.
    (view.getInt32(at + 12) & 0xffffff00) !== 0x08004500 ||
    // No fragment, UDP (17); any TTL.
    (view.getInt32(at + 20) & 0x3fff00ff) !== 17 ||
    isPort[portLength >>> 16] !== 1 ||
    (portLength & 0xffff) !== length - 20 ||
    14 + length > bytes ||
    // Version 0, two option words, C without O, 0x6558.
    view.getInt32(at + 42) !== 0x02406558 ||
    // Option class 0x0102, type 0x80, one data word.
    view.getInt32(at + 50) !== 0x01028001 ||
    (view.getInt32(at + 70) & 0xffffff00) !== 0x08004500
  )
    return 0;
  const innerLength = view.getInt32(at + 74) >>> 16;
  if (innerLength + 58 > length || innerLength < 28) return 0;
  const protocol = view.getInt32(at + 78) & 0x3fff00ff;
  // ICMP.
  if (protocol === 1) return length;
  // TCP's own header and UDP's own length can contradict the packet's: the general walk says how.
  if (protocol === 6) {
    const dataOffset = view.getUint8(at + 104);
    return dataOffset >= 0x50 && (dataOffset >> 4) * 4 + 20 <= innerLength ? length : 0;
  }
  return protocol === 17 && view.getUint16(at + 96) === innerLength - 20 ? length : 0;
}

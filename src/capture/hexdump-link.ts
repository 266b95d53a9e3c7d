/* Whether a dumped packet begins with its Ethernet header (-xx, -XX) or with its IP header (-x, -X). */

const ETHERNET_BYTES = 14;
const IPV4_BYTES = 20;
const IPV6_BYTES = 40;

/** EtherTypes found on the wire other than IP: ARP, VLAN tags, MPLS, PPPoE, EAPOL, LLDP, PTP and the like. */
const ETHER_TYPES = new Set([
  0x0806, 0x8035, 0x8100, 0x88a8, 0x9100, 0x8847, 0x8848, 0x8863, 0x8864, 0x888e, 0x88cc, 0x88f7, 0x6558,
  0x8902, 0x8809, 0x9000,
]);

/**
 * True where the bytes `start` to `end` rather begin with an IP header than with an Ethernet header. An
 * Ethernet header whose EtherType fits what follows it wins: an address of a network card may well begin
 * with a 4 or a 6, but an IP header has no EtherType at byte 12.
 */
export function beginsWithIp(bytes: Uint8Array, start: number, end: number): boolean {
  if (isEthernet(bytes, start, end) && !isIp(bytes, start, end, true)) return false;
  return isIp(bytes, start, end, false);
}

/**
 * The version of the Linux cooked header (`tcpdump -xx -i any`) that the bytes rather begin with than with an
 * Ethernet header: 1, 2, or 0 for neither. It has fixed small numbers where Ethernet has addresses, and IP
 * where it says so.
 */
export function cookedVersion(bytes: Uint8Array, start: number, end: number): 0 | 1 | 2 {
  if (isEthernet(bytes, start, end)) return 0;
  const followed = (type: number, at: number): boolean =>
    type === 0x0806
      ? at + 8 <= end
      : (type === 0x0800 || type === 0x86dd) && at < end && isIpVersion(bytes[at], type);
  const small = (at: number): boolean => word(bytes, at) <= 4;
  if (
    start + 16 <= end &&
    small(start) &&
    word(bytes, start + 4) <= 8 &&
    followed(word(bytes, start + 14), start + 16)
  )
    return 1;
  if (start + 20 > end || word(bytes, start + 2) !== 0) return 0;
  return bytes[start + 10] <= 4 && bytes[start + 11] <= 8 && followed(word(bytes, start), start + 20) ? 2 : 0;
}

function isIpVersion(first: number, type: number): boolean {
  return first >> 4 === (type === 0x0800 ? 4 : 6);
}

/** Bytes the packet had on the wire going by its IP header, 0 where it has none: a dump may be cut. */
export function bytesByIp(bytes: Uint8Array, start: number, end: number, ip: boolean): number {
  let at = start;
  if (!ip) {
    if (!isEthernet(bytes, start, end)) return 0;
    const type = word(bytes, start + 12);
    if (type !== 0x0800 && type !== 0x86dd) return 0;
    at += ETHERNET_BYTES;
  }
  const version = bytes[at] >> 4;
  if (version === 4 && at + IPV4_BYTES <= end) return at - start + word(bytes, at + 2);
  if (version === 6 && at + IPV6_BYTES <= end) return at - start + IPV6_BYTES + word(bytes, at + 4);
  return 0;
}

function isEthernet(bytes: Uint8Array, start: number, end: number): boolean {
  if (start + ETHERNET_BYTES > end) return false;
  const type = word(bytes, start + 12);
  const behind = start + ETHERNET_BYTES;
  if (type === 0x0800) return behind >= end || (bytes[behind] >= 0x45 && bytes[behind] <= 0x4f);
  if (type === 0x86dd) return behind >= end || bytes[behind] >> 4 === 6;
  return ETHER_TYPES.has(type);
}

/**
 * True for a plausible IP header. `strict` leaves no doubt: IPv4 has a right checksum, IPv6 exactly the
 * length of the bytes. Otherwise IPv4's length will do, for a sender's checksum need not be filled in.
 */
function isIp(bytes: Uint8Array, start: number, end: number, strict: boolean): boolean {
  const version = bytes[start] >> 4;
  const have = end - start;
  if (version === 4) {
    const headerBytes = (bytes[start] & 15) * 4;
    if (headerBytes < IPV4_BYTES || have < IPV4_BYTES) return false;
    const total = word(bytes, start + 2);
    if (total < headerBytes) return false;
    const summedUp = isSummedUp(bytes, start, Math.min(end, start + headerBytes));
    return summedUp || (!strict && total <= have);
  }
  if (version !== 6 || have < IPV6_BYTES) return false;
  return !strict || word(bytes, start + 4) + IPV6_BYTES === have;
}

/** True where the 16-bit words add up to 0xffff in ones' complement, RFC 1071. */
function isSummedUp(bytes: Uint8Array, start: number, end: number): boolean {
  let sum = 0;
  for (let at = start; at + 1 < end; at += 2) sum += word(bytes, at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return sum === 0xffff;
}

function word(bytes: Uint8Array, at: number): number {
  return (bytes[at] << 8) | bytes[at + 1];
}

/*
 * What headers carry that is no payload and may have addresses which are not replaced: of tunnels and routing protocols
 * that are told by their ports, and of options and chunks of which that is not known. Each function looks at what was
 * captured up to `end`; what was cut off tells nothing.
 */

/** Tunnels that are not read here, of which VXLAN is one where it is at Linux's own port; and routing protocols. */
const UDP_PORTS: ReadonlySet<number> = new Set([
  // RIP, RIPng, LDP, OLSR, HSRP of both versions, GLBP, Babel.
  520, 521, 646, 698, 1985, 2029, 3222, 6696,
  // L2TP, GTP-U, Teredo, LISP and its control, GRE, VXLAN-GPE, MPLS, VXLAN.
  1701, 2152, 3544, 4341, 4342, 4754, 4790, 6635, 8472,
]);
/** BGP, MSDP, LDP. */
const TCP_PORTS: ReadonlySet<number> = new Set([179, 639, 646]);

const TCP_BYTES = 20;
const TCP_END = 0;
const TCP_NOTHING = 1;
const TCP_MULTIPATH = 30;
const MULTIPATH_ADD_ADDRESS = 3;
/**
 * Maximum segment size, window scale, both of selective acknowledgments, time stamps, signature, user timeout,
 * authentication, multipath, fast open, both of accurate ECN.
 */
const TCP_OPTIONS: ReadonlySet<number> = new Set([2, 3, 4, 5, 8, 19, 28, 29, TCP_MULTIPATH, 34, 172, 174]);

const SCTP_BYTES = 12;
const CHUNK_BYTES = 4;
/** Data and what acknowledges or skips it, shutdown, ECN, authentication, reset of streams, padding. */
const SCTP_CHUNKS: ReadonlySet<number> = new Set([0, 3, 7, 12, 13, 15, 64, 130, 132, 192, 194]);

const IGMP_QUERY = 0x11;
const IGMP_BYTES = 8;
/** Where a query of version 3 says how many sources it has. */
const IGMP_SOURCES_AT = 10;
/** Reports of versions 1 and 2, and leaving. */
const IGMP_TYPES: ReadonlySet<number> = new Set([0x12, 0x16, 0x17]);

const IPV6_PAD1 = 0;
/** Padding, tunnel limit, router alert, jumbo payload. */
const IPV6_OPTIONS: ReadonlySet<number> = new Set([1, 4, 5, 0xc2]);

/** Whether a UDP header at `at`, which is there, carries more than payload. */
export function isUdpUnread(view: DataView, at: number, end: number): boolean {
  return end > at + 8 && (UDP_PORTS.has(view.getUint16(at)) || UDP_PORTS.has(view.getUint16(at + 2)));
}

/** Whether there is more in the TCP header at `at`, or behind it, than is read. */
export function isTcpUnread(view: DataView, at: number, end: number): boolean {
  if (at + TCP_BYTES > end) return false;
  const payload = at + 4 * (view.getUint8(at + 12) >> 4);
  if (end > payload && (TCP_PORTS.has(view.getUint16(at)) || TCP_PORTS.has(view.getUint16(at + 2))))
    return true;
  const last = Math.min(payload, end);
  for (let option = at + TCP_BYTES; option < last; ) {
    const kind = view.getUint8(option);
    if (kind === TCP_END) return false;
    if (kind === TCP_NOTHING) {
      option++;
      continue;
    }
    if (!TCP_OPTIONS.has(kind)) return true;
    if (option + 1 >= last) return false;
    const bytes = view.getUint8(option + 1);
    if (bytes < 2) return true;
    const hasSubtype = kind === TCP_MULTIPATH && option + 2 < last;
    if (hasSubtype && view.getUint8(option + 2) >> 4 === MULTIPATH_ADD_ADDRESS) return true;
    option += bytes;
  }
  return false;
}

/** Whether the SCTP packet at `at` has chunks, with something in them, that may have addresses. */
export function isSctpUnread(view: DataView, at: number, end: number): boolean {
  for (let chunk = at + SCTP_BYTES; chunk + CHUNK_BYTES <= end; ) {
    const bytes = view.getUint16(chunk + 2);
    if (bytes < CHUNK_BYTES) return true;
    if (bytes > CHUNK_BYTES && !SCTP_CHUNKS.has(view.getUint8(chunk))) return true;
    chunk += (bytes + 3) & ~3;
  }
  return false;
}

/** Whether the IGMP message at `at` may have addresses other than of groups. */
export function isIgmpUnread(view: DataView, at: number, end: number): boolean {
  const type = view.getUint8(at);
  if (type !== IGMP_QUERY) return end > at + IGMP_BYTES || !IGMP_TYPES.has(type);
  return end >= at + IGMP_SOURCES_AT + 2 && view.getUint16(at + IGMP_SOURCES_AT) !== 0;
}

/** Whether the IPv6 options from `start` on, as far as `last`, may have addresses. */
export function areIpv6OptionsUnread(view: DataView, start: number, last: number): boolean {
  for (let option = start; option < last; ) {
    const type = view.getUint8(option);
    if (type === IPV6_PAD1) {
      option++;
      continue;
    }
    if (!IPV6_OPTIONS.has(type)) return true;
    if (option + 1 >= last) return false;
    option += 2 + view.getUint8(option + 1);
  }
  return false;
}

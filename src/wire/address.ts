/*
 * Addresses as text: MAC (IEEE 802), IPv4 dotted decimal, IPv6 in the canonical form of RFC 5952.
 *
 * Reading formats straight from a DataView; the only allocation is the text. Parsing is strict: what is
 * not an address in its whole length is a WireError with code ERR_WIRE_SYNTAX.
 */
import { ranged, room, WireError } from "./error.js";
import { zeroRun } from "./zero-run.js";

/** Bytes of a MAC, an IPv4 and an IPv6 address. */
export const MAC_BYTES = 6;
export const IPV4_BYTES = 4;
export const IPV6_BYTES = 16;

const hexByte: readonly string[] = Array.from({ length: 256 }, (_, byte) =>
  byte.toString(16).padStart(2, "0"),
);

/** The MAC address at `offset`: lower case, colons, always 17 characters. */
export function readMac(view: DataView, offset: number): string {
  return `${hexByte[view.getUint8(offset)]}:${hexByte[view.getUint8(offset + 1)]}:${
    hexByte[view.getUint8(offset + 2)]
  }:${hexByte[view.getUint8(offset + 3)]}:${hexByte[view.getUint8(offset + 4)]}:${
    hexByte[view.getUint8(offset + 5)]
  }`;
}

/** The MAC address at `offset` as an integer, 0 to 2^48-1: a key for maps and number columns. */
export function readMacBits(view: DataView, offset: number): number {
  return view.getUint16(offset) * 0x1_0000_0000 + view.getUint32(offset + 2);
}

/** The text of a MAC given as an integer, 0 to 2^48-1. */
export function formatMac(bits: number): string {
  const high = Math.floor(ranged("address", "mac", bits, 0xffff_ffff_ffff) / 0x100_0000);
  const low = bits % 0x100_0000;
  return `${hexByte[high >>> 16]}:${hexByte[(high >>> 8) & 0xff]}:${hexByte[high & 0xff]}:${
    hexByte[low >>> 16]
  }:${hexByte[(low >>> 8) & 0xff]}:${hexByte[low & 0xff]}`;
}

/** A MAC written as six pairs of hexadecimal digits between colons (either case), as an integer. */
export function parseMac(text: string): number {
  if (!/^[0-9a-f]{2}(?::[0-9a-f]{2}){5}$/i.test(text)) throw syntax("mac", text);
  return Number.parseInt(text.replaceAll(":", ""), 16);
}

/** Writes a MAC given as text at `offset`; returns 6. */
export function writeMac(view: DataView, offset: number, text: string): number {
  room("address", view, offset, MAC_BYTES);
  const bits = parseMac(text);
  view.setUint16(offset, Math.floor(bits / 0x1_0000_0000));
  view.setUint32(offset + 2, bits % 0x1_0000_0000);
  return MAC_BYTES;
}

/** The IPv4 address at `offset` in dotted decimal. */
export function readIpv4(view: DataView, offset: number): string {
  return `${view.getUint8(offset)}.${view.getUint8(offset + 1)}.${view.getUint8(offset + 2)}.${view.getUint8(
    offset + 3,
  )}`;
}

/** The text of an IPv4 address given as an unsigned 32-bit integer. */
export function formatIpv4(bits: number): string {
  ranged("address", "ipv4", bits, 0xffff_ffff);
  return `${bits >>> 24}.${(bits >>> 16) & 0xff}.${(bits >>> 8) & 0xff}.${bits & 0xff}`;
}

/** An IPv4 address of four decimal octets without leading zeros, as an unsigned 32-bit integer. */
export function parseIpv4(text: string): number {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  if (match === null) throw syntax("ipv4", text);
  let bits = 0;
  for (let part = 1; part <= 4; part++) {
    const digits = match[part] as string;
    const octet = Number(digits);
    if (octet > 255 || (digits.length > 1 && digits.startsWith("0"))) throw syntax("ipv4", text);
    bits = bits * 256 + octet;
  }
  return bits;
}

/** Writes an IPv4 address given as text at `offset`; returns 4. */
export function writeIpv4(view: DataView, offset: number, text: string): number {
  room("address", view, offset, IPV4_BYTES);
  view.setUint32(offset, parseIpv4(text));
  return IPV4_BYTES;
}

/**
 * The IPv6 address at `offset` as RFC 5952 writes it: lower case, no leading zeros, the first longest run
 * of two or more zero groups as `::`, and an IPv4-mapped address (::ffff:0:0/96) with its dotted tail.
 */
export function readIpv6(view: DataView, offset: number): string {
  const run = zeroRun(view, offset);
  const runStart = run >> 4;
  const runLength = run & 0xf;
  if (runStart === 0 && runLength === 5 && view.getUint16(offset + 10) === 0xffff)
    return `::ffff:${readIpv4(view, offset + 12)}`;
  let text = "";
  for (let group = 0; group < 8; group++) {
    if (group === runStart) {
      text += "::";
      group += runLength - 1;
      continue;
    }
    if (text !== "" && !text.endsWith(":")) text += ":";
    text += view.getUint16(offset + 2 * group).toString(16);
  }
  return text;
}

/** The text of an IPv6 address given as 16 bytes. */
export function formatIpv6(bytes: Uint8Array): string {
  if (bytes.length !== IPV6_BYTES)
    throw new WireError("ERR_WIRE_RANGE", "address", "ipv6", `${bytes.length} bytes, 16 needed`, IPV6_BYTES);
  return readIpv6(new DataView(bytes.buffer, bytes.byteOffset, IPV6_BYTES), 0);
}

/**
 * An IPv6 address in any form of RFC 4291 section 2.2 (also with a dotted IPv4 tail; either case), as 16
 * new bytes. No zone, no prefix length, no brackets.
 */
export function parseIpv6(text: string): Uint8Array {
  let source = text;
  const tailStart = text.lastIndexOf(":") + 1;
  if (tailStart > 0 && text.includes(".", tailStart)) {
    let bits: number;
    try {
      bits = parseIpv4(text.slice(tailStart));
    } catch {
      throw syntax("ipv6", text);
    }
    source = `${text.slice(0, tailStart)}${(bits >>> 16).toString(16)}:${(bits & 0xffff).toString(16)}`;
  }
  const sides = source.split("::");
  if (sides.length > 2) throw syntax("ipv6", text);
  const head = groups(sides[0] as string, text);
  const tail = sides.length === 2 ? groups(sides[1] as string, text) : [];
  const given = head.length + tail.length;
  if (sides.length === 2 ? given > 7 : given !== 8) throw syntax("ipv6", text);
  const bytes = new Uint8Array(IPV6_BYTES);
  const view = new DataView(bytes.buffer);
  head.forEach((group, index) => {
    view.setUint16(2 * index, group);
  });
  tail.forEach((group, index) => {
    view.setUint16(2 * (8 - tail.length + index), group);
  });
  return bytes;
}

/** 4 or 6 where `text` is an IP address of that version, else 0. No zone, no prefix length, no brackets. */
export function ipVersion(text: string): 0 | 4 | 6 {
  const version = text.includes(":") ? 6 : 4;
  try {
    if (version === 6) parseIpv6(text);
    else parseIpv4(text);
    return version;
  } catch {
    return 0;
  }
}

/**
 * An IP address in the one spelling that packets are shown with (IPv6: RFC 5952), so that what an operator
 * configured meets what a frame carries. Anything else comes back as it is.
 */
export function canonicalAddress(text: string): string {
  // At once: IPv4, and MACs, which have five colons; IPv6 has "::", or six and more.
  if (!text.includes("::") && text.split(":", 7).length < 7) return text;
  const zone = text.indexOf("%");
  try {
    return formatIpv6(parseIpv6(zone < 0 ? text : text.slice(0, zone)));
  } catch {
    return text;
  }
}

/** Writes an IPv6 address given as text at `offset`; returns 16. */
export function writeIpv6(view: DataView, offset: number, text: string): number {
  room("address", view, offset, IPV6_BYTES);
  const bytes = parseIpv6(text);
  for (let index = 0; index < IPV6_BYTES; index++) view.setUint8(offset + index, bytes[index] as number);
  return IPV6_BYTES;
}

/** The bytes `start` to `end` as lower-case hexadecimal digits without separators. */
export function readHex(view: DataView, start: number, end: number): string {
  let text = "";
  for (let at = start; at < end; at++) text += hexByte[view.getUint8(at)];
  return text;
}

/** Writes hexadecimal digits (two a byte, either case, no separators); returns the bytes written. */
export function writeHex(view: DataView, offset: number, text: string): number {
  if (text.length % 2 !== 0 || !/^[0-9a-f]*$/i.test(text)) throw syntax("hex", text);
  const bytes = text.length / 2;
  room("address", view, offset, bytes);
  for (let index = 0; index < bytes; index++)
    view.setUint8(offset + index, Number.parseInt(text.slice(2 * index, 2 * index + 2), 16));
  return bytes;
}

function groups(side: string, text: string): number[] {
  if (side === "") return [];
  return side.split(":").map((digits) => {
    if (!/^[0-9a-f]{1,4}$/i.test(digits)) throw syntax("ipv6", text);
    return Number.parseInt(digits, 16);
  });
}

function syntax(field: string, text: string): WireError {
  return new WireError("ERR_WIRE_SYNTAX", "address", field, `${JSON.stringify(text)} is not one`);
}

/*
 * Frames that are wrong on purpose, to try decoders with: each kind is wrong in one way. Lengths and checksums
 * around what is wrong are those of the bytes that are there, unless they are what is wrong.
 */
import { computeIpv4Checksum, finishSum } from "../wire/checksum.js";
import { WireError } from "../wire/error.js";
import { EthernetView } from "../wire/ethernet.js";
import {
  GENEVE_HEADER_BYTES,
  GENEVE_OPTIONS_MAX,
  GeneveMask,
  GeneveOffset,
  GeneveOptionMask,
  GeneveOptionOffset,
  type GeneveOptionRecord,
  type GeneveRecord,
  geneveBytes,
  writeGeneve,
} from "../wire/geneve.js";
import { Ipv4Mask, Ipv4Offset } from "../wire/ipv4.js";
import { Ipv6Offset } from "../wire/ipv6.js";
import { OVN_OPTION_CLASS, OVN_OPTION_DATA_BYTES, OVN_OPTION_TYPE } from "../wire/ovn-option.js";
import { UDP_HEADER_BYTES, UdpOffset } from "../wire/udp.js";
import type { CorruptKind } from "./kinds.js";

/** A Geneve header and what it carries. */
interface Carried {
  geneve: GeneveRecord;
  inner: Uint8Array;
}

/** A way to be wrong. */
interface Corruption {
  /** Changes the header and what it carries, before lengths and checksums are worked out. */
  readonly header?: (carried: Carried) => Carried;
  /** Changes the bytes of the frame, whose outer IP and UDP headers begin at `ip` and `udp`. */
  readonly bytes?: (view: DataView, ip: number, udp: number) => void;
}

const WORD = 4;
/** How much more than there is a length says. */
const BEYOND = 8;
/** An EtherType for experiments (IEEE 802), which is nobody's. */
const UNKNOWN_PROTOCOL = 0x88b5;
const NO_BYTES = new Uint8Array(0);

/** By kind; each does what its words in kinds.ts say. */
export const corruptions: Readonly<Record<CorruptKind, Corruption>> = {
  version: {
    header: ({ geneve, inner }) => ({ geneve: { ...geneve, version: 1 }, inner }),
  },
  "opt-len": {
    header: ({ geneve, inner }) => {
      const options = optionBytes(geneve);
      if (options.length === 0) throw impossible("opt-len", "there is no option");
      const end = options.length - WORD;
      const behind = new Uint8Array(WORD + inner.length);
      behind.set(options.subarray(end));
      behind.set(inner, WORD);
      return { geneve: { ...geneve, options: [], optionsRest: options.subarray(0, end) }, inner: behind };
    },
  },
  "opt-len-beyond": {
    header: ({ geneve }) => {
      if (geneveBytes(geneve) > GENEVE_HEADER_BYTES + GENEVE_OPTIONS_MAX - WORD)
        throw impossible("opt-len-beyond", "Opt Len cannot say more than the options take");
      return { geneve, inner: NO_BYTES };
    },
    bytes: (view, _, udp) => {
      const at = udp + UDP_HEADER_BYTES + GeneveOffset.versionOptLen;
      // Opt Len ends in the high byte of its word.
      put(view, at, view.getUint16(at) + 0x100, udp + UdpOffset.checksum);
    },
  },
  "option-length": {
    header: ({ geneve, inner }) => {
      const options = geneve.options.slice(0, -1);
      const [last] = geneve.options.slice(-1);
      if (last === undefined) throw impossible("option-length", "there is no option");
      if (last.data.length === GeneveOptionMask.length * WORD)
        throw impossible("option-length", "the last option has 31 words");
      const rest = optionBytes({ ...geneve, options: [last] });
      rest[GeneveOptionOffset.length] |= GeneveOptionMask.length;
      return { geneve: { ...geneve, options, optionsRest: rest }, inner };
    },
  },
  "ovn-option": {
    header: ({ geneve, inner }) => {
      const index = geneve.options.findIndex(isOvn);
      if (index < 0) throw impossible("ovn-option", "there is no option of OVN's");
      const options = [...geneve.options];
      const data = new Uint8Array(2 * OVN_OPTION_DATA_BYTES);
      data.set(options[index].data);
      options[index] = { ...options[index], data };
      return { geneve: { ...geneve, options }, inner };
    },
  },
  "critical-flag": {
    header: ({ geneve, inner }) => ({ geneve: { ...geneve, critical: !geneve.critical }, inner }),
  },
  "reserved-bits": {
    header: ({ geneve, inner }) => {
      const options = geneve.options.map((option) => ({ ...option, reserved: GeneveOptionMask.reserved }));
      return {
        geneve: { ...geneve, reservedBits: GeneveMask.reservedBits, reserved: 0xff, options },
        inner,
      };
    },
  },
  "protocol-type": {
    header: ({ geneve, inner }) => ({ geneve: { ...geneve, protocolType: UNKNOWN_PROTOCOL }, inner }),
  },
  "inner-truncated": {
    header: ({ geneve, inner }) => {
      const ethernet = new EthernetView();
      ethernet.bind(new DataView(inner.buffer, inner.byteOffset, inner.length), 0, inner.length);
      const end = ethernet.payloadStart + WORD;
      if (inner.length <= end) throw impossible("inner-truncated", "the inner frame has no network header");
      return { geneve, inner: inner.subarray(0, end) };
    },
  },
  "udp-length": {
    bytes: (view, _, udp) => {
      const at = udp + UdpOffset.length;
      view.setUint16(at, longer("udp-length", view.getUint16(at)));
    },
  },
  "ip-length": {
    bytes: (view, ip, udp) => {
      const isIpv4 = versionAt(view, ip) === 4;
      const at = ip + (isIpv4 ? Ipv4Offset.totalLength : Ipv6Offset.payloadLength);
      view.setUint16(at, longer("ip-length", view.getUint16(at)));
      if (isIpv4) view.setUint16(ip + Ipv4Offset.checksum, computeIpv4Checksum(view, ip, udp));
    },
  },
  "udp-checksum": {
    bytes: (view, _, udp) => {
      const at = udp + UdpOffset.checksum;
      if (view.getUint16(at) === 0) throw impossible("udp-checksum", "there is none");
      view.setUint16(at, wrong(view.getUint16(at)));
    },
  },
  "ip-checksum": {
    bytes: (view, ip) => {
      if (versionAt(view, ip) !== 4) throw impossible("ip-checksum", "an IPv6 header has none");
      const at = ip + Ipv4Offset.checksum;
      view.setUint16(at, wrong(view.getUint16(at)));
    },
  },
};

function impossible(kind: CorruptKind, why: string): WireError {
  return new WireError("ERR_WIRE_RANGE", "corrupt", kind, why);
}

function isOvn({ optionClass, type }: GeneveOptionRecord): boolean {
  return optionClass === OVN_OPTION_CLASS && type === OVN_OPTION_TYPE;
}

/** The options as they are written. */
function optionBytes(geneve: GeneveRecord): Uint8Array {
  const bytes = new Uint8Array(geneveBytes(geneve));
  writeGeneve(new DataView(bytes.buffer), 0, geneve);
  return bytes.subarray(GENEVE_HEADER_BYTES);
}

/** Stores a word, and UDP's checksum over it, unless that is absent, so that it is as right as before (RFC 1624). */
function put(view: DataView, at: number, word: number, checksum: number): void {
  const before = view.getUint16(at);
  const stored = view.getUint16(checksum);
  view.setUint16(at, word);
  if (stored !== 0)
    view.setUint16(checksum, finishSum((stored ^ 0xffff) + (before ^ 0xffff) + word) || 0xffff);
}

function longer(kind: CorruptKind, length: number): number {
  if (length + BEYOND <= 0xffff) return length + BEYOND;
  throw new WireError("ERR_WIRE_RANGE", "corrupt", kind, `${length + BEYOND}, 65535 at most`, 0xffff);
}

/** A checksum that is not right: nor 0, which is none, nor 0xffff for 0. */
function wrong(checksum: number): number {
  return checksum === 0x5555 ? 0xaaaa : 0x5555;
}

function versionAt(view: DataView, ip: number): number {
  return view.getUint8(ip) >>> Ipv4Mask.versionShift;
}

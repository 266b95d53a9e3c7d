/** Geneve (RFC 8926) as records, and their writer; the reader and the bit diagram are in geneve.ts. */
import { putBytes } from "./bytes.js";
import { ranged, room, WireError } from "./error.js";
import {
  GENEVE_HEADER_BYTES,
  GENEVE_OPTION_DATA_MAX,
  GENEVE_OPTION_HEADER_BYTES,
  GENEVE_OPTIONS_MAX,
  GeneveMask,
  GeneveOffset,
  GeneveOptionMask,
  GeneveOptionOffset,
} from "./geneve-fields.js";

/**
 * One option: `optionClass` 0..65535, `type` 0..255 with the critical bit as its highest, three `reserved`
 * bits, and its data (0 to 124 bytes, a multiple of 4, which gives the length field).
 */
export interface GeneveOptionRecord {
  optionClass: number;
  type: number;
  reserved: number;
  data: Uint8Array;
}

/**
 * A Geneve header as plain values. Opt Len is not among them: it follows from `options` and `optionsRest`,
 * the bytes behind the last whole option (empty in a valid header).
 */
export interface GeneveRecord {
  version: number;
  oam: boolean;
  critical: boolean;
  reservedBits: number;
  protocolType: number;
  vni: number;
  reserved: number;
  options: GeneveOptionRecord[];
  optionsRest: Uint8Array;
}

/** Bytes {@link writeGeneve} writes for this record: 8 to 260 in a header that fits. */
export function geneveBytes(record: GeneveRecord): number {
  let bytes = GENEVE_HEADER_BYTES + record.optionsRest.length;
  for (const option of record.options) bytes += GENEVE_OPTION_HEADER_BYTES + option.data.length;
  return bytes;
}

/**
 * Writes a Geneve header with its options at `offset` and returns its size in bytes. Every field is
 * written as given, C too. Throws a WireError where a field does not fit.
 */
export function writeGeneve(view: DataView, offset: number, record: GeneveRecord): number {
  const bytes = geneveBytes(record);
  const optionBytes = bytes - GENEVE_HEADER_BYTES;
  if (optionBytes > GENEVE_OPTIONS_MAX || optionBytes % 4 !== 0)
    throw new WireError(
      "ERR_WIRE_RANGE",
      "geneve",
      "options",
      `${optionBytes} bytes, not a multiple of 4 up to ${GENEVE_OPTIONS_MAX}`,
      GENEVE_OPTIONS_MAX,
    );
  room("geneve", view, offset, bytes);
  view.setUint8(
    offset + GeneveOffset.versionOptLen,
    (ranged("geneve", "version", record.version, GeneveMask.version) << GeneveMask.versionShift) |
      (optionBytes / 4),
  );
  view.setUint8(
    offset + GeneveOffset.flags,
    (record.oam ? GeneveMask.oam : 0) |
      (record.critical ? GeneveMask.critical : 0) |
      ranged("geneve", "reserved bits", record.reservedBits, GeneveMask.reservedBits),
  );
  view.setUint16(
    offset + GeneveOffset.protocolType,
    ranged("geneve", "protocol type", record.protocolType, 0xffff),
  );
  const vni = ranged("geneve", "vni", record.vni, GeneveMask.vni);
  const reserved = ranged("geneve", "reserved", record.reserved, 0xff);
  view.setUint32(offset + GeneveOffset.vni, ((vni << GeneveMask.vniShift) | reserved) >>> 0);
  let at = offset + GENEVE_HEADER_BYTES;
  for (const option of record.options) at += writeGeneveOption(view, at, option);
  putBytes("geneve", view, at, record.optionsRest);
  return bytes;
}

/** Writes one option at `offset` and returns its size in bytes, 4 to 128. */
export function writeGeneveOption(view: DataView, offset: number, option: GeneveOptionRecord): number {
  const { data } = option;
  if (data.length > GENEVE_OPTION_DATA_MAX || data.length % 4 !== 0)
    throw new WireError(
      "ERR_WIRE_RANGE",
      "geneve",
      "option data",
      `${data.length} bytes, not a multiple of 4 up to ${GENEVE_OPTION_DATA_MAX}`,
      GENEVE_OPTION_DATA_MAX,
    );
  room("geneve", view, offset, GENEVE_OPTION_HEADER_BYTES + data.length);
  view.setUint16(
    offset + GeneveOptionOffset.optionClass,
    ranged("geneve", "option class", option.optionClass, 0xffff),
  );
  view.setUint8(offset + GeneveOptionOffset.type, ranged("geneve", "option type", option.type, 0xff));
  const reserved = ranged("geneve", "option reserved bits", option.reserved, GeneveOptionMask.reserved);
  view.setUint8(
    offset + GeneveOptionOffset.length,
    (reserved << GeneveOptionMask.reservedShift) | (data.length / 4),
  );
  return GENEVE_OPTION_HEADER_BYTES + putBytes("geneve", view, offset + GENEVE_OPTION_HEADER_BYTES, data);
}

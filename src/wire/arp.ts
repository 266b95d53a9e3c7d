/*
 * ARP, RFC 826.
 *
 *   0                   1                   2                   3
 *   0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |         Hardware Type         |         Protocol Type         |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |  HW length (h)|PR length (p)  |           Operation           |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |  Sender hardware (h)  Sender protocol (p)                     |
 *  |  Target hardware (h)  Target protocol (p)                     |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 */

import {
  IPV4_BYTES,
  MAC_BYTES,
  readHex,
  readIpv4,
  readMac,
  readMacBits,
  writeHex,
  writeIpv4,
  writeMac,
} from "./address.js";
import { UNBOUND } from "./bytes.js";
import { ranged, room, WireError } from "./error.js";
import { Reason } from "./reason.js";

/** Byte offsets of the ARP header's fields, shared by reader and writer; the addresses start at `addresses`. */
export const ArpOffset = {
  hardwareType: 0,
  protocolType: 2,
  hardwareLength: 4,
  protocolLength: 5,
  operation: 6,
  addresses: 8,
} as const;

/** Bytes before the addresses, and in all for Ethernet and IPv4. */
export const ARP_FIXED_BYTES = 8;
export const ARP_ETHERNET_IPV4_BYTES = 28;

/** Operations. */
export const ArpOperation = { request: 1, reply: 2 } as const;

/**
 * An ARP message as plain values. Addresses are text: a MAC where the hardware length is 6, dotted decimal
 * where the protocol length is 4, else two hexadecimal digits a byte.
 */
export interface ArpRecord {
  hardwareType: number;
  protocolType: number;
  hardwareLength: number;
  protocolLength: number;
  operation: number;
  senderHardware: string;
  senderProtocol: string;
  targetHardware: string;
  targetProtocol: string;
}

/**
 * An ARP message over the caller's bytes. Rebind it for each packet, never keep it: its getters read the
 * bytes of the last `bind`. `toRecord()` copies.
 */
export class ArpView {
  #view: DataView;
  #start = 0;
  /** Offset behind the message; what follows it in the frame is padding. */
  payloadStart = 0;
  /** Equal to `payloadStart`: ARP carries nothing. */
  payloadEnd = 0;

  constructor(view: DataView = UNBOUND) {
    this.#view = view;
  }

  /** Points the view at the bytes `start` to `end` of `view`. Returns `ok` or `short` (also of its addresses). */
  bind(view: DataView, start: number, end: number): Reason {
    this.#view = view;
    this.#start = start;
    this.payloadStart = end;
    this.payloadEnd = end;
    if (end - start < ARP_FIXED_BYTES) return Reason.short;
    const hardware = view.getUint8(start + ArpOffset.hardwareLength);
    const bytes = ARP_FIXED_BYTES + 2 * (hardware + view.getUint8(start + ArpOffset.protocolLength));
    if (end - start < bytes) return Reason.short;
    this.payloadStart = start + bytes;
    this.payloadEnd = this.payloadStart;
    return Reason.ok;
  }

  /** Hardware type, 0 to 65535; 1 is Ethernet. */
  get hardwareType(): number {
    return this.#view.getUint16(this.#start + ArpOffset.hardwareType);
  }
  /** Protocol type: an EtherType, 0x0800 for IPv4. */
  get protocolType(): number {
    return this.#view.getUint16(this.#start + ArpOffset.protocolType);
  }
  /** Bytes of a hardware address, 0 to 255. */
  get hardwareLength(): number {
    return this.#view.getUint8(this.#start + ArpOffset.hardwareLength);
  }
  /** Bytes of a protocol address, 0 to 255. */
  get protocolLength(): number {
    return this.#view.getUint8(this.#start + ArpOffset.protocolLength);
  }
  /** Operation, 0 to 65535: {@link ArpOperation}. */
  get operation(): number {
    return this.#view.getUint16(this.#start + ArpOffset.operation);
  }
  /** True for 6-byte hardware and 4-byte protocol addresses: the getters ending in `Bits` mean something. */
  get isEthernetIpv4(): boolean {
    return this.hardwareLength === MAC_BYTES && this.protocolLength === IPV4_BYTES;
  }
  /** Sender's MAC as an integer, 0 to 2^48-1; only where `isEthernetIpv4`. */
  get senderMacBits(): number {
    return readMacBits(this.#view, this.#start + ArpOffset.addresses);
  }
  /** Sender's IPv4 address, unsigned; only where `isEthernetIpv4`. */
  get senderIpv4Bits(): number {
    return this.#view.getUint32(this.#start + ArpOffset.addresses + MAC_BYTES);
  }
  /** Target's MAC as an integer (0 in a request); only where `isEthernetIpv4`. */
  get targetMacBits(): number {
    return readMacBits(this.#view, this.#start + ArpOffset.addresses + MAC_BYTES + IPV4_BYTES);
  }
  /** Target's IPv4 address, unsigned; only where `isEthernetIpv4`. */
  get targetIpv4Bits(): number {
    return this.#view.getUint32(this.#start + ArpOffset.addresses + 2 * MAC_BYTES + IPV4_BYTES);
  }

  toRecord(): ArpRecord {
    const hardware = this.hardwareLength;
    const protocol = this.protocolLength;
    const sender = this.#start + ArpOffset.addresses;
    const target = sender + hardware + protocol;
    return {
      hardwareType: this.hardwareType,
      protocolType: this.protocolType,
      hardwareLength: hardware,
      protocolLength: protocol,
      operation: this.operation,
      senderHardware: readHardware(this.#view, sender, hardware),
      senderProtocol: readProtocol(this.#view, sender + hardware, protocol),
      targetHardware: readHardware(this.#view, target, hardware),
      targetProtocol: readProtocol(this.#view, target + hardware, protocol),
    };
  }
}

function readHardware(view: DataView, offset: number, bytes: number): string {
  return bytes === MAC_BYTES ? readMac(view, offset) : readHex(view, offset, offset + bytes);
}

function readProtocol(view: DataView, offset: number, bytes: number): string {
  return bytes === IPV4_BYTES ? readIpv4(view, offset) : readHex(view, offset, offset + bytes);
}

/** Bytes {@link writeArp} writes for this record. */
export function arpBytes(record: ArpRecord): number {
  return ARP_FIXED_BYTES + 2 * (record.hardwareLength + record.protocolLength);
}

/** Writes an ARP message at `offset` and returns its size in bytes; an address of another length is refused. */
export function writeArp(view: DataView, offset: number, record: ArpRecord): number {
  const hardware = ranged("arp", "hardware length", record.hardwareLength, 0xff);
  const protocol = ranged("arp", "protocol length", record.protocolLength, 0xff);
  room("arp", view, offset, arpBytes(record));
  view.setUint16(
    offset + ArpOffset.hardwareType,
    ranged("arp", "hardware type", record.hardwareType, 0xffff),
  );
  view.setUint16(
    offset + ArpOffset.protocolType,
    ranged("arp", "protocol type", record.protocolType, 0xffff),
  );
  view.setUint8(offset + ArpOffset.hardwareLength, hardware);
  view.setUint8(offset + ArpOffset.protocolLength, protocol);
  view.setUint16(offset + ArpOffset.operation, ranged("arp", "operation", record.operation, 0xffff));
  const sender = offset + ArpOffset.addresses;
  const target = sender + hardware + protocol;
  putHardware(view, sender, record.senderHardware, hardware, "sender hardware");
  putProtocol(view, sender + hardware, record.senderProtocol, protocol, "sender protocol");
  putHardware(view, target, record.targetHardware, hardware, "target hardware");
  putProtocol(view, target + hardware, record.targetProtocol, protocol, "target protocol");
  return arpBytes(record);
}

function putHardware(view: DataView, offset: number, text: string, bytes: number, field: string): void {
  if (bytes === MAC_BYTES) writeMac(view, offset, text);
  else putHex(view, offset, text, bytes, field);
}

function putProtocol(view: DataView, offset: number, text: string, bytes: number, field: string): void {
  if (bytes === IPV4_BYTES) writeIpv4(view, offset, text);
  else putHex(view, offset, text, bytes, field);
}

function putHex(view: DataView, offset: number, text: string, bytes: number, field: string): void {
  if (text.length !== 2 * bytes)
    throw new WireError("ERR_WIRE_RANGE", "arp", field, `${text.length / 2} bytes, ${bytes} needed`, bytes);
  writeHex(view, offset, text);
}

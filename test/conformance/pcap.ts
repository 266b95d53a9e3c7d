/* Classic pcap files (Ethernet, microseconds, little-endian, as the lab writes them), for altered copies. */
import { readFileSync, writeFileSync } from "node:fs";

export interface Record {
  seconds: number;
  microseconds: number;
  bytes: Buffer;
  /** Where it is more than there are. */
  originalBytes?: number;
}

export function readPcap(path: string): { linkType: number; records: Record[] } {
  const file = readFileSync(path);
  if (file.readUInt32LE(0) !== 0xa1b2c3d4) throw new Error(`${path}: not a little-endian microsecond pcap`);
  const records: Record[] = [];
  for (let at = 24; at < file.length; ) {
    const length = file.readUInt32LE(at + 8);
    records.push({
      seconds: file.readUInt32LE(at),
      microseconds: file.readUInt32LE(at + 4),
      bytes: file.subarray(at + 16, at + 16 + length),
    });
    at += 16 + length;
  }
  return { linkType: file.readUInt32LE(20), records };
}

export function writePcap(path: string, records: readonly Record[]): void {
  const header = Buffer.alloc(24);
  header.writeUInt32LE(0xa1b2c3d4, 0);
  header.writeUInt16LE(2, 4);
  header.writeUInt16LE(4, 6);
  header.writeUInt32LE(65535, 16);
  header.writeUInt32LE(1, 20);
  const parts: Buffer[] = [header];
  for (const { seconds, microseconds, bytes, originalBytes = bytes.length } of records) {
    const head = Buffer.alloc(16);
    head.writeUInt32LE(seconds, 0);
    head.writeUInt32LE(microseconds, 4);
    head.writeUInt32LE(bytes.length, 8);
    head.writeUInt32LE(originalBytes, 12);
    parts.push(head, bytes);
  }
  writeFileSync(path, Buffer.concat(parts));
}

/** Where the headers of a frame begin; -1 where there is none. */
export interface Offsets {
  outerIp: number;
  outerTransport: number;
  innerIp: number;
  innerTransport: number;
  innerProtocol: number;
}

const NONE: Offsets = { outerIp: -1, outerTransport: -1, innerIp: -1, innerTransport: -1, innerProtocol: -1 };

function network(frame: Buffer, ethernet: number): { ip: number; transport: number; protocol: number } {
  const ip = ethernet + 14;
  const type = frame.readUInt16BE(ethernet + 12);
  if (type === 0x0800) return { ip, transport: ip + (frame[ip] & 15) * 4, protocol: frame[ip + 9] };
  if (type !== 0x86dd) return { ip: -1, transport: -1, protocol: -1 };
  // At most one extension header in the lab's packets: hop-by-hop options.
  if (frame[ip + 6] !== 0) return { ip, transport: ip + 40, protocol: frame[ip + 6] };
  return { ip, transport: ip + 40 + (frame[ip + 41] + 1) * 8, protocol: frame[ip + 40] };
}

/** Of an Ethernet frame without VLAN tags. */
export function offsets(frame: Buffer): Offsets {
  const outer = network(frame, 0);
  if (outer.ip < 0) return NONE;
  const found = { ...NONE, outerIp: outer.ip, outerTransport: outer.transport };
  const port = outer.protocol === 17 ? frame.readUInt16BE(outer.transport + 2) : 0;
  if (port !== 6081 && port !== 4789) return found;
  const tunnel = outer.transport + 8;
  const inner = network(frame, tunnel + 8 + (port === 6081 ? (frame[tunnel] & 0x3f) * 4 : 0));
  return { ...found, innerIp: inner.ip, innerTransport: inner.transport, innerProtocol: inner.protocol };
}

/* Small writers of captures in every variant, and a collector that copies what a source delivers. */
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import {
  CaptureError,
  type CaptureInterface,
  type Damage,
  type OpenOptions,
  openCapture,
} from "../../src/capture/index.js";

/** A packet as tests write and compare it. */
export interface TestPacket {
  sec: number;
  nsec: number;
  /** Captured bytes in hexadecimal. */
  data: string;
  original: number;
  interface: number;
}

export interface Collected {
  packets: TestPacket[];
  numbers: number[];
  damage: Damage | null;
  odd: number;
  interfaces: CaptureInterface[];
  format: string;
  /** Packets of each batch. */
  batches: number[];
}

export function packet(index: number, length: number, extra: Partial<TestPacket> = {}): TestPacket {
  const bytes = Buffer.alloc(length);
  for (let at = 0; at < length; at++) bytes[at] = (index * 31 + at * 7) & 0xff;
  return {
    sec: 1_700_000_000 + index,
    nsec: (index * 1_234_567_000) % 1_000_000_000,
    data: bytes.toString("hex"),
    original: length,
    interface: 0,
    ...extra,
  };
}

/** Packets of lengths that make records straddle any block. */
export function somePackets(count: number): TestPacket[] {
  return Array.from({ length: count }, (_, index) => packet(index, [0, 1, 60, 156, 3, 300][index % 6]));
}

export const packetsArbitrary: fc.Arbitrary<TestPacket[]> = fc.array(
  fc.record({
    sec: fc.nat({ max: 0xffffffff }),
    nsec: fc.nat({ max: 999_999 }).map((micro) => micro * 1000),
    data: fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes).toString("hex")),
    original: fc.nat({ max: 0xffffffff }),
    interface: fc.constant(0),
  }),
  { maxLength: 30 },
);

/** A growing byte string in one byte order. */
export class Writer {
  readonly little: boolean;
  #parts: Buffer[] = [];
  #length = 0;

  constructor(little = true) {
    this.little = little;
  }
  get length(): number {
    return this.#length;
  }
  bytes(data: Uint8Array): this {
    const part = Buffer.from(data);
    this.#parts.push(part);
    this.#length += part.length;
    return this;
  }
  u8(value: number): this {
    return this.bytes(Uint8Array.of(value));
  }
  u16(value: number): this {
    const part = Buffer.alloc(2);
    if (this.little) part.writeUInt16LE(value);
    else part.writeUInt16BE(value);
    return this.bytes(part);
  }
  u32(value: number): this {
    const part = Buffer.alloc(4);
    if (this.little) part.writeUInt32LE(value);
    else part.writeUInt32BE(value);
    return this.bytes(part);
  }
  u64(value: bigint): this {
    const part = Buffer.alloc(8);
    if (this.little) part.writeBigUInt64LE(BigInt.asUintN(64, value));
    else part.writeBigUInt64BE(BigInt.asUintN(64, value));
    return this.bytes(part);
  }
  done(): Buffer {
    return Buffer.concat(this.#parts);
  }
}

export interface PcapVariant {
  little?: boolean;
  nano?: boolean;
  modified?: boolean;
  linkField?: number;
  snapLength?: number;
  major?: number;
  minor?: number;
}

export function pcapHeader(variant: PcapVariant = {}): Buffer {
  const magic = variant.modified ? 0xa1b2cd34 : variant.nano ? 0xa1b23c4d : 0xa1b2c3d4;
  return new Writer(variant.little ?? true)
    .u32(magic)
    .u16(variant.major ?? 2)
    .u16(variant.minor ?? 4)
    .u32(0)
    .u32(0)
    .u32(variant.snapLength ?? 262_144)
    .u32(variant.linkField ?? 1)
    .done();
}

export function pcapRecord(one: TestPacket, variant: PcapVariant = {}): Buffer {
  const data = Buffer.from(one.data, "hex");
  const swapped = (variant.minor ?? 4) < 3;
  const writer = new Writer(variant.little ?? true)
    .u32(one.sec)
    .u32(variant.nano ? one.nsec : Math.floor(one.nsec / 1000))
    .u32(swapped ? one.original : data.length)
    .u32(swapped ? data.length : one.original);
  if (variant.modified) writer.u32(3).u16(0x0800).u8(4).u8(0);
  return writer.bytes(data).done();
}

export function pcap(packets: TestPacket[], variant: PcapVariant = {}): Buffer {
  return Buffer.concat([pcapHeader(variant), ...packets.map((one) => pcapRecord(one, variant))]);
}

/** A block of pcapng around `body`, padded to four bytes. */
export function block(type: number, body: Uint8Array, little = true): Buffer {
  const padded = (body.length + 3) & ~3;
  return new Writer(little)
    .u32(type)
    .u32(padded + 12)
    .bytes(body)
    .bytes(Buffer.alloc(padded - body.length))
    .u32(padded + 12)
    .done();
}

export function section(little = true, major = 1, length = -1n): Buffer {
  return block(0x0a0d0d0a, new Writer(little).u32(0x1a2b3c4d).u16(major).u16(0).u64(length).done(), little);
}

export function option(code: number, value: Uint8Array, little = true): Buffer {
  return new Writer(little)
    .u16(code)
    .u16(value.length)
    .bytes(value)
    .bytes(Buffer.alloc(-value.length & 3))
    .done();
}

export interface InterfaceVariant {
  little?: boolean;
  linkType?: number;
  snapLength?: number;
  name?: string;
  resolution?: number;
  offset?: bigint;
}

export function interfaceBlock(variant: InterfaceVariant = {}): Buffer {
  const little = variant.little ?? true;
  const writer = new Writer(little)
    .u16(variant.linkType ?? 1)
    .u16(0)
    .u32(variant.snapLength ?? 0);
  if (variant.name !== undefined) writer.bytes(option(2, Buffer.from(variant.name), little));
  if (variant.resolution !== undefined) writer.bytes(option(9, Uint8Array.of(variant.resolution), little));
  if (variant.offset !== undefined)
    writer.bytes(option(14, new Writer(little).u64(variant.offset).done(), little));
  writer.bytes(option(0, new Uint8Array(0), little));
  return block(1, writer.done(), little);
}

export interface EnhancedVariant {
  little?: boolean;
  /** Units a second as pcapng counts them; default microseconds. */
  unitsPerSecond?: bigint;
  interface?: number;
  type?: 2 | 6;
}

export function enhanced(one: TestPacket, variant: EnhancedVariant = {}): Buffer {
  const units = variant.unitsPerSecond ?? 1_000_000n;
  const stamp = BigInt(one.sec) * units + (BigInt(one.nsec) * units) / 1_000_000_000n;
  return rawEnhanced(one, stamp, variant);
}

/** An Enhanced or old Packet Block with a time stamp in the interface's own units. */
export function rawEnhanced(one: TestPacket, stamp: bigint, variant: EnhancedVariant = {}): Buffer {
  const little = variant.little ?? true;
  const type = variant.type ?? 6;
  const data = Buffer.from(one.data, "hex");
  const writer = new Writer(little);
  if (type === 6) writer.u32(variant.interface ?? one.interface);
  else writer.u16(variant.interface ?? one.interface).u16(7);
  writer
    .u32(Number(stamp >> 32n))
    .u32(Number(stamp & 0xffffffffn))
    .u32(data.length)
    .u32(one.original)
    .bytes(data);
  return block(type, writer.done(), little);
}

export function simple(one: TestPacket, little = true): Buffer {
  return block(3, new Writer(little).u32(one.original).bytes(Buffer.from(one.data, "hex")).done(), little);
}

export function pcapng(packets: TestPacket[], little = true): Buffer {
  return Buffer.concat([
    section(little),
    interfaceBlock({ little, name: "eth1" }),
    ...packets.map((one) => enhanced(one, { little })),
  ]);
}

/** A zstd frame of raw blocks, RFC 8878: what a compressor does with random data. */
export function zstdRaw(content: Uint8Array, blockBytes = 64 * 1024, checksum?: Uint8Array): Buffer {
  // Window of 128 KiB; the content size is left out.
  const writer = new Writer(true)
    .u32(0xfd2fb528)
    .u8(checksum ? 4 : 0)
    .u8((17 - 10) << 3);
  for (let at = 0; ; at += blockBytes) {
    const part = content.subarray(at, at + blockBytes);
    const last = at + blockBytes >= content.length ? 1 : 0;
    const header = last | (part.length << 3);
    writer
      .u16(header & 0xffff)
      .u8(header >> 16)
      .bytes(part);
    if (last) break;
  }
  return checksum ? writer.bytes(checksum).done() : writer.done();
}

/** A zstd frame with one block that repeats `byte`. */
export function zstdRepeated(byte: number, count: number, windowLog = 17): Buffer {
  const header = 1 | (1 << 1) | (count << 3);
  return new Writer(true)
    .u32(0xfd2fb528)
    .u8(0)
    .u8((windowLog - 10) << 3)
    .u16(header & 0xffff)
    .u8(header >> 16)
    .u8(byte)
    .done();
}

export function zstdSkippable(content: Uint8Array): Buffer {
  return new Writer(true).u32(0x184d2a53).u32(content.length).bytes(content).done();
}

/** `data` as a stream that comes in chunks of these sizes, repeated. */
export async function* chunks(data: Uint8Array, sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  let turn = 0;
  for (let at = 0; at < data.length; ) {
    const size = Math.max(1, sizes[turn++ % sizes.length]);
    yield data.subarray(at, at + size);
    at += size;
  }
}

/** Reads everything; each batch is copied at once, for its memory is reused. */
export async function collect(
  input: string | number | Uint8Array | AsyncIterable<Uint8Array>,
  options: OpenOptions = {},
): Promise<Collected> {
  const from = input instanceof Uint8Array ? chunks(input, [input.length]) : input;
  const source = await openCapture(from, options);
  const packets: TestPacket[] = [];
  const numbers: number[] = [];
  const batches: number[] = [];
  try {
    for (let batch = await source.next(); batch !== null; batch = await source.next()) {
      batches.push(batch.count);
      if (batch.count === 0) throw new Error("an empty batch");
      if (batch.view.buffer !== batch.bytes.buffer || batch.view.byteLength !== batch.bytes.length)
        throw new Error("view and bytes differ");
      for (let index = 0; index < batch.count; index++) {
        const start = batch.offset[index];
        const end = start + batch.capturedBytes[index];
        if (start < 0 || end > batch.bytes.length) throw new Error("a packet outside its block");
        packets.push({
          sec: batch.tsSec[index],
          nsec: batch.tsNsec[index],
          data: Buffer.from(batch.bytes.subarray(start, end)).toString("hex"),
          original: batch.originalBytes[index],
          interface: batch.interfaceIndex[index],
        });
        numbers.push(batch.firstNumber + index);
      }
    }
    return {
      packets,
      numbers,
      damage: source.damage,
      odd: source.odd,
      interfaces: [...source.interfaces],
      format: source.format,
      batches,
    };
  } finally {
    await source.close();
  }
}

/** The CaptureError that opening or reading throws. */
export async function failure(
  input: string | number | Uint8Array | AsyncIterable<Uint8Array>,
  options: OpenOptions = {},
): Promise<CaptureError> {
  try {
    await collect(input, options);
  } catch (error) {
    if (error instanceof CaptureError) return error;
    throw error;
  }
  throw new Error("no error was thrown");
}

const directory = mkdtempSync(join(tmpdir(), "genevescope-capture-"));
let files = 0;

/** Writes a file of its own into a directory of this process. */
export function temporary(content: Uint8Array | string, name?: string): string {
  const path = join(directory, name ?? `capture-${++files}`);
  writeFileSync(path, content);
  return path;
}

export function temporaryPath(name: string): string {
  return join(directory, name);
}

import { shown } from "../text.js";
import type { CaptureSource } from "./batch.js";
import { BlockBuffer } from "./block-buffer.js";
import { type ByteSource, type FilePart, openBytes } from "./byte-source.js";
import { CaptureError } from "./error.js";
import type { HexDumpLink } from "./hexdump-source.js";
import { isPcapMagic, openPcap } from "./pcap-source.js";
import { isPcapngMagic } from "./pcapng-section.js";
import { PeekedSource } from "./peeked-source.js";
import { isGzipMagic, isZstdMagic, knownOther, RECOGNISED_BYTES } from "./recognise.js";

/** Bytes read at a time: with its columns a block of this size stays in a second-level cache. */
const BLOCK_BYTES = 512 * 1024;
/** Packets of a batch at most: its columns, and those decoded from it, stay in a first-level cache or near it. */
const BATCH_CAPACITY = 512;

/** Bytes by which formats are told apart. */
const MAGIC_BYTES = 4;

const LARGEST_BLOCK_BYTES = 1024 * 1024 * 1024;
const LARGEST_CAPACITY = 1024 * 1024;

/** How to open a capture; every field may be absent. */
export interface OpenOptions {
  /** Name for messages and `CaptureSource.name` where the input is a descriptor or a stream; default `-`. */
  readonly name?: string;
  /** Who takes the capture apart, default `builtin`. `pcap-parser` reads pcap with microseconds only. */
  readonly reader?: "builtin" | "pcap-parser";
  /** Bytes read at a time, 1 to 2^30; default 512 KiB. */
  readonly blockBytes?: number;
  /** Packets in a batch at most, 1 to 2^20; default 512. */
  readonly batchCapacity?: number;
  /** What the packets of a hex dump begin with; default `auto`: decided packet by packet. */
  readonly hexDumpLink?: HexDumpLink;
  /** Decompress zstd with fzstd even where this Node has its own; default false. */
  readonly portableZstd?: boolean;
  /** Read this part of a named file alone; see `divide`. */
  readonly part?: FilePart | null;
}

/**
 * Opens a capture: a file by name (`-` for standard input), an open descriptor (left open by `close`), or a
 * Node stream or other async iterable of chunks. What it is is recognised by content: gzip or zstd around
 * it, then pcap, pcapng, or the text of `tcpdump -x`.
 *
 * Throws a {@link CaptureError} where there is no capture to read; damage further on ends the source and is
 * kept in its `damage`.
 */
export async function openCapture(
  input: string | number | AsyncIterable<Uint8Array>,
  options: OpenOptions = {},
): Promise<CaptureSource> {
  const name = options.name ?? (typeof input === "string" ? input : "-");
  const blockBytes = checked(name, "blockBytes", options.blockBytes ?? BLOCK_BYTES, LARGEST_BLOCK_BYTES);
  const capacity = checked(name, "batchCapacity", options.batchCapacity ?? BATCH_CAPACITY, LARGEST_CAPACITY);
  chosen(name, "reader", options.reader, ["builtin", "pcap-parser"]);
  chosen(name, "hexDumpLink", options.hexDumpLink, ["auto", "ethernet", "ip"]);
  const outer = new PeekedSource(await openBytes(input, name, options.part));
  let content = outer;
  try {
    const around = await decompressor(outer, options.portableZstd ?? false);
    if (around) {
      content = new PeekedSource(around);
      await checkContent(content);
    }
    return await openContent(content, blockBytes, capacity, options);
  } catch (error) {
    await content.close();
    throw error;
  }
}

/** A decompressor over the source where its content asks for one, else null. */
async function decompressor(outer: PeekedSource, portableZstd: boolean): Promise<ByteSource | null> {
  const magic = await outer.peek(MAGIC_BYTES);
  if (magic.length === 0)
    throw new CaptureError("ERR_CAPTURE_EMPTY", outer.name, "is empty; capture again", 0);
  // Loaded by the captures that need them: most are plain pcap files.
  if (isGzipMagic(magic)) {
    const { GunzipSource } = await import("./gunzip-source.js");
    return new GunzipSource(outer);
  }
  if (!isZstdMagic(magic)) return null;
  const [{ ZstdSource }, { zstdEngine }] = await Promise.all([
    import("./zstd-source.js"),
    import("./zstd-engine.js"),
  ]);
  return new ZstdSource(outer, zstdEngine(portableZstd));
}

/** Refuses decompressed content that is nothing, or compressed again. */
async function checkContent(inner: PeekedSource): Promise<void> {
  const magic = await inner.peek(MAGIC_BYTES);
  if (magic.length === 0)
    throw new CaptureError("ERR_CAPTURE_EMPTY", inner.name, "is empty once decompressed; capture again", 0);
  if (isGzipMagic(magic) || isZstdMagic(magic))
    throw new CaptureError(
      "ERR_CAPTURE_FORMAT",
      inner.name,
      "is compressed more than once; decompress it to the last layer first",
      0,
    );
}

async function openContent(
  source: PeekedSource,
  blockBytes: number,
  capacity: number,
  options: OpenOptions,
): Promise<CaptureSource> {
  const magic = await source.peek(MAGIC_BYTES);
  const withParser = options.reader === "pcap-parser";
  if (withParser && isPcapMagic(magic)) {
    const { openWithPcapParser } = await import("./pcap-parser-source.js");
    return openWithPcapParser(source, blockBytes, capacity);
  }
  const buffer = new BlockBuffer(source, blockBytes);
  if (isPcapMagic(magic)) return openPcap(buffer, capacity);
  if (isPcapngMagic(magic) && !withParser) {
    const { openPcapng } = await import("./pcapng-source.js");
    return openPcapng(buffer, capacity);
  }
  const other = knownOther(await source.peek(RECOGNISED_BYTES));
  if (other) throw new CaptureError("ERR_CAPTURE_FORMAT", source.name, other, 0);
  if (withParser)
    throw new CaptureError(
      "ERR_CAPTURE_READER",
      source.name,
      "is no pcap file, and pcap-parser reads nothing else; use the builtin reader",
      0,
    );
  const { openHexDump } = await import("./hexdump-source.js");
  return openHexDump(buffer, capacity, options.hexDumpLink ?? "auto");
}

function checked(name: string, option: string, value: number, largest: number): number {
  if (Number.isInteger(value) && value >= 1 && value <= largest) return value;
  throw new CaptureError(
    "ERR_CAPTURE_OPTION",
    name,
    `${option} is ${value}, not an integer from 1 to ${largest}`,
  );
}

function chosen(name: string, option: string, value: string | undefined, choices: readonly string[]): void {
  if (value === undefined || choices.includes(value)) return;
  const reason = `${option} is "${shown(String(value))}", not one of ${choices.join(", ")}`;
  throw new CaptureError("ERR_CAPTURE_OPTION", name, reason);
}

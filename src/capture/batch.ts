import type { TimestampClock } from "./pcapng-time.js";

/**
 * A block of capture bytes and, for each packet in it, where it lies and when it came.
 * All columns have the same length (the batch's capacity); entries 0 to `count - 1` are valid.
 * The bytes and the columns belong to the source: they are good until its next `next()`.
 */
export class PacketBatch {
  /** The source's block, as bytes and as a DataView over the same memory from its first byte. */
  bytes: Uint8Array = new Uint8Array(0);
  view: DataView = new DataView(new ArrayBuffer(0));
  /** Packets in the batch. */
  count = 0;
  /** Number of the batch's first packet in its file, from 1. */
  firstNumber = 1;
  /** Offset in `bytes` of the packet's first captured byte. */
  readonly offset: Int32Array;
  /** Bytes captured, from `offset`. */
  readonly capturedBytes: Int32Array;
  /** Bytes the packet had on the wire, 0 to 2^32 - 1. */
  readonly originalBytes: Float64Array;
  /** Time of capture: whole seconds since 1970, UTC (rounded down), and nanoseconds 0 to 999,999,999. */
  readonly tsSec: Float64Array;
  readonly tsNsec: Int32Array;
  /** Index into the source's `interfaces`. */
  readonly interfaceIndex: Uint16Array;
  /** What a pcapng that is written says of the packets; null: nothing. Not read from files. */
  comments: PacketComments | null = null;

  /** `columns`: those that somebody else fills. */
  constructor(capacity: number, columns: Partial<PacketColumns> = {}) {
    this.offset = columns.offset ?? new Int32Array(capacity);
    this.capturedBytes = columns.capturedBytes ?? new Int32Array(capacity);
    this.originalBytes = columns.originalBytes ?? new Float64Array(capacity);
    this.tsSec = columns.tsSec ?? new Float64Array(capacity);
    this.tsNsec = columns.tsNsec ?? new Int32Array(capacity);
    this.interfaceIndex = new Uint16Array(capacity);
  }

  get capacity(): number {
    return this.offset.length;
  }
}

/** A comment for each packet of a batch. */
export interface PacketComments {
  /** UTF-8, with three bytes at least behind the last one. */
  readonly view: DataView;
  /** Where the comment of a packet lies in it, and its bytes: 0 to 65,535, where 0 is none. */
  readonly start: Int32Array;
  readonly length: Int32Array;
}

/** Columns that a source may bring along. */
type PacketColumns = Pick<PacketBatch, "offset" | "capturedBytes" | "originalBytes" | "tsSec" | "tsNsec">;

/** One interface of a capture; a pcap file has exactly one. */
export interface CaptureInterface {
  /** LINKTYPE_ number, https://www.tcpdump.org/linktypes.html */
  readonly linkType: number;
  /** The device's name where the file says so (pcapng if_name), else null. */
  readonly name: string | null;
  /** Snapshot length in bytes, 0 where unlimited or unknown. */
  readonly snapLength: number;
  /** Bytes of frame check sequence at the end of each packet; absent or 0 where the capture does not say. */
  readonly fcsBytes?: number;
  /** What a pcapng that is written says of it (if_description); not read from files. */
  readonly description?: string;
}

/** Where and why a capture stopped being readable. Everything before `offset` has been delivered. */
export interface Damage {
  /** Byte offset in the (decompressed) input where the bad record or block starts. */
  readonly offset: number;
  /** What is wrong there, for people. */
  readonly reason: string;
  /** Bytes from `offset` on that could not be used, where the size of the input is known, else null. */
  readonly lostBytes: number | null;
}

/**
 * Records back to back: each a 16-byte pcap record header (seconds, fraction, captured bytes, original bytes,
 * 32 bits each) and the captured bytes; or blocks of a pcapng, of whatever type. The object and the bytes
 * belong to the source and hold until its next `next()` or `pass()`.
 */
export interface RecordRun {
  view: DataView;
  /** Where the first record starts, and behind the last byte there is, which may be within a record. */
  start: number;
  end: number;
  readonly layout: RecordLayout;
}

/** What all records of a run have in common. */
export interface RecordLayout {
  littleEndian: boolean;
  /** A captured length of a pcap, or a block's of a pcapng, above this is damage. */
  readonly largest: number;
  /** Of a pcap: units of the fraction in a second, nanoseconds in such a unit, and LINKTYPE_ of all records. */
  readonly units: number;
  readonly nsecPerUnit: number;
  readonly linkType: number;
  /** Of a pcapng: what its blocks refer to; else null. */
  readonly blocks: BlockLayout | null;
}

/** What the blocks of a pcapng section refer to. */
export interface BlockLayout {
  /** Interfaces of all sections, and the clocks of their time stamps. */
  readonly interfaces: readonly CaptureInterface[];
  readonly clocks: readonly TimestampClock[];
  /** Index of the section's first interface. */
  firstInterface: number;
}

/**
 * Packets from somewhere, in batches, in constant memory.
 * Errors before the first packet (not a capture, unreadable) are thrown as CaptureError by the opener;
 * later ones end the source and are kept in `damage`.
 */
export interface CaptureSource {
  /** The file's name as given, or `-`; of a live capture the names of its devices. */
  readonly name: string;
  readonly format: "pcap" | "pcapng" | "hexdump" | "live";
  /** Whether no time in it is finer than a microsecond; absent: not known beforehand. */
  readonly isMicroseconds?: boolean;
  /** Grows while a pcapng is read; indexes are never reused. */
  readonly interfaces: readonly CaptureInterface[];
  /** Set once the input turned out to be damaged. */
  readonly damage: Damage | null;
  /**
   * Oddities passed over: packets kept although a field is out of its range and had to be put right (a
   * million or more microseconds), and places of a hex dump where a packet breaks off.
   */
  readonly odd: number;
  /** Bytes of the file consumed so far (before decompression) and its size where known: for progress. */
  readonly position: number;
  readonly size: number | null;
  /**
   * The next batch (an object that is refilled, never empty), or null at the end. From a pipe it
   * has what has come, without waiting for more. Call it again only once it has answered. A source whose
   * `records()` is not null gives `most` packets at most.
   */
  next(most?: number): Promise<PacketBatch | null>;
  /**
   * The records in memory that no batch has had yet, for a loop that takes them apart itself (see
   * RecordRun); null where records of this source have no such layout. What that loop takes it reports with
   * `pass`. An empty run, or one whose first record is not complete, asks for a `next`, which reads on.
   */
  records(): RecordRun | null;
  /**
   * Waits until there are records behind an empty run; false at the end. Absent where `next` alone can read on.
   */
  fill?(): Promise<boolean>;
  /** Passes the first `packets` records of the run, the last of which ends at `end`. */
  pass(end: number, packets: number): void;
  /** Releases the input; wanted after the end too. Twice does no harm. */
  close(): Promise<void>;
}

/*
 * The addon of native/, which captures from devices and sends by them. It is built where a compiler and libpcap's
 * headers are (binding.gyp), and loaded by nothing but what does so.
 */
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { endianness } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { installation, type Thing } from "./packages.js";

/** How a device is to be opened. */
export interface NativeOptions {
  device: string;
  /** pcap-filter(7); empty takes everything. */
  filter: string;
  /** Bytes of a packet that are kept, and of the ring that the kernel fills. */
  snapBytes: number;
  bufferBytes: number;
  promiscuous: boolean;
  /** How long packets are collected, so that there are many at once, milliseconds. */
  delayMs: number;
  /** Bytes a block has room for, at least. */
  blockBytes: number;
}

export interface NativeOpened {
  /** LINKTYPE_ number. */
  readonly linkType: number;
  readonly snapBytes: number;
  /** Where packets are put, over memory of the addon's: records as of a pcap, with nanoseconds. */
  readonly blocks: readonly Uint8Array<ArrayBuffer>[];
}

/** Byte order of the records in blocks: the machine's. */
export const BLOCKS_LITTLE_ENDIAN = endianness() === "LE";

/** What has been put into a block. */
export interface NativeFilled {
  /** One at least. */
  packets: number;
  /** What their records take. */
  bytes: number;
}

/** Packets since the device was opened. */
export interface NativeCounts {
  /** Those that passed the filter, dropped or not; without those that were dropped where nobody counts them. */
  received: number;
  /** Of them, those for which the ring had no room; null where nobody counts them. */
  dropped: number | null;
  /** Those the device itself dropped; looked for in promiscuous mode only. Null where nobody counts them. */
  droppedByDevice: number | null;
}

/** What a rejected promise of a device says. */
export interface NativeFault extends Error {
  fault: "permission" | "gone" | "down" | "filter" | "failed";
}

/** One device. It works on a thread of its own, through its requests one by one. */
export interface NativeDevice {
  /** First of all, and once. */
  open(): Promise<NativeOpened>;
  /**
   * Waits for packets, puts them into block 0 or 1 and answers how many they are.
   * Instead it may say that the device is down (a further read waits for it), up again, or that `stop` or `close` has
   * ended the capture.
   */
  read(block: 0 | 1): Promise<NativeFilled | "down" | "up" | "ended">;
  /** Ends the capture behind the packets that have come until this moment. */
  stop(): void;
  counts(): NativeCounts;
  /** How the open device is at this moment: `read` says so only while it is called. */
  presence(): "up" | "down" | "gone";
  /** Ends a read that waits, and closes; the last request. */
  close(): Promise<void>;
}

/** What has become of frames. */
export interface NativeSent {
  /** Frames that the device has taken, and those that it would not. */
  readonly sent: number;
  readonly failed: number;
  /** Why the first of those failed; where the fault is `permission`, `gone` or `down` no further one was tried. */
  readonly failure: NativeFault | null;
}

/** An Ethernet device that frames are sent by. Opening it throws a {@link NativeFault}. */
export interface NativeSender {
  /** The device's own MAC address; null once it is closed. */
  readonly mac: string | null;
  /**
   * Sends frames that lie back to back; `ends`: the offset behind each. They are copied before this answers. What
   * was begun is to have an answer before more is sent, or the order is anybody's.
   */
  send(frames: Uint8Array, ends: Uint32Array): Promise<NativeSent>;
  close(): void;
}

/** A device that could be captured from. */
export interface ListedDevice {
  readonly name: string;
  readonly up: boolean;
  /** It has a link. */
  readonly running: boolean;
  readonly loopback: boolean;
  readonly addresses: readonly string[];
}

export interface Native {
  /** The network devices, and `any`, which stands for all. */
  devices(): ListedDevice[];
  /** Why this process may not capture; null where it may. */
  permission(): NativeFault | null;
  /** Why `filter` is none of pcap-filter(7) for Ethernet; null where it is one. */
  checkFilter(filter: string): NativeFault | null;
  readonly Device: new (options: NativeOptions) => NativeDevice;
  readonly Sender: new (device: string) => NativeSender;
  /** Name and version of libpcap. */
  readonly libraryVersion: string;
}

/** The addon, or why there is none and what to do. */
export type LoadedNative =
  | { native: Native; reason: null; remedy: null }
  | { native: null; reason: string; remedy: string | null };

/** What the addon is built with: a program that is looked for in PATH, or a file. */
const NEEDED: readonly (readonly [string, Thing])[] = [
  ["g++", "compiler"],
  ["make", "make"],
  ["python3", "python"],
  ["/usr/include/pcap/pcap.h", "libpcap-headers"],
];

/** Loads the addon, built here or prebuilt. */
export function loadNative(): LoadedNative {
  if (process.platform !== "linux")
    return { native: null, reason: "devices can be captured from on Linux only", remedy: null };
  const root = packageRoot();
  try {
    const load = createRequire(import.meta.url)("node-gyp-build") as (directory: string) => Native;
    return { native: load(root), reason: null, remedy: null };
  } catch (error) {
    const said = error instanceof Error ? error.message.split("\n")[0] : String(error);
    // The addon is there, what it looks for on loading is not.
    if (said.startsWith("libpcap")) return { native: null, reason: said, remedy: installation(["libpcap"]) };
    const reason = said.startsWith("No native build") ? "the addon that captures is not built" : said;
    return { native: null, reason, remedy: building(root) };
  }
}

/** How to build the addon. The command works wherever it is given, and where npm was told to run no scripts. */
function building(root: string): string {
  return withTools(`node ${join(root, "native/install.js")}`);
}

/** To do something that builds an addon, ahead of it what it takes and is not there. */
export function withTools(what: string): string {
  const missing = NEEDED.filter(([need]) => !isInstalled(need)).map(([, thing]) => thing);
  return missing.length === 0 ? what : `${installation(missing)}, then ${what}`;
}

function isInstalled(need: string): boolean {
  const places = need.startsWith("/") ? [""] : (process.env.PATH ?? "").split(delimiter);
  return places.some((place) => existsSync(join(place, need)));
}

/** The directory of the package: this file is in its src or dist, or bundled into a directory of that. */
export function packageRoot(): string {
  let root = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(root, "binding.gyp")) && dirname(root) !== root) root = dirname(root);
  return root;
}

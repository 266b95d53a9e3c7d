/*
 * Large captures are summed up by several threads: files are divided into shares, each thread has its own, and
 * their sums are added. A file whose parts turn out not to fit is read again in one piece.
 */
import { statSync } from "node:fs";
import { availableParallelism, freemem } from "node:os";
import { divide } from "../capture/divide.js";
import type { FilePart } from "../capture/index.js";
import type { Filter } from "../match/filters.js";
import type { AnalyzeOptions } from "./analyze.js";
import { sourceOf } from "./names.js";

/** What a thread reads in one go. */
export interface Share {
  /** Place of the file among those given, and of the part in it. */
  readonly file: number;
  readonly part: number;
  readonly name: string;
  /** Null: all of it. */
  readonly range: FilePart | null;
  readonly bytes: number;
}

/** Bytes from which on another thread is worth it: it takes a while to begin, and the first reads ahead on its own. */
const PARALLEL_BYTES = 1536 * 1024 * 1024;
/** Every thread has the inventory: where it is larger, memory counts for more than time. */
const LARGEST_SOUTHBOUND_BYTES = 64 * 1024 * 1024;
/** Threads unless more are asked for, and then. */
const USUAL_THREADS = 2;
const MOST_THREADS = 16;

/** Bytes a flow takes in all, and the share of free memory that flows may have. */
const FLOW_BYTES = 350;
const FLOW_SHARE = 0.5;
const LEAST_FLOWS = 100_000;
const MOST_FLOWS = 50_000_000;

/** Flows that each of some threads may hold, so that memory lasts. */
export function mostFlows(threads: number): number {
  // Where there is a limit below the machine's memory, newer Node knows it.
  const free = Math.min(
    freemem(),
    (process as { availableMemory?(): number }).availableMemory?.() ?? Infinity,
  );
  const room = (free * FLOW_SHARE) / FLOW_BYTES / threads;
  return Math.max(LEAST_FLOWS, Math.min(MOST_FLOWS, Math.floor(room)));
}

/** Whether captures can be divided at all: not what is counted up to a number or comes through a pipe. */
export function isShareable(files: readonly string[], options: AnalyzeOptions): boolean {
  return options.count === undefined && !files.map(fileSize).some(Number.isNaN);
}

/** The shares of each thread, about equally large, of captures that are files; those of the first are this thread's. */
export async function shareOut(
  files: readonly string[],
  options: AnalyzeOptions,
  filters: readonly Filter[],
): Promise<Share[][]> {
  const sizes = files.map(fileSize);
  const total = sizes.reduce((sum, size) => sum + size, 0);
  const threads = threadsFor(total, options, filters);
  const least = options.workers === undefined ? PARALLEL_BYTES : 1;
  const shares: Share[] = [];
  for (const [file, name] of files.entries()) {
    const parts = threads > 1 && sizes[file] >= least ? await divide(name, threads) : null;
    for (const [part, range] of (parts ?? [null]).entries())
      shares.push({ file, part, name, range, bytes: range === null ? sizes[file] : range.end - range.start });
  }
  const bins = Array.from({ length: Math.min(threads, shares.length) }, () => ({
    bytes: 0,
    shares: [] as Share[],
  }));
  // The largest first, each to whom has least.
  for (const share of [...shares].sort((a, b) => b.bytes - a.bytes)) {
    const bin = bins.reduce((least, each) => (each.bytes < least.bytes ? each : least));
    bin.bytes += share.bytes;
    bin.shares.push(share);
  }
  // Empty files weigh nothing, and may all be with one.
  return bins
    .filter(({ shares }) => shares.length > 0)
    .map(({ shares }) => shares.sort((a, b) => a.file - b.file || a.part - b.part));
}

/** How many threads captures of `total` bytes are for. */
function threadsFor(total: number, options: AnalyzeOptions, filters: readonly Filter[]): number {
  if (options.reader !== "builtin" || !isSharable(sourceOf(options))) return 1;
  // Names from there the other threads do not have.
  const isNamed = options.nb !== undefined || options.ovs !== undefined;
  if (isNamed && filters.some((filter) => "name" in filter || filter.kind === "match")) return 1;
  if (options.workers !== undefined) return Math.min(options.workers, MOST_THREADS);
  return total < PARALLEL_BYTES ? 1 : Math.min(USUAL_THREADS, availableParallelism());
}

/** Bytes of a regular file, NaN for anything else. */
function fileSize(name: string): number {
  try {
    const stats = statSync(name);
    return name !== "-" && stats.isFile() ? stats.size : Number.NaN;
  } catch {
    return Number.NaN;
  }
}

/** Whether another thread can open the same southbound: a file, not a large one, or none. */
function isSharable(source: string | null): boolean {
  if (source === null) return true;
  const size = fileSize(source);
  return size <= LARGEST_SOUTHBOUND_BYTES;
}

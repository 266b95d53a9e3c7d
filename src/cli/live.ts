import { Analyzer } from "../analysis/analyzer.js";
import type { CaptureSource, PacketBatch } from "../capture/index.js";
import { type LiveCounts, type LiveGap, type LiveSource, openLive } from "../capture/live.js";
import type { FrameBatch } from "../frame/columns.js";
import { grouped } from "../output/table.js";
import { shown } from "../text.js";
import { GENEVE_PORT } from "../wire/geneve.js";
import { CliError } from "./fault.js";
import { filtersOf } from "./filter-values.js";
import { moment } from "./following.js";
import { type LineOptions, type LineSink, openLines } from "./lines.js";
import { reportBeforeHistory } from "./names.js";
import { becomeUser } from "./privileges.js";
import { type PacketSink, SourceReader } from "./read.js";
import { begin, type Run } from "./run.js";
import { type SaveOptions, Saver } from "./saver.js";
import { Selection } from "./selection.js";
import { mostFlows } from "./shares.js";
import { type SumOptions, showSums } from "./show-sums.js";
import { underlayDevices } from "./underlay.js";

export type LiveOptions = LineOptions &
  SaveOptions &
  SumOptions & {
    /** Devices; without, those that carry this host's tunnels. */
    interface?: string[];
    /** A filter of pcap-filter(7) in the place of the usual one. */
    bpf?: string;
    snapLength?: number;
    /** Of the kernel's ring, in KiB. */
    bufferSize?: number;
    promiscuous?: boolean;
    immediate?: boolean;
    /** Milliseconds after which it ends; between two summaries, which take the place of lines. */
    duration?: number;
    summary?: number;
    /** The user to become once the devices are open. */
    relinquishPrivileges?: string;
  };

/** How often it is looked whether a device has gone or come back, in milliseconds. */
const WATCH_MS = 500;

/** Devices that show frames without their tunnel headers. */
const DECAPSULATED = /^(genev|vxlan)_sys/;

/** The verb `live`: shows packets of devices as they come. Returns the exit status. */
export async function live(options: LiveOptions): Promise<number> {
  checkSaving(options);
  const devices = options.interface ?? (await underlayDevices(options));
  for (const device of devices)
    if (DECAPSULATED.test(device))
      throw new CliError(
        `${shown(device)}: its frames have lost their tunnel headers, and with them the keys; capture on the device below, which carries the chassis's encap address`,
      );
  return begin(true, options, filtersOf(options), (begun) => capture(begun, devices, options));
}

async function capture(run: Run, devices: readonly string[], options: LiveOptions): Promise<boolean> {
  const { naming, decoder, report } = run;
  const ports = options.genevePort ?? [GENEVE_PORT, ...naming.ports];
  const source = await openLive({
    devices,
    filter: options.bpf ?? (options.all === true ? "" : tunnels(ports)),
    ...(options.snapLength !== undefined && { snapBytes: options.snapLength }),
    ...(options.bufferSize !== undefined && { bufferBytes: options.bufferSize * 1024 }),
    promiscuous: options.promiscuous === true,
    immediate: options.immediate === true,
  });
  const sink = await prepared(run, source, options);
  const { selection, keysOnly } = sink;
  const reader = new SourceReader({ decoder, selection, keysOnly, progress: false }, sink);
  const watch = new Watch(source, report);
  const stop = (): void => source.stop();
  const signals = ["SIGINT", "SIGTERM"] as const;
  // Once: a second Control-C ends it whatever it is at.
  for (const signal of signals) process.once(signal, stop);
  const ending = options.duration === undefined ? null : setTimeout(stop, options.duration);
  await report(`listening on ${devices.map((device) => shown(device)).join(", ")}; Control-C ends it`);
  try {
    const stopped = await reader.read(source);
    await sink.end();
    await watch.end();
    if (stopped || reader.packets > 0) return true;
    await report("no packets; nothing captured");
    return false;
  } finally {
    for (const signal of signals) process.removeListener(signal, stop);
    if (ending !== null) clearTimeout(ending);
    watch.stop();
    await source.close();
  }
}

/** Throws a {@link CliError} where flags about files make no sense. */
function checkSaving({ write, summary, fileSize, rotate, fileCount }: LiveOptions): void {
  if (write === undefined && [fileSize, rotate, fileCount].some((flag) => flag !== undefined))
    throw new CliError("--file-size, --rotate and --file-count are about files; give one with -w");
  if (write !== undefined && summary !== undefined)
    throw new CliError("-w and --summary take the place of lines; give one of them");
  if (fileCount !== undefined && fileSize === undefined && rotate === undefined)
    throw new CliError("--file-count needs --file-size or --rotate: when the next file begins");
}

/** What the packets are for; its files belong to the user that the process becomes. Closes the source where that fails. */
async function prepared(run: Run, source: LiveSource, options: LiveOptions) {
  try {
    if (options.relinquishPrivileges !== undefined) becomeUser(options.relinquishPrivileges);
    return await opened(run, source, options);
  } catch (error) {
    await source.close();
    throw error;
  }
}

/** What the packets are for. */
function opened(run: Run, source: LiveSource, options: LiveOptions): Promise<LineSink | Saver | Summaries> {
  if (options.write !== undefined) return Saver.open(run, options, options.write, source);
  if (options.summary !== undefined) return Promise.resolve(new Summaries(run, options, options.summary));
  return openLines(run, options);
}

/** A filter that lets tunnels to `ports` pass, and the later fragments of theirs, which have no port. */
function tunnels(ports: readonly number[]): string {
  const geneve = ports.map((port) => `udp dst port ${port}`).join(" or ");
  const fragments = "(ip[6:2] & 0x1fff != 0) or (ip6 proto 44)";
  // What stands behind `vlan` is looked for behind a tag.
  return `${geneve} or ${fragments} or (vlan and (${geneve} or ${fragments}))`;
}

/** Sums packets up, and prints the sums now and then, each beginning anew. */
class Summaries implements PacketSink {
  readonly keysOnly = true;
  readonly selection: Selection;
  readonly #run: Run;
  readonly #options: SumOptions;
  readonly #every: number;
  #analyzer: Analyzer;
  #source: CaptureSource | null = null;
  #timer: NodeJS.Timeout | null = null;
  #showing: Promise<void> | null = null;
  #passedOver = 0;
  #unnamed = 0;
  #shown = 0;

  constructor(run: Run, options: SumOptions, every: number) {
    this.#run = run;
    this.#options = options;
    this.#every = every;
    this.selection = new Selection(options.count, options.all === true ? "count" : "take", run.filter);
    this.#analyzer = this.#begin();
  }

  #begin(): Analyzer {
    const { naming, decoder } = this.#run;
    return new Analyzer(naming.inventory, naming.at, decoder, naming.known, mostFlows(1));
  }

  startFile(source: CaptureSource): void {
    this.#source = source;
    this.#analyzer.startFile(source.name);
    this.#timer = setInterval(() => {
      this.#showing ??= this.#show().finally(() => {
        this.#showing = null;
      });
    }, this.#every);
  }

  async packets(
    _source: CaptureSource,
    packets: PacketBatch,
    frames: FrameBatch,
    rows: Int32Array,
    count: number,
  ): Promise<boolean> {
    this.#analyzer.add(packets, frames, rows, count);
    return !this.#run.stdout.closed;
  }

  async endFile(): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer);
    await this.#showing;
  }

  /** Prints what has come since the last sums. */
  async end(): Promise<void> {
    await this.#show();
    const { naming, filter, report } = this.#run;
    await reportBeforeHistory(naming, this.#unnamed + (filter?.unknown ?? 0), report);
  }

  async #show(): Promise<void> {
    const analyzer = this.#analyzer;
    if (this.#source !== null) analyzer.endFile(this.#source);
    this.#analyzer = this.#begin();
    if (this.#source !== null) this.#analyzer.startFile(this.#source.name);
    const { passedOver } = this.selection;
    const since = passedOver - this.#passedOver;
    this.#passedOver = passedOver;
    if (this.#shown++ > 0 && this.#options.output === "text") this.#run.stdout.write("\n");
    this.#unnamed += await showSums(this.#run, analyzer, this.#options, since);
  }
}

/** Says when a device goes and comes back, and at the end what was lost. */
class Watch {
  readonly #source: LiveSource;
  readonly #report: (line: string) => Promise<void>;
  readonly #timer: NodeJS.Timeout;
  /** Gaps that were said to have begun, and the first of them that may not have ended. */
  #begun = 0;
  #open: LiveGap[] = [];

  constructor(source: LiveSource, report: (line: string) => Promise<void>) {
    this.#source = source;
    this.#report = report;
    this.#timer = setInterval(() => void this.#look(), WATCH_MS);
  }

  async #look(): Promise<void> {
    const { gaps } = this.#source;
    for (; this.#begun < gaps.length; this.#begun++) {
      const gap = gaps[this.#begun];
      this.#open.push(gap);
      await this.#report(`${shown(gap.device)}: ${gap.reason} since ${moment(gap.fromMs)}; waiting for it`);
    }
    for (const gap of this.#open)
      if (gap.untilMs !== null)
        await this.#report(
          `${shown(gap.device)}: back; nothing captured for ${((gap.untilMs - gap.fromMs) / 1000).toFixed(1)} s`,
        );
    this.#open = this.#open.filter((gap) => gap.untilMs === null);
  }

  async end(): Promise<void> {
    this.stop();
    await this.#look();
    for (const counts of this.#source.counts()) await this.#report(countsLine(counts));
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}

function countsLine({ device, received, dropped, droppedByDevice }: LiveCounts): string {
  return `${shown(device)}: ${grouped(received)} packets received by the filter, ${grouped(dropped)} dropped by the kernel, ${grouped(droppedByDevice)} by the device`;
}

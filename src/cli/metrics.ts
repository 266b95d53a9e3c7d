import type { Analyzer } from "../analysis/analyzer.js";
import type { CaptureSource, PacketBatch, RecordRun } from "../capture/index.js";
import type { LiveSource } from "../capture/live.js";
import { type FrameBatch, FrameFlag } from "../frame/columns.js";
import { FrameStatus } from "../frame/status.js";
import { LiveMetrics, METRICS_TYPE } from "../output/metrics.js";
import type { NameChoice } from "../output/names.js";
import { inventoryStates } from "./inventory-states.js";
import type { ListenAddress } from "./listen-argument.js";
import { Quiet } from "./live-sink.js";
import { type PageServer, servePage } from "./metrics-server.js";
import type { PacketSink } from "./read.js";
import { analyzerOf, type Run } from "./run.js";
import { version } from "./version.js";

/** An answer that is younger is given again, and sums are not added up more often. */
const FRESH_MS = 1000;
/** How often they are where nobody asks for them. */
const FOLD_MS = 10_000;
/** Flows from which on they are added up early, and those that are held: packets of more count as other. */
const MANY_FLOWS = 4096;
const MOST_FLOWS = 8192;

const OVN = FrameFlag.ovn;
const NOT_GENEVE = FrameStatus.notGeneve;

/** `--metrics`: sums packets up beside whatever else becomes of them, and serves the sums. */
export class MetricsExporter {
  readonly #run: Run;
  readonly #metrics: LiveMetrics;
  readonly #timer: NodeJS.Timeout;
  #analyzer: Analyzer;
  #recordsEnd = 0;
  #ovnBytes = 0;
  #notGeneve = 0;
  readonly #source: LiveSource;
  #server: PageServer | null = null;
  #page: Promise<Uint8Array> | null = null;
  #pageTime = 0;
  #foldTime = 0;

  private constructor(run: Run, names: NameChoice, source: LiveSource) {
    this.#run = run;
    this.#source = source;
    this.#metrics = new LiveMetrics(version(), run.naming.inventory !== null, names);
    this.#analyzer = this.#begin();
    this.#timer = setInterval(() => this.#fold(), FOLD_MS);
  }

  /** Begins to serve what comes of `source`. */
  static async open(
    run: Run,
    names: NameChoice,
    address: ListenAddress,
    source: LiveSource,
  ): Promise<MetricsExporter> {
    const exporter = new MetricsExporter(run, names, source);
    try {
      exporter.#server = await servePage(address, "/metrics", METRICS_TYPE, () => exporter.#answer());
    } catch (error) {
      exporter.close();
      throw error;
    }
    return exporter;
  }

  /** Where the metrics are. */
  get url(): string {
    return this.#server?.url ?? "";
  }

  /** A sink that counts what it hands on to `sink`; what that looks at nothing of, straight from records. */
  beside(sink: PacketSink): PacketSink {
    return {
      ...(sink instanceof Quiet && {
        records: (run: RecordRun, most: number) => this.#take(run, most),
        recordsEnd: () => this.#recordsEnd,
      }),
      startFile: (source) => sink.startFile(source),
      packets: (source: CaptureSource, packets, frames, rows, count) => {
        this.#add(packets, frames, rows, count);
        return sink.packets(source, packets, frames, rows, count);
      },
      endFile: (source) => sink.endFile(source),
    };
  }

  close(): void {
    clearInterval(this.#timer);
    this.#server?.close();
  }

  #begin(): Analyzer {
    const analyzer = analyzerOf(this.#run, MOST_FLOWS);
    analyzer.startFile("live");
    return analyzer;
  }

  #take(run: RecordRun, most: number): number {
    const analyzer = this.#analyzer;
    const count = analyzer.takeRecords(run, Math.min(most, MANY_FLOWS / 2));
    this.#recordsEnd = analyzer.recordsEnd;
    if (count > 0) this.#ovnBytes += analyzer.recordsBytes;
    this.#foldMany();
    return count;
  }

  #add(packets: PacketBatch, frames: FrameBatch, rows: Int32Array, count: number): void {
    this.#analyzer.add(packets, frames, rows, count);
    const { status, flags } = frames;
    const { originalBytes } = packets;
    let ovnBytes = 0;
    for (let row = 0; row < count; row++) {
      const i = rows[row];
      if ((flags[i] & OVN) !== 0) ovnBytes += originalBytes[i];
    }
    this.#ovnBytes += ovnBytes;
    // Those that are no tunnel's may not be among the rows.
    let notGeneve = 0;
    for (let i = 0; i < packets.count; i++) if (status[i] === NOT_GENEVE) notGeneve++;
    this.#notGeneve += notGeneve;
    this.#foldMany();
  }

  /** Makes room where there are many flows. */
  #foldMany(): void {
    if (this.#analyzer.flowCount >= MANY_FLOWS && performance.now() - this.#foldTime >= FRESH_MS)
      this.#fold();
  }

  /** Adds what has come since the last time to the metrics. */
  #fold(): void {
    const analyzer = this.#analyzer;
    this.#analyzer = this.#begin();
    this.#foldTime = performance.now();
    this.#metrics.add({
      summary: analyzer.summary(1),
      ovnBytes: this.#ovnBytes,
      notGeneve: this.#notGeneve,
    });
    this.#ovnBytes = 0;
    this.#notGeneve = 0;
  }

  #answer(): Promise<Uint8Array> {
    const now = performance.now();
    if (this.#page === null || now - this.#pageTime >= FRESH_MS) {
      this.#pageTime = now;
      this.#page = this.#render();
    }
    return this.#page;
  }

  async #render(): Promise<Uint8Array> {
    this.#fold();
    const { gaps } = this.#source;
    const away = new Set(gaps.filter(({ untilMs }) => untilMs === null).map(({ device }) => device));
    this.#metrics.setDevices(this.#source.counts().map((each) => ({ ...each, up: !away.has(each.device) })));
    this.#metrics.setInventories(inventoryStates(this.#run.naming));
    return Buffer.from(await this.#metrics.text());
  }
}

import type { Analyzer } from "../analysis/analyzer.js";
import { type RateRow, Rates } from "../analysis/rates.js";
import type { CaptureSource, LiveSource, PacketBatch } from "../capture/index.js";
import type { FrameBatch } from "../frame/columns.js";
import type { Style } from "../output/table.js";
import { TOP_KINDS, type TopNames } from "../output/top-kinds.js";
import { type TopPicture, topPage } from "../output/top-page.js";
import { stateLines } from "../output/top-states.js";
import { TopView } from "../output/top-view.js";
import { inventoryStates } from "./inventory-states.js";
import type { LiveSink } from "./live-sink.js";
import { reportBeforeHistory } from "./names.js";
import { analyzerOf, type Run } from "./run.js";
import { Screen } from "./screen.js";
import { type Selection, selectionOf } from "./selection.js";
import { type SumOptions, showSums } from "./show-sums.js";
import { lastHeld } from "./stderr.js";
import { outputStyle } from "./terminal.js";

const TICK_MS = 1000;
/** Flows told apart within a second, and in the sums at the end: packets of more are counted, but in none of them. */
const MOST_FLOWS = 2048;
const MOST_FLOWS_AT_END = 100_000;

/** Of summaries, what is added up. */
type Totals = Record<"packets" | "bytes" | "malformed" | "truncated" | "unresolved" | "flowOverflow", number>;

/** Shows what there is just now on a full screen, and all of it summed up at the end. */
export class Top implements LiveSink {
  readonly keysOnly = true;
  readonly selection: Selection;
  readonly #run: Run;
  readonly #options: SumOptions;
  readonly #live: LiveSource;
  readonly #naming: TopNames;
  readonly #style: Style;
  readonly #view = new TopView();
  readonly #rates = TOP_KINDS.map(() => new Rates());
  readonly #totals: Totals = {
    packets: 0,
    bytes: 0,
    malformed: 0,
    truncated: 0,
    unresolved: 0,
    flowOverflow: 0,
  };
  readonly #all: Analyzer;
  #lately: Analyzer;
  #source: CaptureSource | null = null;
  #screen: Screen | null = null;
  #timer: NodeJS.Timeout | null = null;
  readonly #beginMs = performance.now();
  #tickMs = this.#beginMs;
  #latest: TopPicture;
  /** What is shown in its place. */
  #held: TopPicture | null = null;
  /** Rows of the table on the screen. */
  #pageRows = 0;
  /** What was wrong when nobody waited for it. */
  #failure: unknown = null;

  constructor(run: Run, options: SumOptions, live: LiveSource) {
    this.#run = run;
    this.#options = options;
    this.#live = live;
    this.#naming = { named: run.naming.inventory !== null, names: options.names || "logical" };
    this.#style = outputStyle();
    this.selection = selectionOf(options, "take", run.filter);
    this.#all = analyzerOf(run, MOST_FLOWS_AT_END);
    this.#lately = this.#begin();
    this.#latest = this.#picture(0, 0);
  }

  startFile(source: CaptureSource): void {
    this.#source = source;
    this.#all.startFile(source.name);
    this.#screen = new Screen({
      key: (name, isCharacter) => this.#guarded(() => this.#press(name, isCharacter)),
      resized: () => this.#guarded(() => this.#show()),
      lost: () => this.#end(),
    });
    this.#timer = setInterval(() => this.#guarded(() => this.#tick()), TICK_MS);
    this.#guarded(() => this.#show());
  }

  async packets(
    _source: CaptureSource,
    packets: PacketBatch,
    frames: FrameBatch,
    rows: Int32Array,
    count: number,
  ): Promise<boolean> {
    this.#lately.add(packets, frames, rows, count);
    this.#all.add(packets, frames, rows, count);
    return true;
  }

  async endFile(): Promise<void> {
    this.stop();
    if (this.#failure !== null) throw this.#failure;
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#screen?.close();
  }

  /** Prints the sums of all that has come. */
  async end(): Promise<void> {
    if (this.#source !== null) this.#all.endFile(this.#source);
    const { naming, filter, report } = this.#run;
    const unnamed = await showSums(this.#run, this.#all, this.#options, this.selection.passedOver);
    await reportBeforeHistory(naming, unnamed + (filter?.unknown ?? 0), report);
  }

  /** What fails where nobody waits for it ends the capture. */
  #guarded(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#failure ??= error;
      this.#end();
    }
  }

  /** The screen goes at once, the capture as soon as what has come until here is counted. */
  #end(): void {
    this.stop();
    this.#live.stop();
  }

  #begin(): Analyzer {
    const analyzer = analyzerOf(this.#run, MOST_FLOWS);
    analyzer.startFile("live");
    return analyzer;
  }

  #press(name: string, isCharacter: boolean): void {
    const asked = this.#view.press(name, isCharacter, this.#pageRows);
    if (asked === "end") this.#end();
    else if (asked === "pause") {
      const { rows } = this.#latest;
      this.#held = this.#held === null ? { ...this.#latest, rows: rows.map(copies) } : null;
    }
    if (asked === "pause" || asked === "show") this.#show();
  }

  /** Makes rates of what has come since the last tick. */
  #tick(): void {
    const now = performance.now();
    const seconds = (now - this.#tickMs) / 1000;
    this.#tickMs = now;
    const summary = this.#lately.summary();
    this.#lately = this.#begin();
    for (const [index, kind] of TOP_KINDS.entries()) {
      const rates = this.#rates[index];
      for (const counted of kind.counted(summary, this.#naming)) rates.add(counted);
      rates.tick(seconds);
    }
    const totals = this.#totals;
    for (const name of Object.keys(totals) as (keyof Totals)[]) totals[name] += summary[name] ?? 0;
    this.#latest = this.#picture(summary.packets / seconds, summary.bytes / seconds);
    this.#show();
  }

  #picture(packetRate: number, byteRate: number): TopPicture {
    const { packets, bytes, malformed, truncated, unresolved, flowOverflow } = this.#totals;
    const { naming, filter } = this.#run;
    const devices = this.#live.counts();
    const sum = (label: string, of: "dropped" | "droppedByDevice") =>
      devices.some((each) => each[of] === null)
        ? []
        : [[label, devices.reduce((total, each) => total + (each[of] ?? 0), 0)] as const];
    return {
      devices: devices.map(({ device }) => device),
      nowMs: Date.now(),
      sinceMs: performance.now() - this.#beginMs,
      packetRate,
      byteRate,
      packets,
      bytes,
      faults: [
        ...sum("dropped by the kernel", "dropped"),
        ...sum("by the device", "droppedByDevice"),
        ["malformed", malformed],
        ["truncated", truncated],
        ...(naming.inventory === null ? [] : [["unresolved", unresolved] as const]),
        ...(flowOverflow === 0 ? [] : [["of too many flows", flowOverflow] as const]),
      ],
      filteredOut: filter === null ? null : this.selection.passedOver,
      states: stateLines(this.#live.gaps, inventoryStates(naming), lastHeld()),
      rows: this.#rates.map((rates) => rates.rows()),
    };
  }

  #show(): void {
    const screen = this.#screen;
    if (screen === null) return;
    const { lines, rows } = topPage(this.#held ?? this.#latest, this.#view, screen.size, {
      naming: this.#naming,
      isPaused: this.#held !== null,
      style: this.#style,
      utc: this.#options.utc === true,
    });
    this.#pageRows = rows;
    screen.show(lines);
  }
}

function copies(rows: readonly RateRow[]): RateRow[] {
  return rows.map((row) => row.copy());
}

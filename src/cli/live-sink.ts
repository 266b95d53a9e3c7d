import { reportBeforeHistory } from "./names.js";
import type { PacketOptions } from "./options.js";
import type { PacketSink } from "./read.js";
import type { Run } from "./run.js";
import { type Selection, selectionOf } from "./selection.js";

/** What becomes of the packets of devices. */
export interface LiveSink extends PacketSink {
  readonly selection: Selection;
  /** As of SourcePlan. */
  readonly keysOnly: boolean;
  /** Says what is to be said once all packets have come. */
  end(): Promise<void>;
  /** Does nothing more by itself, however the capture ended. */
  stop(): void;
}

/** Shows nothing of packets. */
export class Quiet implements LiveSink {
  readonly keysOnly = true;
  readonly selection: Selection;
  readonly #run: Run;

  constructor(run: Run, options: PacketOptions) {
    this.#run = run;
    this.selection = selectionOf(options, "take", run.filter);
  }

  startFile(): void {}

  async packets(): Promise<boolean> {
    return true;
  }

  async endFile(): Promise<void> {}

  stop(): void {}

  async end(): Promise<void> {
    const { naming, filter, report } = this.#run;
    await reportBeforeHistory(naming, filter?.unknown ?? 0, report);
  }
}

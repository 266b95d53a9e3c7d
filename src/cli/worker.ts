/* The other threads of `analyze`: each sums up its shares and sends the sums to the first. */
import { parentPort, workerData } from "node:worker_threads";
import { stateMemory } from "../analysis/analyzer.js";
import type { Filter } from "../match/filters.js";
import type { AnalyzeOptions } from "./analyze.js";
import { compile } from "./filters.js";
import { openNaming } from "./names.js";
import { prepareFor } from "./prepare.js";
import { decoderFor } from "./run.js";
import type { Share } from "./shares.js";
import { type ShareMessage, sumShare } from "./sum-share.js";

/** What a thread is given to do. */
export interface WorkerTask {
  readonly shares: readonly Share[];
  readonly options: AnalyzeOptions;
  readonly filters: readonly Filter[];
  readonly mostFlows: number;
}

async function work({ shares, options, filters, mostFlows }: WorkerTask): Promise<void> {
  if (filters.length === 0) prepareFor(shares[0].name);
  // What there is to say of the southbound the first thread says, and it names what is shown.
  const silent = async (): Promise<void> => {};
  const { nb: _, ovs: __, ...others } = options;
  const naming = await openNaming(others, false, silent);
  const decoder = decoderFor(options, naming);
  const filter = await compile(filters, naming, silent);
  for (const share of shares) {
    const { analyzer, ...outcome } = await sumShare(
      share,
      options,
      { naming, decoder, filter, progress: false },
      mostFlows,
    );
    const state = analyzer.state();
    const message: ShareMessage = { ...outcome, file: share.file, part: share.part, state };
    parentPort?.postMessage(message, stateMemory(state));
  }
}

void work(workerData as WorkerTask);

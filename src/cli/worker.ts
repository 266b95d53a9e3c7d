/* The other threads of `analyze`: each sums up its shares and sends the sums to the first. */
import { parentPort, workerData } from "node:worker_threads";
import { stateMemory } from "../analysis/analyzer.js";
import type { AnalyzeOptions } from "./analyze.js";
import { openNaming } from "./names.js";
import { decoderFor } from "./run.js";
import type { Share } from "./shares.js";
import { type ShareMessage, sumShare } from "./sum-share.js";

/** What a thread is given to do. */
export interface WorkerTask {
  readonly shares: readonly Share[];
  readonly options: AnalyzeOptions;
  readonly mostFlows: number;
}

async function work({ shares, options, mostFlows }: WorkerTask): Promise<void> {
  // What there is to say of the southbound the first thread says.
  const naming = await openNaming(options, false, async () => {});
  const decoder = decoderFor(options, naming);
  for (const share of shares) {
    const { analyzer, ...outcome } = await sumShare(
      share,
      options,
      { naming, decoder, progress: false },
      mostFlows,
    );
    const state = analyzer.state();
    const message: ShareMessage = { ...outcome, file: share.file, part: share.part, state };
    parentPort?.postMessage(message, stateMemory(state));
  }
}

void work(workerData as WorkerTask);

import { Namer } from "../analysis/namer.js";
import type { FrameDecoder } from "../frame/decode.js";
import type { NameSources } from "../output/names.js";
import type { PacketPrinter } from "../output/printer.js";
import { filtersOf } from "./filter-values.js";
import { reportBeforeHistory } from "./names.js";
import type { CommonOptions } from "./options.js";
import { isCapture, readCaptures } from "./read.js";
import { type Run, run } from "./run.js";
import { Selection } from "./selection.js";
import { isTerminal, outputStyle } from "./terminal.js";

type DecodeOptions = CommonOptions & { verbose?: boolean; hex?: boolean };

/** The verb `decode`: prints packets. Returns the exit status. */
export async function decode(files: readonly string[], options: DecodeOptions): Promise<number> {
  return run(files, options, filtersOf(options), (begun) => print(begun, options));
}

async function print(
  { stdout, report, files, naming, decoder, filter }: Run,
  options: DecodeOptions,
): Promise<boolean> {
  const namer = naming.inventory === null ? null : new Namer(naming.inventory, naming.at, naming.known);
  const printer = await printerFor(options, namer, decoder, naming.sources);
  const selection = new Selection(options.count, options.all === true ? "count" : "skip", filter);
  const result = await readCaptures(
    {
      files,
      reader: options.reader,
      decoder,
      selection,
      keysOnly: printer.keysOnly,
      progress: !isTerminal(1),
    },
    {
      startFile: (source) => printer.startFile(source),
      packets: async (_source, packets, frames, rows, count) => {
        let done = 0;
        while (done < count && !stdout.closed) {
          done = printer.write(packets, frames, rows, done, count, stdout.lines);
          if (stdout.full) await stdout.flush();
        }
        // What a pipe has brought is shown before more is waited for.
        await stdout.flush();
        return !stdout.closed;
      },
      endFile: async () => stdout.flush(),
    },
    report,
  );
  if (filter !== null && selection.taken === 0 && selection.passedOver > 0)
    await report("no packet matches the filters");
  await reportBeforeHistory(naming, printer.beforeHistory + (filter?.unknown ?? 0), report);
  return isCapture(result, files, report);
}

async function printerFor(
  options: DecodeOptions,
  namer: Namer | null,
  decoder: FrameDecoder,
  sources: NameSources,
): Promise<PacketPrinter> {
  if (options.output === "json") {
    const { JsonPrinter } = await import("../output/decode-json.js");
    return new JsonPrinter(namer, decoder, sources);
  }
  const { TextPrinter } = await import("../output/decode-text.js");
  return new TextPrinter(namer, decoder, {
    utc: options.utc === true,
    verbose: options.verbose === true,
    hex: options.hex === true,
    names: options.names || "logical",
    style: outputStyle(),
  });
}

import { grouped } from "../output/table.js";
import { shown } from "../text.js";
import { Exit } from "./fault.js";
import { jsonPackets } from "./json-packets.js";
import { type PacketFormat, packetWriter } from "./packet-writer.js";
import { inputs } from "./read.js";
import { writeError } from "./stderr.js";

/** Flags of `encode`. */
export interface EncodeOptions {
  /** The file to write; `-` is standard output. */
  write?: string;
  output?: PacketFormat;
}

/** The verb `encode`: makes packets of JSON Lines. Returns the exit status. */
export async function encode(files: readonly string[], options: EncodeOptions): Promise<number> {
  const names = inputs(files, "no JSON Lines; name a file, or pipe in what `decode -o json` prints");
  const writer = packetWriter(options.write, options.output ?? "hex");
  try {
    for await (const packets of jsonPackets(names)) if (!(await writer.write(packets))) break;
  } finally {
    await writer.close();
  }
  if (options.write !== undefined)
    writeError(`genevescope: ${grouped(writer.packets)} packets written to ${shown(options.write)}\n`);
  return Exit.done;
}

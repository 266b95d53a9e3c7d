import type { EncodedPacket } from "../encode/packet.js";
import { grouped } from "../output/table.js";
import { shown } from "../text.js";
import { framePackets } from "./encode-frames.js";
import type { FrameOptions } from "./encode-options.js";
import { CliError, Exit } from "./fault.js";
import { jsonPackets } from "./json-packets.js";
import { type PacketFormat, packetWriter } from "./packet-writer.js";
import { inputs } from "./read.js";
import { writeError } from "./stderr.js";

/** Flags of `encode`. */
export interface EncodeOptions extends FrameOptions {
  /** The file to write; `-` is standard output. */
  write?: string;
  output?: PacketFormat;
  /** Most packets. */
  count?: number;
}

/**
 * The verb `encode`: makes packets of JSON Lines, or of flags that describe them; `flag` is the first of these that was
 * given. Returns the exit status.
 */
export async function encode(
  files: readonly string[],
  options: EncodeOptions,
  flag: string | null,
): Promise<number> {
  const packets = packetsOf(files, options, flag);
  const writer = packetWriter(options.write, options.output ?? "hex");
  try {
    for await (const group of packets) if (!(await writer.write(group))) break;
  } finally {
    await writer.close();
  }
  if (options.write !== undefined)
    writeError(`genevescope: ${grouped(writer.packets)} packets written to ${shown(options.write)}\n`);
  return Exit.done;
}

function packetsOf(
  files: readonly string[],
  options: EncodeOptions,
  flag: string | null,
): AsyncIterable<EncodedPacket[]> {
  const { inner, innerHex, innerPcap, count } = options;
  const carried = [inner, innerHex, innerPcap].filter((each) => each !== undefined);
  if (flag === null) {
    const names = inputs(files, "no JSON Lines; name a file, or pipe in what `decode -o json` prints");
    return limited(jsonPackets(names), count);
  }
  if (carried.length !== 1)
    throw new CliError(
      `${flag} describes frames; say what they carry, with one of --inner, --inner-hex and --inner-pcap`,
    );
  if (files.length > 0)
    throw new CliError(`${flag} describes frames, and ${shown(files[0])} has some; give one of both`);
  return framePackets(options, count, null);
}

/** The first `count` packets. */
async function* limited(
  groups: AsyncIterable<EncodedPacket[]>,
  count = Number.POSITIVE_INFINITY,
): AsyncGenerator<EncodedPacket[]> {
  let left = count;
  for await (const packets of groups) {
    yield packets.slice(0, left);
    left -= packets.length;
    if (left <= 0) return;
  }
}

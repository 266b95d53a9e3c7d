import type { EncodedPacket } from "../encode/packet.js";
import { shown } from "../text.js";
import type { LinkMacs } from "./encode-frames.js";
import type { FrameOptions } from "./encode-options.js";
import { CliError, Exit } from "./fault.js";
import { jsonPackets } from "./json-packets.js";
import { packetCount } from "./packet-output.js";
import { type PacketFormat, type PacketWriter, packetWriter } from "./packet-writer.js";
import { inputs } from "./read.js";
import { writeError } from "./stderr.js";

const SIGNALS = ["SIGINT", "SIGTERM"] as const;

/** Flags of `encode`. */
export interface EncodeOptions extends FrameOptions {
  /** The file to write; `-` is standard output. */
  write?: string;
  output?: PacketFormat;
  /** The device to send by, and how many packets a second. */
  send?: string;
  rate?: number;
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
  const { send, rate, count, write, output = "hex" } = options;
  if (send === undefined && rate !== undefined) throw new CliError("--rate is for --send");
  if (send !== undefined && (rate === undefined || count === undefined))
    throw new CliError("--send takes --rate and --count: how many packets a second, and how many in all");
  checkDescription(files, options, flag);
  if (send !== undefined && rate !== undefined) return sendAll(send, rate, files, options, flag);
  const writer = packetWriter(write, output);
  await writeAll(writer, await packetsOf(files, options, flag, null), count);
  if (write !== undefined)
    writeError(`genevescope: ${packetCount(writer.packets)} written to ${shown(write)}\n`);
  return Exit.done;
}

async function sendAll(
  device: string,
  rate: number,
  files: readonly string[],
  options: EncodeOptions,
  flag: string | null,
): Promise<number> {
  const { DeviceSender } = await import("./device-sender.js");
  const sender = new DeviceSender(device, rate);
  const stop = (): void => sender.stop();
  // Once: a second Control-C ends it whatever it is at.
  for (const signal of SIGNALS) process.once(signal, stop);
  try {
    await writeAll(sender, await packetsOf(files, options, flag, sender.link), options.count);
  } finally {
    for (const signal of SIGNALS) process.removeListener(signal, stop);
  }
  writeError(`genevescope: ${sender.report()}\n`);
  return sender.failed === 0 ? Exit.done : Exit.failed;
}

/** Writes the first `count` of the packets. */
async function writeAll(
  writer: PacketWriter,
  groups: AsyncIterable<EncodedPacket[]>,
  count = Number.POSITIVE_INFINITY,
): Promise<void> {
  let left = count;
  try {
    for await (const packets of groups) {
      if (!(await writer.write(packets.slice(0, left)))) break;
      left -= packets.length;
      if (left <= 0) break;
    }
  } catch (error) {
    // A file is begun by its first packet: without one, whatever had its name stays.
    if (writer.packets > 0) await writer.close();
    throw error;
  }
  await writer.close();
}

/** Refuses flags that describe no frame, or one besides those of a file. */
function checkDescription(
  files: readonly string[],
  { inner, innerHex, innerPcap }: EncodeOptions,
  flag: string | null,
): void {
  if (flag === null) return;
  if ([inner, innerHex, innerPcap].filter((each) => each !== undefined).length !== 1)
    throw new CliError(
      `${flag} describes frames; say what they carry, with one of --inner, --inner-hex and --inner-pcap`,
    );
  if (files.length > 0)
    throw new CliError(`${flag} describes frames, and ${shown(files[0])} has some; give one of both`);
}

/** The packets of JSON Lines, or those that flags describe. `link`: where they are sent. */
async function packetsOf(
  files: readonly string[],
  options: EncodeOptions,
  flag: string | null,
  link: LinkMacs | null,
): Promise<AsyncIterable<EncodedPacket[]>> {
  if (flag !== null) {
    const { framePackets } = await import("./encode-frames.js");
    return framePackets(options, options.count, link);
  }
  return jsonPackets(inputs(files, "no JSON Lines; name a file, or pipe in what `decode -o json` prints"));
}

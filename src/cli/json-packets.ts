import { packetFromJson } from "../encode/from-json.js";
import type { EncodedPacket } from "../encode/packet.js";
import type { Fields } from "../output/fields.js";
import { FrameCheck } from "../output/frame-check.js";
import { shown } from "../text.js";
import { CliError } from "./fault.js";
import { lineGroups } from "./json-lines.js";

/**
 * Packets of JSON Lines, as `decode -o json` prints them, together as they come. What is wrong is thrown, once the
 * packets before it were taken.
 */
export async function* jsonPackets(files: readonly string[]): AsyncGenerator<EncodedPacket[]> {
  const check = new FrameCheck();
  for (const file of files)
    for await (const lines of lineGroups(file)) {
      const packets: EncodedPacket[] = [];
      let failure: CliError | null = null;
      for (const { number, text } of lines) {
        try {
          packets.push(packetOf(text, check));
        } catch (error) {
          failure = new CliError(`${shown(file)}: line ${number}: ${(error as Error).message}`);
          break;
        }
      }
      yield packets;
      if (failure !== null) throw failure;
    }
}

function packetOf(text: string, check: FrameCheck): EncodedPacket {
  const json = parsed(text);
  const { packet, isGiven } = packetFromJson(json);
  const path = isGiven ? check.difference(json as Fields, packet) : null;
  if (path === null) return packet;
  throw new CliError(
    `${shown(path)}: the bytes in frame say something else; leave frame out to have them made of the other fields`,
  );
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new CliError(`is not JSON: ${shown((error as Error).message, 120)}`);
  }
}

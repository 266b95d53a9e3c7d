/* What a little-endian pcapng says beside its packets, taken apart without the reader. */
import { readFileSync } from "node:fs";

export interface Said {
  /** The comment of each packet, empty where there is none. */
  comments: string[];
  /** Names of addresses, with the address: `10.0.0.1 worker1`, as they lie in the file. */
  names: string[];
}

export function saidIn(path: string): Said {
  const file = readFileSync(path);
  const said: Said = { comments: [], names: [] };
  for (let start = 0; start < file.length; start += file.readUInt32LE(start + 4)) {
    const end = start + file.readUInt32LE(start + 4) - 4;
    const type = file.readUInt32LE(start);
    if (type === 4) {
      const address = file.subarray(start + 12, start + 12 + (file.readUInt16LE(start + 8) === 1 ? 4 : 16));
      const name = start + 12 + address.length;
      said.names.push(`${address.join(".")} ${file.toString("utf8", name, file.indexOf(0, name))}`);
    }
    if (type !== 6) continue;
    const options = start + 28 + ((file.readUInt32LE(start + 20) + 3) & ~3);
    const isCommented = options < end && file.readUInt16LE(options) === 1;
    const length = isCommented ? file.readUInt16LE(options + 2) : 0;
    said.comments.push(file.toString("utf8", options + 4, options + 4 + length));
  }
  return said;
}

/*
 * Writes a capture of OVN traffic for measuring: fixed seed, so every run gives the same bytes.
 *
 *   node bench/generate.js FILE [--bytes 1073741824] [--flows 1000]
 *
 * Frames are 156-byte Geneve packets with an ICMP echo inside (a routed ping, as in captures/routed-ping),
 * little-endian microsecond pcap, `flows` distinct (VNI, ingress, egress) in random order. Prints, as JSON,
 * the truth every counter can be checked against.
 */
import { closeSync, openSync, readFileSync, writeSync } from "node:fs";
import { pathToFileURL } from "node:url";

const FRAME = Buffer.from(
  "525400ac675b52540013e0a208004500008ef9b0400040115a94c0a83264c0a832651d7d17c1007ae6a502406558" +
    "000001000102800100010002404400000002404400000001080045000054a3f0400040011551c0a8000bc0a8000c" +
    "0800c67b04e31af194d96e5c0000000041a70e0000000000101112131415161718191a1b1c1d1e1f202122232425" +
    "262728292a2b2c2d2e2f3031323334353637",
  "hex",
);
const RECORD = 16 + FRAME.length;
const FIRST_SECOND = 1_763_700_000;

/** xorshift32: the same numbers everywhere. */
export function random(seed) {
  let state = seed >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}

/** Up to 16 ports a datapath: key 1 to 16 each way. */
const usualKeys = (flow) => [Math.floor(flow / 256) + 1, (flow & 15) + 1, ((flow >>> 4) & 15) + 1];

/**
 * Writes the capture; returns { packets, bytes, flows, fileBytes }. `keys` gives the VNI, ingress and egress key
 * of a flow by its number.
 */
export function generate(file, { bytes = 2 ** 30, flows = 1000, seed = 20_251_121, keys = usualKeys } = {}) {
  const next = random(seed);
  const packets = Math.floor((bytes - 24) / RECORD);
  const header = Buffer.alloc(24);
  header.writeUInt32LE(0xa1b2c3d4, 0);
  header.writeUInt16LE(2, 4);
  header.writeUInt16LE(4, 6);
  header.writeUInt32LE(262144, 16);
  header.writeUInt32LE(1, 20);
  const perBlock = 6000;
  const block = Buffer.alloc(perBlock * RECORD);
  for (let i = 0; i < perBlock; i++) {
    const at = i * RECORD;
    block.writeUInt32LE(FRAME.length, at + 8);
    block.writeUInt32LE(FRAME.length, at + 12);
    FRAME.copy(block, at + 16);
  }
  const seen = new Set();
  const out = openSync(file, "w");
  try {
    writeSync(out, header);
    for (let done = 0; done < packets; ) {
      const count = Math.min(perBlock, packets - done);
      for (let i = 0; i < count; i++) {
        const at = i * RECORD;
        const number = done + i;
        // Every flow once, then at random.
        const flow = number < flows ? number : next() % flows;
        seen.add(flow);
        block.writeUInt32LE(FIRST_SECOND + Math.floor(number / 100_000), at);
        block.writeUInt32LE((number % 100_000) * 10, at + 4);
        const [vni, ingress, egress] = keys(flow);
        block.writeUInt32BE((vni << 8) >>> 0, at + 16 + 46);
        block.writeUInt16BE(ingress, at + 16 + 54);
        block.writeUInt16BE(egress, at + 16 + 56);
      }
      writeSync(out, block, 0, count * RECORD);
      done += count;
    }
  } finally {
    closeSync(out);
  }
  return { packets, bytes: packets * FRAME.length, flows: seen.size, fileBytes: 24 + packets * RECORD };
}

/** Writes a capture that repeats the records of a pcap file; returns { packets, bytes, fileBytes }. */
export function repeat(file, source, { bytes = 2 ** 30 } = {}) {
  const whole = readFileSync(source);
  if (whole.readUInt32LE(0) !== 0xa1b2c3d4) throw new Error(`${source} is no little-endian microsecond pcap`);
  const records = whole.subarray(24);
  let packets = 0;
  let original = 0;
  for (let at = 0; at < records.length; at += 16 + records.readUInt32LE(at + 8)) {
    packets++;
    original += records.readUInt32LE(at + 12);
  }
  const times = Math.max(1, Math.floor((bytes - 24) / records.length));
  const each = Math.min(times, Math.max(1, Math.floor(2 ** 22 / records.length)));
  const block = Buffer.concat(Array(each).fill(records));
  const out = openSync(file, "w");
  try {
    writeSync(out, whole, 0, 24);
    for (let left = times; left > 0; left -= each)
      writeSync(out, block, 0, Math.min(left, each) * records.length);
  } finally {
    closeSync(out);
  }
  return { packets: packets * times, bytes: original * times, fileBytes: 24 + records.length * times };
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const [file, ...rest] = process.argv.slice(2);
  if (file === undefined) {
    process.stderr.write("usage: node bench/generate.js FILE [--bytes N] [--flows N]\n");
    process.exit(2);
  }
  const value = (name, fallback) => {
    const at = rest.indexOf(`--${name}`);
    return at < 0 ? fallback : Number(rest[at + 1]);
  };
  const truth = generate(file, { bytes: value("bytes", 2 ** 30), flows: value("flows", 1000) });
  process.stdout.write(`${JSON.stringify(truth)}\n`);
}

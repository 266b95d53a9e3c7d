/*
 * One check in front of fzstd, which decodes a certain invalid Huffman tree for ever. Its weights are
 * compressed with an FSE table (RFC 8878 sections 4.2.1.2 and 4.1.1) in which a single symbol has the whole
 * probability: each step then reads no bit at all. libzstd refuses it.
 */

const LITERALS_WITH_TREE = 2;
/** Bytes of the literals section's header by its size format, where it has a tree. */
const LITERALS_HEADER_BYTES = [3, 3, 4, 5];
/** Tree descriptions from here on hold their weights uncompressed. */
const DIRECT_WEIGHTS = 128;

/** True where the compressed block whose content begins at `at` brings such a tree. */
export function isEndlessHuffman(bytes: Uint8Array, at: number): boolean {
  const header = bytes[at];
  if ((header & 3) !== LITERALS_WITH_TREE) return false;
  const tree = at + LITERALS_HEADER_BYTES[(header >> 2) & 3];
  if (!(bytes[tree] < DIRECT_WEIGHTS)) return false;
  const table = tree + 1;
  const total = 1 << ((bytes[table] & 15) + 5);
  // Skip symbols of probability 0, with their two-bit repeats, up to the first of another.
  let bit = table * 8 + 4;
  for (let symbol = 0; symbol < 256; symbol++) {
    // With all of it left a value needs the bits of total + 1, one less where it is small.
    const bits = Math.floor(Math.log2(total + 1));
    const small = (1 << (bits + 1)) - 1 - (total + 1);
    const peeked = bitsAt(bytes, bit, bits + 1);
    let value = peeked & ((1 << bits) - 1);
    if (value < small) {
      bit += bits;
    } else {
      bit += bits + 1;
      value = peeked >= 1 << bits ? peeked - small : peeked;
    }
    const probability = value - 1;
    if (probability !== 0) return probability === total;
    let repeat = 3;
    while (repeat === 3) {
      repeat = bitsAt(bytes, bit, 2);
      bit += 2;
      symbol += repeat;
    }
  }
  return false;
}

/** `count` bits (at most 17) from bit `bit` on, the lowest first; bytes beyond the end count as 0. */
function bitsAt(bytes: Uint8Array, bit: number, count: number): number {
  const at = bit >> 3;
  const three = (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8) | ((bytes[at + 2] ?? 0) << 16);
  return (three >> (bit & 7)) & ((1 << count) - 1);
}

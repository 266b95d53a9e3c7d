import * as zlib from "node:zlib";
import { constants, gunzipSync, gzipSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isEndlessHuffman } from "../../src/capture/zstd-huffman.js";
import {
  chunks,
  collect,
  failure,
  pcap,
  pcapng,
  somePackets,
  temporary,
  Writer,
  zstdRaw,
  zstdRepeated,
  zstdSkippable,
} from "./helper.js";

const packets = somePackets(40);
const plain = pcap(packets);

/** `plain` as `zstd -19` and `zstd -1` compress it: Huffman trees, FSE tables, matches, a checksum. */
const ZSTD_19 =
  "KLUv/WShDiUUAOQb1MOyoQIABAAB8VNlAAFHlAMBHwKOKAcAPDw+RUxTWmFob3Z9hIuSmaCnrrW8w8rR2N/m7fT7AgkQFx4lLDM6QUhPVl1ka3J5gIeOlZyjqrG4v8bN1NsD1bwKAJyc4unw9/4FDBMaISgvNj1ES1JZYGdudXyDipGYn6attLvCydDX3uXs8/oBCA8WHSQrMjlAR05VXGNqcXh/ho2Um6KpsLe+xczT2uHo7/b9BAsSGSAnLjU8Q0pRWF9mbXR7gomQl56lrLO6wcjP1t3k6/L5AAcOFRwjKjE4P0ZNVFtiaXB3foWMk5oEHFEOAAMDBSOjAgAsAQChqK+2vcTL0tng5+71/AMKERgfJi00O0JJUFdeZWxzeoGIj5adpKuyucDHztXc4+rx+P8GDRQbIikwNwZqNwYHscsJ2Qj4Xw0J/7EBCkZGBQuN2ggM1G4MDdvAAJMOIlUED2npBxCwfQsR9xEPEv5jAxNF+AZNFIyMChXTIA4W2nICFyEHBhhomwkZry8NBxq2gQEb/RUFHESqCB2LPgwekpAAH9kkBMEgILkHIWdNCyKu4Q4jtTMDJPzHBiVDXAp7JorwDSeRQgJ4qCFNBWsh+9cY4E5EGrUB0hOGQBNJPBL/K+FJkB0Z9rIlKWWbok2363zUkRB+osPgEsXJsPcjZSnrlH0+Xc9HHblwUx0GE1FDhr1eCUrZtmjj7RY+6kiHP+kxWIFKZNjrlqSUbYo23a7zUUdC+IkOgyWX86gjt9GjOVJ+A8ffBc5HnaVwJx0GEVzHo46sRo6WpLwGjsevkfohPjYceQdrkq4ejLjsCtsMzjRf8bLVjFyt34/e+6RpMf/YPEWMTeEE4vsHEFFAlg==";
const ZSTD_1 =
  "KLUv/WShDm0ZAOYmmDMQeG468DaAnBMFehXKg0PqMBTxpB4958EzPQfXL+TF4XHxHGNSTFVbW1tzOzURERERslOSAJoAgQDcmNAfPXTcqDEDZssVKlKYHBFS+Oe35wJvboSHDBTQyMK+uqyekMBZVdNS0jjdiu29/HzPV1HPMV60VEY2Mir+GNxhQ0benVyIDRciQGAA5qU1xVTUtRYCtKfOmzVnwmheTjo2QTLEEBAH34sUdCQ+eIW0su6x3nYNvmcrVXfHV8S19xz3e+7ujhvb2LYuSmp6BhwwSDBrgGDAFlWTkfeKGoiPHTigaDi5YKF8dLLYHXt1x15tZcR6z9k/v73uvnb3tcNtUe8ZS+QwMAcNGCrqSoDQwKbmQIGBAFhRSuFtD/KTZ06bNGW+ZFqZEmWJkSCEPW7otUBhAq5D24SzsQQEuKqcjr7YVEF97oyGdorpkqUK5JMkiYiCOmrEWGEX9+ZmYe3BggMCsqSWiAI5iU17mvaekbqvcarv+YjIyPQ9G6maln75IN9z0Za07j0TdfcY1u3qPYcPuzvGFH3PQ91gPM/3DOaGCr7nLxpZWFZN7T17u1sxjlx9z90huNP3zAXtcka+561WzO49a8UKALiCShrSrp5mPHLYfJLZxLSUhKKkCBAfPPpmsDjxIgJWs8L3zFX695639LxvZ+9ZaxP1PWddwSbfM5aX1lR41PE9X33Z5t6zlWXVe67K7O44C/Q9U3U3oeF7ngKXAb5nqbw7OW4j2nuOyiqlvmeouI/yPT9th74e37NTdzeR7j03abdW75mpMrLRmhf6npfCVZ3vWckbGPgeSaixBUdgxKKaUj06cAIJRESk8RIoUSABrGSEZ5TwjfCM0AjAYdoDWsdM2iK4p66pmrLogIgF+rTq2FmV+uwaGjrnD4xNcA9bk0urAniB6DnhwdEEbnXoD0d1d80q4wVxjZEdKGivIaXxBOvcivGuZQ2F6uiofOOamiTHuGXNLA2yrCNtqbIGa4Cso68UgmuyytU5cclndtM0qnVqQtzxXcOrAwkh5DVM1TOZUxbYawQbKBBcb2Iz2YOfdfDLGmx3FFOtjM981jB4GRBRQJY=";
const zstd19 = Buffer.from(ZSTD_19, "base64");
const zstd1 = Buffer.from(ZSTD_1, "base64");

/** Packets that are complete in the first `length` bytes of `plain`. */
function complete(length: number): number {
  let end = 24;
  let count = 0;
  for (const one of packets) {
    end += 16 + one.data.length / 2;
    if (end <= length) count++;
  }
  return count;
}

describe("gzip", () => {
  it("reads pcap, pcapng and hex dumps in one member or several, cut anywhere", async () => {
    expect(await collect(gzipSync(plain))).toMatchObject({ packets, damage: null });
    expect(await collect(gzipSync(pcapng(packets)))).toMatchObject({
      packets,
      damage: null,
      format: "pcapng",
    });
    const text = Buffer.from("0x0000:  4500 0014 0000 0000 4011 0000 0a00 0001\n0x0010:  0a00 0002\n");
    expect(await collect(gzipSync(text))).toMatchObject({ damage: null, format: "hexdump" });
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat({ max: plain.length }), { maxLength: 4 }),
        fc.array(fc.integer({ min: 1, max: 900 }), { minLength: 1, maxLength: 4 }),
        fc.nat({ max: 9 }),
        fc.integer({ min: 1, max: 900 }),
        async (borders, sizes, level, blockBytes) => {
          const cuts = [0, ...borders.sort((a, b) => a - b), plain.length];
          const members = cuts
            .slice(1)
            .map((end, index) => gzipSync(plain.subarray(cuts[index], end), { level }));
          const got = await collect(chunks(Buffer.concat(members), sizes), { blockBytes });
          expect(got.packets).toEqual(packets);
          expect(got.damage).toBeNull();
        },
      ),
      { numRuns: 60 },
    );
  });

  it("delivers what is before the cut of a file cut anywhere, then says so", async () => {
    const whole = Buffer.concat([gzipSync(plain.subarray(0, 2000)), gzipSync(plain.subarray(2000))]);
    const first = gzipSync(plain.subarray(0, 2000)).length;
    for (let length = 1; length < whole.length; length += length < 60 || length > first ? 1 : 7) {
      const cut = whole.subarray(0, length);
      let there = 0;
      try {
        there = gunzipSync(cut, { finishFlush: constants.Z_SYNC_FLUSH }).length;
      } catch {
        // Less than a header of the first member.
      }
      if (length === first) {
        // A member's end is the file's end as well; the capture in it is cut all the same.
        expect((await collect(cut)).damage?.reason).toContain("the file ends");
        continue;
      }
      for (const input of [temporary(cut, "cut.gz"), chunks(cut, [length])]) {
        if (there < 24) {
          const { code } = await failure(input);
          expect(["ERR_CAPTURE_COMPRESSION", "ERR_CAPTURE_FORMAT"], `cut at ${length}`).toContain(code);
        } else {
          const got = await collect(input);
          expect(got.packets, `cut at ${length}`).toEqual(packets.slice(0, complete(there)));
          expect(got.damage?.reason, `cut at ${length}`).toContain("gzip data end");
        }
      }
    }
  });

  it("delivers everything before damage in mid-file", async () => {
    // Stored blocks: the damage is where it is put, at the length of one in the middle.
    const many = somePackets(4000);
    const file = pcap(many);
    const whole = gzipSync(file, { level: 0 });
    const bad = Buffer.from(whole);
    let at = 10;
    let stored = 0;
    while (stored < file.length / 2) {
      const length = bad.readUInt16LE(at + 1);
      expect(length ^ bad.readUInt16LE(at + 3)).toBe(0xffff);
      at += 5 + length;
      stored += length;
    }
    bad[at + 3] ^= 0x55;
    const got = await collect(temporary(bad));
    let end = 24;
    const before = many.filter((one) => {
      end += 16 + one.data.length / 2;
      return end <= stored;
    });
    expect(before.length).toBeGreaterThan(1000);
    expect(got.packets).toEqual(before);
    expect(got.damage?.reason).toContain("gzip data are damaged");
    expect(got.damage?.offset).toBeLessThanOrEqual(stored);
    // From a pipe the last step of zlib is lost, but damage is never silent.
    const piped = await collect(chunks(bad, [4096]));
    expect(piped.packets).toEqual(many.slice(0, piped.packets.length));
    expect(piped.damage?.reason).toContain("gzip data are damaged");
  });

  it("delivers everything where only the checksum is wrong, or garbage follows", async () => {
    const wrong = gzipSync(plain);
    wrong[wrong.length - 8] ^= 1;
    const got = await collect(temporary(wrong));
    expect(got.packets).toEqual(packets);
    expect(got.damage).toMatchObject({ offset: plain.length });
    const trailed = await collect(temporary(Buffer.concat([gzipSync(plain), Buffer.from("garbage")])));
    expect(trailed.packets).toEqual(packets);
    expect(trailed.damage).not.toBeNull();
    // Tapes and block devices pad with zeros.
    const padded = await collect(Buffer.concat([gzipSync(plain), Buffer.alloc(512)]));
    expect(padded).toMatchObject({ packets, damage: null });
  });

  it("refuses gzip of garbage, of nothing and of gzip", async () => {
    expect((await failure(gzipSync(Buffer.alloc(100, 1)))).code).toBe("ERR_CAPTURE_FORMAT");
    expect((await failure(gzipSync(Buffer.alloc(0)))).code).toBe("ERR_CAPTURE_EMPTY");
    const twice = await failure(gzipSync(gzipSync(plain)));
    expect(twice).toMatchObject({ code: "ERR_CAPTURE_FORMAT" });
    expect(twice.message).toContain("more than once");
    expect((await failure(Buffer.from([0x1f, 0x8b, 0xff, 1, 2, 3, 4, 5, 6, 7, 8, 9]))).code).toBe(
      "ERR_CAPTURE_COMPRESSION",
    );
  });
});

const native = "createZstdDecompress" in zlib;
// Without node:zlib's decompressor both mean fzstd.
const engines = native ? [{ portableZstd: true }, { portableZstd: false }] : [{ portableZstd: true }];

describe.each(engines)("zstd, %o", (engine) => {
  it("reads what zstd compressed, in several frames, with skippable ones around", async () => {
    for (const whole of [zstd19, zstd1, zstdRaw(plain), zstdRaw(plain, 100)])
      expect(await collect(whole, engine)).toMatchObject({ packets, damage: null });
    const half = plain.subarray(0, 1234);
    const rest = plain.subarray(1234);
    const skip = zstdSkippable(Buffer.alloc(1000, 7));
    const empty = zstdRaw(Buffer.alloc(0));
    const frames = Buffer.concat([skip, zstdRaw(half, 77), empty, skip, zstdRaw(rest, 5000), empty, skip]);
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 900 }), { minLength: 1, maxLength: 4 }),
        fc.integer({ min: 1, max: 900 }),
        async (sizes, blockBytes) => {
          const got = await collect(chunks(frames, sizes), { ...engine, blockBytes });
          expect(got.packets).toEqual(packets);
          expect(got.damage).toBeNull();
        },
      ),
      { numRuns: 60 },
    );
    // The second file's header is a packet of no bytes to the reader, then damage; what matters is that it comes.
    const two = await collect(Buffer.concat([zstd19, zstd1]), engine);
    expect(two.packets.slice(0, 40)).toEqual(packets);
    expect(two.damage?.offset).toBe(plain.length + 16);
  });

  it("delivers what is before the cut of a file cut anywhere, then says so", async () => {
    const blockBytes = 500;
    const whole = Buffer.concat([zstdRaw(plain, blockBytes), zstdSkippable(Buffer.alloc(9))]);
    const frame = whole.length - 17;
    for (let length = 4; length < whole.length; length++) {
      if (length === frame) continue;
      const cut = whole.subarray(0, length);
      const blocks = Math.floor((Math.min(length, frame) - 6) / (blockBytes + 3));
      const there = length >= frame ? plain.length : Math.min(plain.length, blocks * blockBytes);
      if (there < 24) {
        expect((await failure(cut, engine)).code, `cut at ${length}`).toBe("ERR_CAPTURE_COMPRESSION");
      } else {
        const got = await collect(cut, engine);
        expect(got.packets, `cut at ${length}`).toEqual(packets.slice(0, complete(there)));
        expect(got.damage?.reason, `cut at ${length}`).toContain("zstd data end within a frame");
      }
    }
    for (let length = 4; length < zstd19.length; length++) {
      const cut = zstd19.subarray(0, length);
      // All content is in one block; only the checksum may be missing.
      if (length < zstd19.length - 4)
        expect((await failure(cut, engine)).code).toBe("ERR_CAPTURE_COMPRESSION");
      else {
        const got = await collect(cut, engine);
        expect(got.packets).toEqual(packets);
        expect(got.damage).not.toBeNull();
      }
    }
  });

  it("says what a frame asks for that is not granted", async () => {
    const wide = new Writer(true)
      .u32(0xfd2fb528)
      .u8(0)
      .u8((31 - 10) << 3)
      .bytes(Buffer.alloc(20))
      .done();
    expect((await failure(wide, engine)).message).toContain("need a window of 2147483648 bytes");
    const whole = new Writer(true)
      .u32(0xfd2fb528)
      .u8(0xe0)
      .u64(2n ** 40n)
      .bytes(Buffer.alloc(20))
      .done();
    expect((await failure(whole, engine)).message).toContain("need a window of 1099511627776 bytes");
    const dictionary = new Writer(true).u32(0xfd2fb528).u8(1).u8(56).u8(9).bytes(Buffer.alloc(20)).done();
    expect((await failure(dictionary, engine)).message).toContain("need a dictionary");
    const large = zstdRepeated(0, 200_000);
    expect((await failure(large, engine)).message).toContain("200000 bytes");
    const garbage = await collect(Buffer.concat([zstdRaw(plain), Buffer.from("garbage")]), engine);
    expect(garbage.packets).toEqual(packets);
    expect(garbage.damage?.reason).toContain("followed by something else");
  });

  it("reads a frame whose checksum is cut or wrong to its end", async () => {
    const wrong = zstdRaw(plain, 1000, Buffer.from("nope"));
    const got = await collect(wrong, engine);
    expect(got.packets).toEqual(packets);
    expect(got.damage?.reason).toContain("do not match their checksum");
    const cut = await collect(wrong.subarray(0, -2), engine);
    expect(cut.packets).toEqual(packets);
    expect(cut.damage?.reason).toContain("end within a frame");
  });

  it("does not hang on a Huffman tree of one weight", async () => {
    // Accuracy 5, symbol 1 with probability 32: "symbol 0 has none" (value 1, no repeat), then value 33.
    const total = 32;
    const bits: number[] = [];
    const put = (value: number, count: number): void => {
      for (let bit = 0; bit < count; bit++) bits.push((value >> bit) & 1);
    };
    put(0, 4);
    put(1, 5);
    put(0, 2);
    // 33 of 0..33 takes six bits: the small values end at 63 - 33 = 30, so it is stored as 33 + 30.
    put(total + 1 + (63 - (total + 1)), 6);
    const table = Buffer.alloc(Math.ceil(bits.length / 8));
    for (const [index, bit] of bits.entries()) table[index >> 3] |= bit << (index & 7);
    const tree = Buffer.concat([Buffer.from([table.length + 6]), table, Buffer.alloc(6, 0x81)]);
    const literals = Buffer.concat([Buffer.from([2 | (1 << 4), 4, 0]), tree, Buffer.alloc(8, 1)]);
    expect(isEndlessHuffman(literals, 0)).toBe(true);
    const header = 1 | (2 << 1) | (literals.length << 3);
    const frame = new Writer(true)
      .u32(0xfd2fb528)
      .u8(0)
      .u8(56)
      .u16(header & 0xffff)
      .u8(header >> 16)
      .bytes(literals)
      .done();
    expect((await failure(frame, engine)).code).toBe("ERR_CAPTURE_COMPRESSION");
    for (const whole of [zstd19, zstd1]) expect(isEndlessHuffman(whole, 10)).toBe(false);
  });
});

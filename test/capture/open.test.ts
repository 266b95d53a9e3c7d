import { closeSync, mkdirSync, openSync, readdirSync, readlinkSync, readSync, writeFileSync } from "node:fs";
import { Readable } from "node:stream";
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { CaptureError, openCapture } from "../../src/capture/index.js";
import { shown } from "../../src/text.js";
import { collect, failure, pcap, somePackets, temporary, temporaryPath } from "./helper.js";

const packets = somePackets(20);

function linkOf(fd: string): string {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    return "";
  }
}

describe("openCapture", () => {
  it("takes a name, a descriptor, a stream and an iterable", async () => {
    const path = temporary(pcap(packets));
    expect((await collect(path)).packets).toEqual(packets);
    const fd = openSync(path, "r");
    expect((await collect(fd)).packets).toEqual(packets);
    // The descriptor stays the caller's, where the source left it.
    expect(readSync(fd, Buffer.alloc(1), 0, 1, null)).toBe(0);
    closeSync(fd);
    expect((await collect(Readable.from([pcap(packets)]))).packets).toEqual(packets);
    const source = await openCapture(Readable.from([pcap([])]), { name: "mine" });
    expect(source.name).toBe("mine");
    await source.close();
  });

  it("tells position and size of a file", async () => {
    const path = temporary(pcap(packets));
    const source = await openCapture(path);
    expect(source.size).toBe(pcap(packets).length);
    while ((await source.next()) !== null);
    expect(source.position).toBe(source.size);
    await source.close();
    expect(await source.next()).toBeNull();
  });

  it("destroys a stream it was given and closes a file it opened", async () => {
    const stream = Readable.from([pcap(packets)]);
    const source = await openCapture(stream);
    await source.close();
    expect(stream.destroyed).toBe(true);
    const broken = Readable.from([Buffer.from("\0nothing")]);
    expect((await failure(broken)).code).toBe("ERR_CAPTURE_FORMAT");
    expect(broken.destroyed).toBe(true);
  });

  it("closes its descriptor once, however often it is told to", async () => {
    const path = temporary(pcap(packets));
    const first = await openCapture(path);
    await first.close();
    // The system gives the number of a closed descriptor to the next file.
    const second = await openCapture(path, { blockBytes: 64 });
    await first.close();
    let count = 0;
    for (let batch = await second.next(); batch !== null; batch = await second.next()) count += batch.count;
    expect(count).toBe(packets.length);
    expect(second.damage).toBeNull();
    await second.close();
  });

  it("leaves no descriptor open where it fails", async () => {
    const paths = ["garbage", "empty", "zipped", "cut"].map((name) => temporaryPath(`failing-${name}`));
    writeFileSync(paths[0], Buffer.alloc(100));
    writeFileSync(paths[1], "");
    writeFileSync(paths[2], gzipSync(Buffer.alloc(100)));
    writeFileSync(paths[3], gzipSync(pcap(packets)).subarray(0, 12));
    for (const path of paths) {
      await failure(path);
      expect(readdirSync("/proc/self/fd").filter((fd) => linkOf(fd) === path)).toEqual([]);
    }
  });

  mkdirSync(temporaryPath("directory"), { recursive: true });
  it.each([
    ["missing", temporaryPath("missing.pcap"), "ERR_CAPTURE_OPEN", "no such file"],
    ["below a file", `${temporary("x", "plain")}/x`, "ERR_CAPTURE_OPEN", "no such file"],
    ["a directory", temporaryPath("directory"), "ERR_CAPTURE_OPEN", "is a directory"],
    ["empty", temporary(""), "ERR_CAPTURE_EMPTY", "is empty"],
    ["NUL in the name", "a\0b", "ERR_CAPTURE_OPEN", "cannot be opened"],
    ["a bad descriptor", 9999, "ERR_CAPTURE_OPEN", "no open file"],
    ["a database", temporary("OVSDB JSON 12 abc\n{}\n"), "ERR_CAPTURE_FORMAT", "give it with --sb"],
    ["a cluster's", temporary("OVSDB CLUSTER 12 abc\n{}\n"), "ERR_CAPTURE_FORMAT", "give it with --sb"],
    ["xz", temporary(Buffer.from("fd377a585a0000", "hex")), "ERR_CAPTURE_FORMAT", "xz -dc"],
    ["bzip2", temporary("BZh91AY&SY"), "ERR_CAPTURE_FORMAT", "bzip2 -dc"],
    ["snoop", temporary("snoop\0\0\0\0\0\0\x02"), "ERR_CAPTURE_FORMAT", "editcap"],
    ["UTF-16", temporary(Buffer.from("\ufeff0x0000:  4500", "utf16le")), "ERR_CAPTURE_FORMAT", "UTF-16"],
    ["noise", temporary(Buffer.alloc(5000, 0x99)), "ERR_CAPTURE_FORMAT", "nor text with a hex dump"],
    ["zeros", temporary(Buffer.alloc(5000)), "ERR_CAPTURE_FORMAT", "byte 0"],
    [
      "three bytes",
      temporary(Buffer.from("d4c3b2", "hex")),
      "ERR_CAPTURE_FORMAT",
      "nor text with a hex dump",
    ],
    ["JSON", temporary('{"a":[1,2,3]}\n'), "ERR_CAPTURE_FORMAT", "nor text with a hex dump"],
  ])("says in one line what is wrong: %s", async (_, input, code, words) => {
    const error = await failure(input);
    expect(error.code).toBe(code);
    expect(error.message).toContain(words);
    expect(error.message).toContain(error.reason);
    expect(error.message).not.toMatch(/[\u0000-\u001f\u007f]/);
    // What is wrong; what to do.
    expect(error.reason).toMatch(/.+; .+/);
  });

  it("keeps the system's error as the cause", async () => {
    expect((await failure(temporaryPath("missing"))).cause).toMatchObject({ code: "ENOENT" });
  });

  it("escapes a name, and shortens it", async () => {
    const error = await failure("evil\u001b[31m\r\n\u202egnp.exe");
    expect(error.message.startsWith("evil\\x1b[31m\\x0d\\x0a\\u{202e}gnp.exe: ")).toBe(true);
    expect(error.file).toBe("evil\u001b[31m\r\n\u202egnp.exe");
    expect(shown("x".repeat(1000)).length).toBe(259);
    expect(shown("worker1 \u00e9\u4e2d")).toBe("worker1 \u00e9\u4e2d");
  });

  it("refuses options that make no sense", async () => {
    const path = temporary(pcap(packets));
    for (const options of [
      { blockBytes: 0 },
      { blockBytes: 1.5 },
      { blockBytes: 2 ** 31 },
      { batchCapacity: 0 },
      { batchCapacity: Number.NaN },
      { batchCapacity: 2 ** 21 },
      { reader: "tshark" as "builtin" },
      { hexDumpLink: "\u001b" as "ip" },
    ])
      expect((await failure(path, options)).code).toBe("ERR_CAPTURE_OPTION");
  });

  it("turns a stream's error into damage once packets have come, and into an error before", async () => {
    async function* breaking(good: Uint8Array): AsyncGenerator<Uint8Array> {
      yield good;
      throw Object.assign(new Error("boom"), { code: "EIO" });
    }
    const file = pcap(packets);
    const got = await collect(breaking(file.subarray(0, file.length - 5)));
    expect(got.packets).toEqual(packets.slice(0, -1));
    expect(got.damage?.reason).toContain("reading failed");
    expect(got.damage?.reason).toContain("EIO");
    expect(got.damage?.lostBytes).toBeNull();
    expect(await failure(breaking(file.subarray(0, 10)))).toMatchObject({ code: "ERR_CAPTURE_READ" });
    expect((await failure(Readable.from(["text"]))).message).toContain("string");
  });

  it("reads a file of /proc, which has no size", async () => {
    expect((await failure("/proc/self/status")).message).toContain("nor text with a hex dump");
  });

  it("reads a file that grew since it was opened", async () => {
    const path = temporary(pcap(packets.slice(0, 10)));
    const source = await openCapture(path);
    writeFileSync(path, pcap(packets));
    let count = 0;
    for (let batch = await source.next(); batch !== null; batch = await source.next()) count += batch.count;
    expect(count).toBe(20);
    expect(source.damage).toBeNull();
    await source.close();
  });

  it("is an error of its own class", () => {
    const error = new CaptureError("ERR_CAPTURE_READ", "f", "why; what", 7);
    expect(error).toMatchObject({ name: "CaptureError", offset: 7, file: "f", message: "f: why; what" });
    expect(error).toBeInstanceOf(Error);
  });
});

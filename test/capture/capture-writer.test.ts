import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import {
  CaptureError,
  type CaptureInterface,
  type CaptureWriter,
  createCapture,
  openCapture,
  PacketBatch,
  type SaveFiles,
  type WriteOptions,
} from "../../src/capture/index.js";
import { diskFiles } from "../../src/capture/save-file.js";
import { collect, packet, somePackets, type TestPacket } from "./helper.js";
import { saidIn } from "./pcapng-blocks.js";

const root = mkdtempSync(join(tmpdir(), "genevescope-writer-"));
afterAll(() => rmSync(root, { recursive: true }));

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(root, "t-"));
});

const at = (name: string): string => join(directory, name);
const files = (): string[] => readdirSync(directory).sort();

const ethernet: CaptureInterface = { linkType: 1, name: "eth1", snapLength: 262_144 };

/** A batch as a source fills it: the packets lie in one block, with something between them. */
function batchOf(packets: readonly TestPacket[]): PacketBatch {
  const batch = new PacketBatch(packets.length);
  const parts: Buffer[] = [];
  let length = 0;
  packets.forEach((one, index) => {
    const gap = Buffer.alloc(1 + (index % 5), 0xee);
    const data = Buffer.from(one.data, "hex");
    parts.push(gap, data);
    batch.offset[index] = length + gap.length;
    batch.capturedBytes[index] = data.length;
    batch.originalBytes[index] = one.original;
    batch.tsSec[index] = one.sec;
    batch.tsNsec[index] = one.nsec;
    batch.interfaceIndex[index] = one.interface;
    length += gap.length + data.length;
  });
  batch.bytes = Uint8Array.from(Buffer.concat(parts));
  batch.view = new DataView(batch.bytes.buffer);
  batch.count = packets.length;
  return batch;
}

async function save(
  name: string,
  packets: readonly TestPacket[],
  options: Partial<WriteOptions> = {},
  batchSize = 7,
): Promise<CaptureWriter> {
  const writer = await createCapture(at(name), { format: "pcapng", interfaces: [ethernet], ...options });
  for (let from = 0; from < packets.length; from += batchSize)
    await writer.write(batchOf(packets.slice(from, from + batchSize)));
  await writer.close();
  return writer;
}

async function read(...names: string[]): Promise<TestPacket[]> {
  const packets: TestPacket[] = [];
  for (const name of names) {
    const { packets: more, damage } = await collect(at(name));
    expect(damage).toBeNull();
    packets.push(...more);
  }
  return packets;
}

async function failureOf(work: Promise<unknown>): Promise<CaptureError> {
  const error = await work.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (!(error instanceof CaptureError)) throw new Error(`no CaptureError but ${error}`);
  expect(error.message).not.toContain("\n");
  return error;
}

describe.each(["pcap", "pcapng"] as const)("%s", (format) => {
  /** Seconds each format can tell, captured bytes of any alignment. */
  const packets = fc.array(
    fc.record({
      sec: fc.oneof(
        fc.nat({ max: 0xffffffff }),
        fc.constantFrom(0, 0xffffffff, 65_535, 65_536, 4_294_967, 1_700_000_000),
        ...(format === "pcapng" ? [fc.integer({ min: 0, max: 18_446_744_072 })] : []),
      ),
      nsec: fc.nat({ max: 999_999_999 }),
      data: fc.uint8Array({ maxLength: 90 }).map((bytes) => Buffer.from(bytes).toString("hex")),
      original: fc.nat({ max: 0xffffffff }),
      interface: format === "pcapng" ? fc.nat({ max: 2 }) : fc.constant(0),
    }),
    { maxLength: 30 },
  );

  test("what is written is read again, whatever it is", async () => {
    let round = 0;
    await fc.assert(
      fc.asyncProperty(packets, fc.integer({ min: 1, max: 9 }), async (list, batchSize) => {
        const name = `f${round++}`;
        const writer = await save(
          name,
          list,
          { format, interfaces: [ethernet, ethernet, ethernet] },
          batchSize,
        );
        expect(writer).toMatchObject({ packets: list.length, files: 1 });
        const found = await collect(at(name));
        expect(found).toMatchObject({ packets: list, damage: null, odd: 0, format });
        unlinkSync(at(name));
      }),
      { numRuns: 100 },
    );
  });

  test("more than the buffer holds, with packets as large as any, in one batch and row by row", async () => {
    const list = [
      ...somePackets(500),
      packet(1, 262_144),
      packet(2, 262_144),
      packet(3, 40_000),
      packet(4, 1),
    ];
    await save("one", list, { format }, list.length);
    expect(await read("one")).toEqual(list);
    await save("each", list, { format }, 1);
    expect(await read("each")).toEqual(list);
  });

  test("rows choose packets, in their order", async () => {
    const list = somePackets(20);
    const writer = await createCapture(at("f"), { format, interfaces: [ethernet] });
    await writer.write(batchOf(list), Int32Array.of(1, 5, 6, 19, 3, 0), 5);
    await writer.write(batchOf(list), Int32Array.of(2), 0);
    await writer.close();
    expect(await read("f")).toEqual([1, 5, 6, 19, 3].map((row) => list[row]));
    expect(writer.packets).toBe(5);
  });

  test("a reader may follow: complete from its beginning, whole records at every flush", async () => {
    const list = somePackets(12);
    const writer = await createCapture(at("f"), { format, interfaces: [ethernet] });
    expect(await read("f")).toEqual([]);
    for (let done = 0; done < list.length; done += 3) {
      await writer.write(batchOf(list.slice(done, done + 3)));
      await writer.flush();
      expect(await read("f")).toEqual(list.slice(0, done + 3));
    }
    await writer.close();
    await writer.close();
    expect(await read("f")).toEqual(list);
    expect((await failureOf(writer.write(batchOf(list)))).reason).toBe("is closed; write before that");
  });

  test("calls that are not waited for are carried out in their order", async () => {
    const list = somePackets(30);
    const writer = await createCapture(at("f"), { format, interfaces: [ethernet], rotation: { bytes: 700 } });
    const writes = list.map((one) => [writer.write(batchOf([one])), writer.flush()]);
    await Promise.all([...writes.flat(), writer.close()]);
    expect(files().length).toBe(writer.files);
    expect(await read(...Array.from({ length: writer.files }, (_, i) => (i ? `f${i}` : "f")))).toEqual(list);
  });

  test("a frame check sequence and the snapshot length are told", async () => {
    const interfaces = [{ linkType: 113, name: null, snapLength: 96, fcsBytes: 4 }];
    await save("f", somePackets(2), { format, interfaces });
    expect((await collect(at("f"))).interfaces).toEqual(interfaces);
  });
});

test("a pcap with microseconds is cut off there", async () => {
  await save("f", [packet(0, 60, { nsec: 123_456_789 })], { format: "pcap", nanoseconds: false });
  expect(readFileSync(at("f")).readUInt32LE(0)).toBe(0xa1b2c3d4);
  expect((await read("f"))[0].nsec).toBe(123_456_000);
});

test("interfaces that come to be known later are described before their packets", async () => {
  const interfaces = [ethernet];
  const writer = await createCapture(at("f"), { format: "pcapng", interfaces, rotation: { bytes: 600 } });
  const list = Array.from({ length: 12 }, (_, i) => packet(i, 60, { interface: i >> 2 }));
  for (const one of list) {
    if (one.interface === interfaces.length) interfaces.push({ ...ethernet, name: `eth${one.interface}` });
    await writer.write(batchOf([one]));
  }
  await writer.close();
  const names = ["f", "f1", "f2"];
  expect(files()).toEqual(names);
  expect(await read(...names)).toEqual(list);
  // Every file has all that were known when it ended.
  expect((await collect(at("f2"))).interfaces.map(({ name }) => name)).toEqual(["eth1", "eth1", "eth2"]);
});

test("as many interfaces as a batch can number: described, counted and used", async () => {
  const interfaces = Array.from({ length: 65_536 }, (_, i) => ({ ...ethernet, name: `eth${i}` }));
  const counts = () => interfaces.map((_, i) => ({ received: i, dropped: 0, droppedByDevice: 0 }));
  const list = [packet(0, 60, { interface: 65_535 }), packet(1, 61)];
  await save("f", list, { interfaces, counts });
  const found = await collect(at("f"));
  expect(found).toMatchObject({ packets: list, damage: null });
  expect(found.interfaces).toEqual(interfaces.map((one) => ({ ...one, fcsBytes: 0 })));
  // The last block counts the last interface.
  const last = readFileSync(at("f")).subarray(-64);
  expect([last.readUInt32LE(0), last.readUInt32LE(8), last.readUInt32LE(24)]).toEqual([5, 65_535, 65_535]);
});

test("what nobody counts is not said to be none", async () => {
  const interfaces = [{ ...ethernet, name: "e" }];
  const counts = () => [{ received: 7, dropped: null, droppedByDevice: null }];
  await save("f", [packet(0, 60)], { interfaces, counts });
  expect(await collect(at("f"))).toMatchObject({ packets: [packet(0, 60)], damage: null });
  // isb_ifrecv alone, and the end of the options.
  const block = readFileSync(at("f")).subarray(-40);
  expect([block.readUInt32LE(0), block.readUInt32LE(4)]).toEqual([5, 40]);
  expect([block.readUInt16LE(20), block.readUInt16LE(22), block.readUInt32LE(24)]).toEqual([4, 8, 7]);
  expect(block.readUInt32LE(32)).toBe(0);
});

test("padding is zero, whatever the buffer held before", async () => {
  const interfaces = [{ ...ethernet, name: "e" }];
  const origin = { application: "a" };
  const full = { ...packet(0, 200), data: "ff".repeat(200) };
  const odd = Array.from({ length: 3 }, (_, i) => ({ ...packet(i, 1 + i), data: "ff".repeat(1 + i) }));
  const writer = await createCapture(at("f"), {
    format: "pcapng",
    interfaces,
    origin,
    rotation: { bytes: 330 },
  });
  for (const one of [full, full, ...odd]) await writer.write(batchOf([one]));
  await writer.close();
  expect(files()).toEqual(["f", "f1", "f2"]);
  const begin = readFileSync(at("f")).subarray(0, -232);
  const second = readFileSync(at("f2"));
  // The same bytes as those of a buffer that was never used.
  expect(second.subarray(0, begin.length)).toEqual(begin);
  const ends = [3, 2, 1].map((left) =>
    second
      .subarray(second.length - 36 * left)
      .subarray(28, 32)
      .toString("hex"),
  );
  expect(ends).toEqual(["ff000000", "ffff0000", "ffffff00"]);
});

test("names of devices and programs are cut between characters", async () => {
  const name = `${"x".repeat(254)}\u00e9`;
  await save("f", somePackets(1), {
    interfaces: [{ ...ethernet, name }],
    origin: { hardware: "\u{1f600}".repeat(400), system: "a", application: "" },
  });
  expect((await collect(at("f"))).interfaces[0].name).toBe("x".repeat(254));
  expect(await read("f")).toEqual(somePackets(1));
});

test("comments and names of addresses lie where readers look for them, and packets are what they were", async () => {
  const comments = Array.from({ length: 40 }, (_, n) => "é".repeat(n % 3) + "c".repeat((n * 7) % 23));
  const longest = "x".repeat(65_535);
  comments.push(longest, "");
  const packets = comments.map((_, n) => packet(n, (n * 5) % 31));
  const text = Buffer.from(`${comments.join("|")}|...`);
  const batch = batchOf(packets);
  const lengths = comments.map((comment) => Buffer.byteLength(comment));
  const starts = lengths.map((_, n) => lengths.slice(0, n).reduce((sum, length) => sum + length + 1, 0));
  batch.comments = {
    view: new DataView(text.buffer, text.byteOffset, text.length),
    start: Int32Array.from(starts),
    length: Int32Array.from(lengths),
  };
  const writer = await createCapture(at("said"), { format: "pcapng", interfaces: [ethernet] });
  await writer.write(batchOf(packets));
  // Whatever the buffer holds, what pads is zero.
  await writer.flush();
  await writer.nameAddress({ address: Uint8Array.of(10, 0, 0, 1), name: "hôte" });
  await writer.nameAddress({ address: new Uint8Array(16).fill(0xfd), name: "n".repeat(300) });
  await writer.write(batch);
  await writer.close();
  expect(await read("said")).toEqual([...packets, ...packets]);
  const file = readFileSync(at("said"));
  const found: string[] = [];
  const names: string[] = [];
  for (let start = 0; start < file.length; start += file.readUInt32LE(start + 4)) {
    const end = start + file.readUInt32LE(start + 4) - 4;
    expect(file.readUInt32LE(end)).toBe(end + 4 - start);
    if (file.readUInt32LE(start) === 4) names.push(file.toString("hex", start + 8, end));
    if (file.readUInt32LE(start) !== 6) continue;
    const captured = file.readUInt32LE(start + 20);
    const options = start + 28 + ((captured + 3) & ~3);
    if (found.length < packets.length || options === end) {
      expect(options).toBe(end);
      found.push("");
      continue;
    }
    const length = file.readUInt16LE(options + 2);
    const behind = options + 4 + length;
    expect(file.readUInt16LE(options)).toBe(1);
    expect(file.toString("hex", behind, end)).toBe("00".repeat(end - behind));
    expect(end).toBe(options + 4 + ((length + 3) & ~3) + 4);
    found.push(file.toString("utf8", options + 4, behind));
  }
  expect(found).toEqual([...packets.map(() => ""), ...comments]);
  const ipv4 = `${Buffer.from([1, 0, 10, 0]).toString("hex")}0a000001${Buffer.from("hôte").toString("hex")}00`;
  expect(names).toEqual([
    `${ipv4}${"00".repeat(2)}00000000`,
    `0200${Buffer.from([16 + 255 + 1, 1]).toString("hex")}${"fd".repeat(16)}${"6e".repeat(255)}0000000000`,
  ]);
});

describe("rotation", () => {
  /** 20 packets, one a second, of 60 bytes: 76 in a pcap. */
  const list = Array.from({ length: 20 }, (_, i) => packet(i, 60));
  const pcap: Partial<WriteOptions> = { format: "pcap" };

  test.each([1, 3, 20])(
    "by size, in batches of %i: no file is larger, none could take one more",
    async (size) => {
      const bytes = 24 + 3 * 76 + 75;
      const writer = await save("f", list, { ...pcap, rotation: { bytes } }, size);
      expect(writer.files).toBe(7);
      const names = Array.from({ length: 7 }, (_, i) => (i === 0 ? "f" : `f${i}`));
      expect(files()).toEqual(names);
      expect(names.map((name) => readFileSync(at(name)).length)).toEqual([...Array(6).fill(252), 176]);
      expect(await read(...names)).toEqual(list);
    },
  );

  test("a packet larger than a file gets one of its own", async () => {
    const large = [packet(0, 10), packet(1, 500), packet(2, 501), packet(3, 10), packet(4, 10)];
    await save("f", large, { ...pcap, rotation: { bytes: 100 } });
    expect(files()).toEqual(["f", "f1", "f2", "f3"]);
    expect(await read("f", "f1", "f2", "f3")).toEqual(large);
    expect(await read("f3")).toHaveLength(2);
  });

  test("the size is that of the whole file, its last counts included", async () => {
    const counts = () => [{ received: 1, dropped: 2, droppedByDevice: 3 }];
    await save("f", list, { rotation: { bytes: 500 }, counts });
    for (const name of files()) {
      const { length } = readFileSync(at(name));
      expect(length).toBeLessThanOrEqual(500);
      if (name !== files().at(-1)) expect(length + 92).toBeGreaterThan(500);
    }
  });

  /** A packet with a comment of so many bytes. */
  function commented(one: TestPacket, length: number): PacketBatch {
    const batch = batchOf([one]);
    const view = new DataView(new Uint8Array(length + 3).fill(0x63).buffer);
    batch.comments = { view, start: Int32Array.of(0), length: Int32Array.of(length) };
    return batch;
  }

  test("comments count, and each file has the names that were told until then", async () => {
    const writer = await createCapture(at("f"), {
      format: "pcapng",
      interfaces: [ethernet],
      rotation: { bytes: 1500 },
    });
    for (const [n, one] of list.entries()) {
      if (n % 5 === 0) await writer.nameAddress({ address: Uint8Array.of(10, 0, 0, n), name: `hv${n}` });
      await writer.write(commented(one, 201));
    }
    await writer.close();
    expect(writer.files).toBeGreaterThan(3);
    const names = Array.from({ length: writer.files }, (_, i) => (i === 0 ? "f" : `f${i}`));
    expect(await read(...names)).toEqual(list);
    for (const name of names) {
      const { length } = readFileSync(at(name));
      expect(length).toBeLessThanOrEqual(1500);
      const held = await read(name);
      const last = list.findIndex(({ sec }) => sec === held.at(-1)?.sec);
      const told = list.flatMap((_, n) => (n % 5 === 0 && n <= last ? [`10.0.0.${n} hv${n}`] : []));
      const said = saidIn(at(name));
      expect(said.comments).toEqual(held.map(() => "c".repeat(201)));
      expect(said.names).toEqual(told);
    }
  });

  test.each([250, 600, 1500])("names leave a half of %i bytes to packets", async (bytes) => {
    const writer = await createCapture(at("f"), {
      format: "pcapng",
      interfaces: [ethernet],
      rotation: { bytes },
    });
    for (let n = 0; n < 40; n++)
      await writer.nameAddress({ address: Uint8Array.of(10, 0, 0, n), name: "n".repeat(255) });
    for (const one of list) await writer.write(commented(one, 30));
    await writer.close();
    const names = Array.from({ length: writer.files }, (_, i) => (i === 0 ? "f" : `f${i}`));
    expect(await read(...names)).toEqual(list);
    for (const name of names) expect(readFileSync(at(name)).length).toBeLessThanOrEqual(bytes);
    expect(writer.files).toBeLessThan(25);
  });

  test("a packet whose comment is larger than a file gets one of its own", async () => {
    const writer = await createCapture(at("f"), {
      format: "pcapng",
      interfaces: [ethernet],
      rotation: { bytes: 500 },
    });
    for (const [n, one] of list.slice(0, 3).entries())
      await writer.write(commented(one, n === 1 ? 4000 : 10));
    await writer.close();
    expect(files()).toEqual(["f", "f1", "f2"]);
    expect(saidIn(at("f1")).comments).toEqual(["c".repeat(4000)]);
    expect(await read("f", "f1", "f2")).toEqual(list.slice(0, 3));
  });

  test("by time: so many seconds from a file's first packet; a clock that is set back begins another", async () => {
    const seconds = [0, 1, 4, 5, 5, 30, 28, 34, 35, 2, 6, 7];
    const timed = seconds.map((second, i) =>
      packet(i, 60, { sec: 1_700_000_000 + second, nsec: 999_999_999 }),
    );
    const rotation = { seconds: 5 };
    await save("f-%s", timed, { ...pcap, rotation, start: 1_600_000_000 }, 5);
    const names = ["f-1600000000", ...[5, 30, 35, 2, 7].map((second) => `f-${1_700_000_000 + second}`)];
    expect(files()).toEqual([...names].sort());
    const sizes = await Promise.all(names.map(async (name) => (await read(name)).length));
    expect(sizes).toEqual([3, 2, 3, 1, 2, 1]);
    expect(await read(...names)).toEqual(timed);
  });

  test("a ring keeps the newest files, under tcpdump's names", async () => {
    const writer = await save("f", list, { ...pcap, rotation: { bytes: 252, files: 3 } });
    expect(writer.files).toBe(7);
    expect(files()).toEqual(["f0", "f1", "f2"]);
    expect(await read("f1", "f2", "f0")).toEqual(list.slice(12));
  });

  test("a ring of one file, a ring by time, a ring by both", async () => {
    await save("one", list, { ...pcap, rotation: { bytes: 252, files: 1 } });
    expect(files()).toEqual(["one"]);
    expect(await read("one")).toEqual(list.slice(18));
    await save("t-%s", list, { ...pcap, rotation: { seconds: 4, files: 2 }, start: 1_700_000_000 });
    expect(files()).toEqual(["one", "t-1700000012", "t-1700000016"]);
    expect(await read("t-1700000012", "t-1700000016")).toEqual(list.slice(12));
    await save("b-%s-", list, {
      ...pcap,
      rotation: { seconds: 8, bytes: 252, files: 4 },
      start: 1_700_000_000,
    });
    const both = ["b-1700000008-1", "b-1700000008-2", "b-1700000016-0", "b-1700000016-1"];
    expect(files()).toEqual([...both, "one", "t-1700000012", "t-1700000016"]);
    expect(await read(...both)).toEqual(list.slice(11));
  });

  test("whatever the packets, sizes and times: files in their order are the whole, none too large or too long", async () => {
    const packets = fc.array(fc.record({ after: fc.nat({ max: 6 }), bytes: fc.nat({ max: 300 }) }), {
      minLength: 1,
      maxLength: 40,
    });
    const rotations = fc.record(
      { bytes: fc.integer({ min: 250, max: 900 }), seconds: fc.integer({ min: 1, max: 9 }) },
      { requiredKeys: [] },
    );
    const formats = fc.constantFrom("pcap", "pcapng");
    let round = 0;
    await fc.assert(
      fc.asyncProperty(
        packets,
        rotations,
        formats,
        fc.nat({ max: 8 }),
        async (steps, rotation, format, size) => {
          let sec = 1_700_000_000;
          const list = steps.map(({ after, bytes }, i) => {
            sec += after;
            return packet(i, bytes, { sec });
          });
          const begun: string[] = [];
          const recorded: SaveFiles = {
            exists: diskFiles.exists,
            create: async (path, orDevice) => {
              const file = await diskFiles.create(path, orDevice);
              begun.push(path.slice(directory.length + 1));
              return file;
            },
          };
          const { bytes = Number.POSITIVE_INFINITY, seconds = Number.POSITIVE_INFINITY } = rotation;
          await save(`r${round++}-%S-`, list, { format, rotation, files: recorded }, size + 1);
          expect(await read(...begun)).toEqual(list);
          for (const name of begun) {
            const held = await read(name);
            expect(held.length).toBeGreaterThan(0);
            expect(held[held.length - 1].sec - held[0].sec).toBeLessThan(seconds);
            if (held.length > 1) expect(readFileSync(at(name)).length).toBeLessThanOrEqual(bytes);
          }
          for (const name of begun) unlinkSync(at(name));
        },
      ),
      { numRuns: 150 },
    );
  });

  test("whoever reads a file while it is removed keeps it", async () => {
    const writer = await createCapture(at("f"), {
      format: "pcap",
      interfaces: [ethernet],
      rotation: { bytes: 252, files: 1 },
    });
    await writer.write(batchOf(list.slice(0, 3)));
    await writer.flush();
    const reader = await openCapture(at("f"));
    await writer.write(batchOf(list.slice(3)));
    await writer.close();
    expect((await reader.next())?.count).toBe(3);
    await reader.close();
  });
});

describe("what is there stays", () => {
  const list = Array.from({ length: 20 }, (_, i) => packet(i, 60));
  const options = { format: "pcap", interfaces: [ethernet] } as const;

  test("a file of the name, a link to one, a link to nothing", async () => {
    writeFileSync(at("f"), "mine");
    symlinkSync("f", at("link"));
    symlinkSync("nothing", at("astray"));
    for (const name of ["f", "link", "astray"]) {
      const error = await failureOf(createCapture(at(name), options));
      expect(error).toMatchObject({ code: "ERR_CAPTURE_WRITE", file: at(name) });
      expect(error.reason).toBe("cannot be written: it exists, and what exists is not written over");
    }
    expect(files()).toEqual(["astray", "f", "link"]);
    expect(readFileSync(at("f"), "utf8")).toBe("mine");
  });

  test("a ring does not begin where one of its names is taken", async () => {
    writeFileSync(at("f2"), "mine");
    const rotation = { bytes: 252, files: 3 };
    expect((await failureOf(createCapture(at("f"), { ...options, rotation }))).file).toBe(at("f2"));
    expect(files()).toEqual(["f2"]);
  });

  test("names that are taken are passed over where numbers go on", async () => {
    for (const name of ["f", "f2", "f3"]) writeFileSync(at(name), "mine");
    await save("f", list.slice(0, 9), { ...options, rotation: { bytes: 252 } });
    expect(files()).toEqual(["f", "f1", "f2", "f3", "f4", "f5"]);
    expect(await read("f1", "f4", "f5")).toEqual(list.slice(0, 9));
    for (const name of ["f", "f2", "f3"]) expect(readFileSync(at(name), "utf8")).toBe("mine");
  });

  test.each<[string, (name: string) => void]>([
    ["after that was renamed", (name) => renameSync(at(name), at("moved"))],
    // Most file systems give its number to the next file.
    ["after that was removed", (name) => unlinkSync(at(name))],
  ])("a file that took the place of one of the ring's, %s, is not removed", async (_how, away) => {
    const writer = await createCapture(at("f"), { ...options, rotation: { bytes: 252, files: 2 } });
    await writer.write(batchOf(list.slice(0, 6)));
    away("f0");
    writeFileSync(at("f0"), "mine");
    const error = await failureOf(writer.write(batchOf(list.slice(6))));
    expect(error.message).toMatch(/f0: cannot be written: it exists/);
    await writer.close();
    expect(readFileSync(at("f0"), "utf8")).toBe("mine");
    expect(await read("f1")).toEqual(list.slice(3, 6));
  });

  test("a file of the ring that has gone is no fault", async () => {
    const writer = await createCapture(at("f"), { ...options, rotation: { bytes: 252, files: 2 } });
    await writer.write(batchOf(list.slice(0, 6)));
    unlinkSync(at("f0"));
    await writer.write(batchOf(list.slice(6, 9)));
    await writer.close();
    expect(await read("f1", "f0")).toEqual(list.slice(3, 9));
  });
});

describe("faults", () => {
  const list = somePackets(400);

  /** A disk that holds `space` bytes, and takes what it takes in odd pieces. */
  function smallDisk(space: number, code = "ENOSPC"): SaveFiles {
    let left = space;
    return {
      exists: diskFiles.exists,
      async create(path, orDevice) {
        const file = await diskFiles.create(path, orDevice);
        return {
          path,
          async write(bytes, start, length) {
            const taken = Math.min(length, left, 997);
            if (taken === 0) throw Object.assign(new Error("no\nspace"), { code });
            left -= taken;
            return await file.write(bytes, start, taken);
          },
          truncate: (length) => file.truncate(length),
          close: () => file.close(),
          remove: () => file.remove(),
        };
      },
    };
  }

  test.each(["pcap", "pcapng"] as const)(
    "a full disk: one line, and whole records of a %s stay",
    async (format) => {
      for (const space of [300, 4001, 4002, 4003, 4004, 4005, 20_000]) {
        const name = `f${space}`;
        const error = await failureOf(save(name, list, { format, files: smallDisk(space) }));
        expect(error.message).toBe(`${at(name)}: cannot be written: no space is left on the device`);
        expect(error.code).toBe("ERR_CAPTURE_WRITE");
        const packets = await read(name);
        expect(packets).toEqual(list.slice(0, packets.length));
        const next = list[packets.length].data.length / 2 + (format === "pcap" ? 16 : 36);
        expect(readFileSync(at(name)).length + next).toBeGreaterThan(space);
      }
    },
  );

  test("a writer that failed says so again, and closing it is no fault", async () => {
    const files = smallDisk(1000);
    const writer = await createCapture(at("f"), { format: "pcap", interfaces: [ethernet], files });
    await writer.write(batchOf(list));
    const error = await failureOf(writer.flush());
    expect(await failureOf(writer.flush())).toBe(error);
    expect(await failureOf(writer.write(batchOf(list)))).toBe(error);
    await writer.close();
  });

  test("a file that cannot even begin does not stay", async () => {
    await failureOf(save("f", [], { format: "pcap", files: smallDisk(23) }));
    expect(files()).toEqual([]);
    const rotation = { bytes: 10_000 };
    await failureOf(save("g", list, { format: "pcap", rotation, files: smallDisk(10_030) }));
    expect(files()).toEqual(["g", "g1"]);
    await failureOf(save("h", list, { format: "pcap", rotation, files: smallDisk(10_001) }));
    expect(files()).toEqual(["g", "g1", "h"]);
    const kept = await read("h");
    expect(kept).toEqual(list.slice(0, kept.length));
  });

  test.each([
    ["nowhere/f", "its directory does not exist"],
    [".", "it is a directory"],
    ["n\0ul", "its name holds a NUL"],
    ["x".repeat(300), "its name is too long"],
  ])("%j", async (name, words) => {
    const error = await failureOf(save(name, []));
    expect(error).toMatchObject({ code: "ERR_CAPTURE_WRITE", reason: `cannot be written: ${words}` });
  });

  test("names reach messages escaped", async () => {
    const error = await failureOf(
      createCapture("/nowhere/\u001b[2J\n", { format: "pcapng", interfaces: [] }),
    );
    expect(error.message).toBe("/nowhere/\\x1b[2J\\x0a: cannot be written: its directory does not exist");
  });

  test("a device that is there is written to, and stays where it takes nothing", async () => {
    const options = { format: "pcap", interfaces: [ethernet] } as const;
    // By links of their own: whatever goes wrong here, no device of the machine is touched.
    symlinkSync("/dev/null", at("null"));
    symlinkSync("/dev/full", at("full"));
    const nowhere = await createCapture(at("null"), options);
    await nowhere.write(batchOf(list));
    await nowhere.close();
    const error = await failureOf(createCapture(at("full"), options));
    expect(error.message).toBe(`${at("full")}: cannot be written: no space is left on the device`);
    expect(files()).toEqual(["full", "null"]);
  });

  test.each<[string, Partial<WriteOptions>, RegExp]>([
    ["f", { format: "pcap", interfaces: [] }, /a pcap cannot begin before its interface is known/],
    ["-", { rotation: { bytes: 1000 } }, /standard output is one file/],
    ["f", { rotation: { bytes: 60 } }, /its interfaces alone take \d+ bytes of a file, and it may have 60/],
    [
      "f",
      { format: "pcap", interfaces: [ethernet, { ...ethernet, linkType: 113 }] },
      /link types 1 and 113, a pcap/,
    ],
    [
      "f",
      { format: "pcap", interfaces: [ethernet, { ...ethernet, fcsBytes: 4 }] },
      /with and without a frame check/,
    ],
    [
      "f",
      { format: "pcap", interfaces: [{ ...ethernet, fcsBytes: 3 }] },
      /sequence of 3 bytes, which a pcap/,
    ],
  ])("%s with %j", async (name, options, message) => {
    const path = name === "-" ? name : at(name);
    const error = await failureOf(
      createCapture(path, { format: "pcapng", interfaces: [ethernet], ...options }),
    );
    expect(error.message).toMatch(message);
    expect(files()).toEqual([]);
  });

  test.each<[string, Partial<TestPacket>, WriteOptions["format"], RegExp]>([
    ["after 2106 in a pcap", { sec: 2 ** 32 }, "pcap", /packet 4 was captured 4294967296 seconds after 1970/],
    ["before 1970", { sec: -1 }, "pcapng", /packet 4 was captured -1 seconds after 1970/],
    ["after 2554", { sec: 2 ** 53 }, "pcapng", /outside the 0 to 18446744072 that a pcapng can tell/],
    ["too large", packet(0, 262_145), "pcap", /packet 4 has 262145 captured bytes, more than the 262144/],
  ])("a packet %s: those before it are there", async (_what, one, format, message) => {
    const rotation = { seconds: 5 };
    const work = save("f", [...list.slice(0, 3), { ...packet(3, 60), ...one }], { format, rotation });
    expect(await failureOf(work)).toMatchObject({
      code: "ERR_CAPTURE_UNFIT",
      message: expect.stringMatching(message),
    });
    expect(await read("f")).toEqual(list.slice(0, 3));
  });

  test("an interface that does not fit a pcap: the packets before it are there", async () => {
    const interfaces = [ethernet];
    const writer = await createCapture(at("f"), { format: "pcap", interfaces });
    await writer.write(batchOf(list.slice(0, 5)));
    interfaces.push({ ...ethernet, linkType: 276 });
    expect((await failureOf(writer.write(batchOf(list)))).code).toBe("ERR_CAPTURE_UNFIT");
    expect(await read("f")).toEqual(list.slice(0, 5));
  });
});

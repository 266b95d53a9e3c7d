import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type GeneveOptionRecord,
  type GeneveRecord,
  GeneveView,
  geneveBytes,
  Reason,
  writeGeneve,
  writeGeneveOption,
} from "../../src/wire/index.js";
import { type PacketName, packetBytes, packetView } from "../vectors/packets.js";
import {
  amid,
  amidHex,
  bindEachLength,
  bytesWith,
  expectBytesRoundTrip,
  expectRecordRoundTrip,
  expectRefusals,
  refusal,
  uint,
  words,
  written,
} from "./helpers.js";

/** Where Geneve starts in the vectors without tags over IPv4. */
const AT = 14 + 20 + 8;

const ping: GeneveRecord = {
  version: 0,
  oam: false,
  critical: true,
  reservedBits: 0,
  protocolType: 0x6558,
  vni: 1,
  reserved: 0,
  options: [{ optionClass: 0x0102, type: 0x80, reserved: 0, data: new Uint8Array([0, 1, 0, 2]) }],
  optionsRest: new Uint8Array(0),
};

function bound(name: PacketName): { geneve: GeneveView; reason: Reason; end: number } {
  const view = packetView(name);
  const geneve = new GeneveView();
  return { geneve, reason: geneve.bind(view, AT, view.byteLength), end: view.byteLength };
}

/** Class, type, data offset and data length of each option the cursor finds. */
function walked(geneve: GeneveView): number[][] {
  const found: number[][] = [];
  for (let more = geneve.firstOption(); more; more = geneve.nextOption())
    found.push([
      geneve.optionClass,
      geneve.optionType,
      geneve.optionDataStart,
      geneve.optionDataEnd - geneve.optionDataStart,
    ]);
  return found;
}

describe("GeneveView", () => {
  it("reads the published echo request", () => {
    const { geneve, reason, end } = bound("echoRequest");
    expect(reason).toBe(Reason.ok);
    expect(geneve.toRecord()).toEqual(ping);
    expect([geneve.optLen, geneve.payloadStart, geneve.payloadEnd]).toEqual([2, AT + 16, end]);
    expect([geneve.optionReason, geneve.anyOptionCritical]).toEqual([Reason.ok, true]);
    expect(walked(geneve)).toEqual([[0x0102, 0x80, AT + 12, 4]]);
  });

  it("reads every reserved bit and both flags", () => {
    const { geneve, reason } = bound("reservedBits");
    expect(reason).toBe(Reason.ok);
    expect(geneve.toRecord()).toMatchObject({
      version: 0,
      oam: true,
      critical: true,
      reservedBits: 63,
      vni: 0xffffff,
      reserved: 255,
    });
    expect(geneve.firstOption()).toBe(true);
    expect([geneve.optionReserved, geneve.optionCritical]).toEqual([7, true]);
  });

  it("tells the flags apart", () => {
    const geneve = new GeneveView();
    const read = (flags: string) => {
      const { view, start, end } = amidHex(`00 ${flags} 0800 00000000`);
      geneve.bind(view, start, end);
      return [geneve.oam, geneve.critical, geneve.reservedBits, geneve.vni, geneve.reserved];
    };
    expect(read("80")).toEqual([true, false, 0, 0, 0]);
    expect(read("40")).toEqual([false, true, 0, 0, 0]);
    expect(read("2a")).toEqual([false, false, 42, 0, 0]);
  });

  it("walks two options, and the cursor rewinds", () => {
    const { geneve } = bound("twoOptions");
    const expected = [
      [0x0100, 0x01, AT + 12, 4],
      [0x0102, 0x80, AT + 20, 4],
    ];
    expect(walked(geneve)).toEqual(expected);
    expect(walked(geneve)).toEqual(expected);
    geneve.firstOption();
    expect([geneve.optionCritical, geneve.anyOptionCritical, geneve.optionReason]).toEqual([
      false,
      true,
      Reason.ok,
    ]);
    // Neither of the two getters moves the cursor.
    expect(geneve.optionClass).toBe(0x0100);
  });

  it("walks 63 options without data to their end", () => {
    const { geneve, reason } = bound("emptyOptions");
    expect(reason).toBe(Reason.ok);
    const found = walked(geneve);
    expect(found).toHaveLength(63);
    expect(found[62]).toEqual([0xff00, 1, AT + 8 + 252, 0]);
    expect([geneve.optionReason, geneve.payloadStart, geneve.anyOptionCritical]).toEqual([
      Reason.ok,
      AT + 260,
      false,
    ]);
    expect(geneve.nextOption()).toBe(false);
    expect(geneve.nextOption()).toBe(false);
  });

  it("has no option when Opt Len is 0", () => {
    const { geneve, reason } = bound("bfd");
    expect(reason).toBe(Reason.ok);
    expect([geneve.vni, geneve.optLen, geneve.firstOption(), geneve.optionReason]).toEqual([
      0,
      0,
      false,
      Reason.ok,
    ]);
  });

  it("gives a reason for every length of a header", () => {
    const geneve = new GeneveView();
    const header = packetBytes("echoRequest").slice(AT, AT + 16);
    const reasons = bindEachLength(header, (view, start, end) => {
      const reason = geneve.bind(view, start, end);
      // Nothing the view says lies behind the end, and nothing is read from there.
      expect(geneve.optionsEnd).toBeLessThanOrEqual(Math.max(end, start + 8));
      if (reason !== Reason.short) {
        expect(geneve.vni).toBe(1);
        expect(geneve.payloadStart).toBe(end);
        expect(walked(geneve)).toHaveLength(end - start === 16 ? 1 : 0);
        expect(geneve.optionReason).toBe(end - start === 16 ? Reason.ok : Reason.badOption);
        expect(geneve.anyOptionCritical).toBe(end - start === 16);
      }
      return reason;
    });
    expect(reasons).toEqual([
      ...Array(8).fill(Reason.short),
      ...Array(8).fill(Reason.badHeaderLength),
      Reason.ok,
    ]);
  });

  it("keeps the whole options of a header that is cut in the next one", () => {
    const { view, start } = amid(packetBytes("twoOptions").slice(AT, AT + 24));
    const geneve = new GeneveView();
    expect(geneve.bind(view, start, start + 22)).toBe(Reason.badHeaderLength);
    expect(walked(geneve).map(([optionClass]) => optionClass)).toEqual([0x0100]);
    expect(geneve.optionReason).toBe(Reason.badOption);
  });
});

describe("five faults of a well-known decoder", () => {
  it("a header of 7 bytes is short, not a crash", () => {
    const { geneve, reason, end } = bound("shortHeader");
    expect(end - AT).toBe(7);
    expect(reason).toBe(Reason.short);
    expect(geneve.firstOption()).toBe(false);
  });

  it("Opt Len of 4 bytes with 3 there is a bad header length, not a crash", () => {
    const { geneve, reason, end } = bound("shortOptions");
    expect(end - AT).toBe(11);
    expect(reason).toBe(Reason.badHeaderLength);
    expect([geneve.optLen, geneve.firstOption(), geneve.optionReason]).toEqual([1, false, Reason.badOption]);
  });

  it("version 1 is 1 and version 2 is 2", () => {
    for (const [name, version] of [
      ["version1", 1],
      ["version2", 2],
    ] as const) {
      const { geneve, reason } = bound(name);
      expect(reason).toBe(Reason.badVersion);
      // The other fields stay readable, and the header writes back.
      expect([geneve.version, geneve.vni, geneve.optLen, geneve.payloadStart]).toEqual([
        version,
        1,
        2,
        AT + 16,
      ]);
      const record = geneve.toRecord();
      expect(record).toMatchObject({ version, options: [] });
      expect(written(16, (view, offset) => writeGeneve(view, offset, record))).toEqual(
        packetBytes(name).slice(AT, AT + 16),
      );
    }
  });

  it("252 bytes of options are 252, not 252 modulo something", () => {
    const { geneve, reason } = bound("longOptions");
    expect(reason).toBe(Reason.ok);
    expect([geneve.optLen, geneve.payloadStart, geneve.optionReason]).toEqual([63, AT + 260, Reason.ok]);
    expect(walked(geneve)).toEqual([
      [0xff00, 0x01, AT + 12, 124],
      [0xff01, 0x02, AT + 12 + 128, 112],
      [0x0102, 0x80, AT + 12 + 128 + 116, 4],
    ]);
  });

  it("an option that overruns Opt Len is not accepted, and the payload is still where Opt Len puts it", () => {
    const { geneve, reason } = bound("optionOverrun");
    expect(reason).toBe(Reason.ok);
    expect(geneve.optionReason).toBe(Reason.badOption);
    expect([geneve.firstOption(), geneve.anyOptionCritical, geneve.payloadStart]).toEqual([
      false,
      false,
      AT + 16,
    ]);
    const record = geneve.toRecord();
    expect(record.options).toEqual([]);
    expect(Buffer.from(record.optionsRest).toString("hex")).toBe("0102800200010002");
  });
});

describe("writeGeneve", () => {
  it("writes the published header", () => {
    const bytes = written(16, (view, offset) => writeGeneve(view, offset, ping));
    expect(Buffer.from(bytes).toString("hex")).toBe("02406558000001000102800100010002");
  });

  it("refuses what does not fit", () => {
    expectRefusals(
      "geneve",
      ping,
      [
        ["version", 3, "version"],
        ["reservedBits", 63, "reserved bits"],
        ["protocolType", 0xffff, "protocol type"],
        ["vni", 0xffffff, "vni"],
        ["reserved", 0xff, "reserved"],
      ],
      16,
      writeGeneve,
    );
    expectRefusals(
      "geneve",
      ping.options[0] as GeneveOptionRecord,
      [
        ["optionClass", 0xffff, "option class"],
        ["type", 0xff, "option type"],
        ["reserved", 7, "option reserved bits"],
      ],
      8,
      writeGeneveOption,
    );
    const view = new DataView(new ArrayBuffer(512));
    const option = (bytes: number) => ({ optionClass: 1, type: 1, reserved: 0, data: new Uint8Array(bytes) });
    const withOptions =
      (...sizes: number[]) =>
      () =>
        writeGeneve(view, 0, { ...ping, options: sizes.map(option) });
    expect(withOptions(124, 120)()).toBe(260);
    expect(refusal(withOptions(124, 124))).toMatchObject({ field: "options", limit: 252 });
    expect(refusal(withOptions(3))).toMatchObject({ field: "options" });
    expect(refusal(withOptions(2, 2))).toMatchObject({ field: "option data" });
    expect(refusal(withOptions(128))).toMatchObject({ field: "option data", limit: 124 });
    const rest = (bytes: number) => () =>
      writeGeneve(view, 0, { ...ping, optionsRest: new Uint8Array(bytes) });
    expect(rest(244)()).toBe(260);
    expect(refusal(rest(1))).toMatchObject({ field: "options" });
    expect(refusal(rest(248))).toMatchObject({ field: "options" });
  });
});

describe("Geneve round trips", () => {
  const options = fc.array(
    fc.record({ optionClass: uint(16), type: uint(8), reserved: uint(3), data: words(11) }),
    { maxLength: 5 },
  );
  const records = fc.record({
    version: fc.constant(0),
    oam: fc.boolean(),
    critical: fc.boolean(),
    reservedBits: uint(6),
    protocolType: uint(16),
    vni: uint(24),
    reserved: uint(8),
    options,
    optionsRest: fc.constant(new Uint8Array(0)),
  });
  it("record → bytes → record", () => {
    expectRecordRoundTrip(records, geneveBytes, writeGeneve, new GeneveView());
  });
  it("the longest option, alone", () => {
    const data = new Uint8Array(124).fill(7);
    const record = { ...ping, options: [{ optionClass: 0xffff, type: 0xff, reserved: 7, data }] };
    expectRecordRoundTrip(fc.constant(record), geneveBytes, writeGeneve, new GeneveView());
  });
  it("bytes → record → bytes, whatever the option bytes say", () => {
    for (const first of [0x00, 0x02, 0x05, 0x0f, 0x3f, 0x42, 0xc1])
      expectBytesRoundTrip(bytesWith(260, 280, { 0: first }), writeGeneve, new GeneveView(), [
        Reason.badVersion,
      ]);
  });
  it("the walk agrees with a walk written another way, for any option bytes", () => {
    fc.assert(
      fc.property(words(63), (bytes) => {
        const { view, start, end } = amid(
          new Uint8Array([bytes.length / 4, 0, 0x65, 0x58, 0, 0, 1, 0, ...bytes]),
        );
        const geneve = new GeneveView();
        expect(geneve.bind(view, start, end)).toBe(Reason.ok);
        const expected: number[][] = [];
        let left = [...bytes];
        while (left.length >= 4 && left.length >= 4 + ((left[3] as number) % 32) * 4) {
          const size = ((left[3] as number) % 32) * 4;
          const at = end - left.length + 4;
          expected.push([(left[0] as number) * 256 + (left[1] as number), left[2] as number, at, size]);
          left = left.slice(4 + size);
        }
        expect(walked(geneve)).toEqual(expected);
        expect(geneve.optionReason).toBe(left.length === 0 ? Reason.ok : Reason.badOption);
        expect(geneve.anyOptionCritical).toBe(expected.some(([, type]) => (type as number) >= 128));
      }),
    );
  });
});

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type EthernetRecord,
  EthernetView,
  ethernetBytes,
  isTpid,
  Reason,
  writeEthernet,
} from "../../src/wire/index.js";
import { hexBytes, packetView } from "../vectors/packets.js";
import {
  amidHex,
  bindEachLength,
  bytesWith,
  expectBytesRoundTrip,
  expectRecordRoundTrip,
  expectRefusals,
  macText,
  plainEtherType,
  refusal,
  vlanTags,
  written,
} from "./helpers.js";

const untagged: EthernetRecord = {
  destination: "52:54:00:ac:67:5b",
  source: "52:54:00:13:e0:a2",
  tags: [],
  etherType: 0x0800,
};

describe("EthernetView", () => {
  it("reads the published echo request", () => {
    const view = packetView("echoRequest");
    const ethernet = new EthernetView();
    expect(ethernet.bind(view, 0, view.byteLength)).toBe(Reason.ok);
    expect(ethernet.toRecord()).toEqual(untagged);
    expect([ethernet.payloadStart, ethernet.payloadEnd]).toEqual([14, 156]);
    expect([ethernet.destinationBits, ethernet.sourceBits]).toEqual([0x5254_00ac_675b, 0x5254_0013_e0a2]);
    expect([ethernet.tagCount, ethernet.vlan]).toEqual([0, -1]);
  });

  it("reads a stack of tags from the outermost in", () => {
    const view = packetView("vlanTcpSyn");
    const ethernet = new EthernetView();
    expect(ethernet.bind(view, 0, view.byteLength)).toBe(Reason.ok);
    expect(ethernet.toRecord().tags).toEqual([
      { tpid: 0x88a8, priority: 0, dropEligible: false, vlan: 10 },
      { tpid: 0x8100, priority: 5, dropEligible: true, vlan: 20 },
    ]);
    expect([ethernet.payloadStart, ethernet.etherType, ethernet.tagCount, ethernet.vlan]).toEqual([
      22, 0x0800, 2, 10,
    ]);
  });

  it("says short for every length below its header, cut tags included, and never reads behind the end", () => {
    const ethernet = new EthernetView();
    const bind = (view: DataView, start: number, end: number) => ethernet.bind(view, start, end);
    const plain = hexBytes("525400ac675b52540013e0a20800");
    expect(bindEachLength(plain, bind)).toEqual([...Array(14).fill(Reason.short), Reason.ok]);
    const tagged = hexBytes("525400ac675b52540013e0a288a8000a8100b01491000001" + "86dd");
    expect(bindEachLength(tagged, bind)).toEqual([...Array(26).fill(Reason.short), Reason.ok]);
  });

  it("ends an 802.3 payload where the length says", () => {
    const view = packetView("llc");
    const ethernet = new EthernetView();
    expect(ethernet.bind(view, 0, view.byteLength)).toBe(Reason.ok);
    expect([ethernet.etherType, ethernet.payloadStart, ethernet.payloadEnd, view.byteLength]).toEqual([
      38, 14, 52, 60,
    ]);
    expect(ethernet.bind(view, 0, 51)).toBe(Reason.lengthBeyondData);
    expect([ethernet.etherType, ethernet.payloadEnd]).toEqual([38, 51]);
  });

  it("takes 1535 as a length and 1536 as an EtherType", () => {
    const ethernet = new EthernetView();
    const length = amidHex("525400ac675b52540013e0a205ff00");
    expect(ethernet.bind(length.view, length.start, length.end)).toBe(Reason.lengthBeyondData);
    const type = amidHex("525400ac675b52540013e0a2060000");
    expect(ethernet.bind(type.view, type.start, type.end)).toBe(Reason.ok);
  });

  it("reads 10,000 tags, in time that grows with their number only", () => {
    const stack = (count: number): DataView => {
      const tags = Array.from({ length: count }, (_, index) => ({
        tpid: [0x8100, 0x88a8, 0x9100][index % 3] as number,
        priority: index % 8,
        dropEligible: index % 2 === 0,
        vlan: index % 4096,
      }));
      const record = { ...untagged, tags };
      const view = new DataView(new ArrayBuffer(14 + 4 * count));
      expect(writeEthernet(view, 0, record)).toBe(view.byteLength);
      return view;
    };
    const view = stack(10_000);
    const ethernet = new EthernetView();
    expect(ethernet.bind(view, 0, view.byteLength)).toBe(Reason.ok);
    expect([ethernet.tagCount, ethernet.etherType, ethernet.payloadStart]).toEqual([10_000, 0x0800, 40_014]);
    const { tags } = ethernet.toRecord();
    expect(tags).toHaveLength(10_000);
    expect(tags[9_999]).toEqual({ tpid: 0x8100, priority: 7, dropEligible: false, vlan: 1807 });
    expect(ethernet.bind(view, 0, view.byteLength - 1)).toBe(Reason.short);
    // Quadratic, a million tags would take minutes.
    const long = stack(1_000_000);
    const began = performance.now();
    expect(ethernet.bind(long, 0, long.byteLength)).toBe(Reason.ok);
    expect(ethernet.tagCount).toBe(1_000_000);
    expect(performance.now() - began).toBeLessThan(2_000);
  });
});

describe("writeEthernet", () => {
  it("writes the tags it is given, bit for bit", () => {
    const record = {
      ...untagged,
      tags: [
        { tpid: 0x88a8, priority: 0, dropEligible: false, vlan: 10 },
        { tpid: 0x8100, priority: 5, dropEligible: true, vlan: 20 },
      ],
    };
    const bytes = written(22, (view, offset) => writeEthernet(view, offset, record));
    expect(Buffer.from(bytes).toString("hex")).toBe("525400ac675b52540013e0a288a8000a8100b0140800");
  });

  it("refuses what does not fit", () => {
    expectRefusals("ethernet", untagged, [["etherType", 0xffff, "ether type"]], 14, writeEthernet);
    const tagged = (change: object) => () =>
      writeEthernet(new DataView(new ArrayBuffer(18)), 0, {
        ...untagged,
        tags: [{ tpid: 0x8100, priority: 7, dropEligible: true, vlan: 4095, ...change }],
      });
    expect(tagged({})()).toBe(18);
    expect(refusal(tagged({ priority: 8 }))).toMatchObject({ field: "vlan priority", limit: 7 });
    expect(refusal(tagged({ vlan: 4096 }))).toMatchObject({ field: "vlan id", limit: 4095 });
    expect(refusal(tagged({ tpid: 0x0800 }))).toMatchObject({ field: "tpid" });
    expect(
      refusal(() => writeEthernet(new DataView(new ArrayBuffer(14)), 0, { ...untagged, source: "x" })),
    ).toMatchObject({ code: "ERR_WIRE_SYNTAX" });
  });
});

describe("Ethernet round trips", () => {
  const records = fc.record({
    destination: macText,
    source: macText,
    tags: vlanTags,
    etherType: plainEtherType,
  });
  it("record → bytes → record", () => {
    expectRecordRoundTrip(records, ethernetBytes, writeEthernet, new EthernetView());
  });
  it("bytes → record → bytes", () => {
    expectBytesRoundTrip(bytesWith(14, 60), writeEthernet, new EthernetView(), [Reason.lengthBeyondData]);
    expectBytesRoundTrip(
      bytesWith(30, 60, { 12: 0x81, 13: 0, 16: 0x88, 17: 0xa8 }),
      writeEthernet,
      new EthernetView(),
      [Reason.lengthBeyondData],
    );
  });
  it("knows three tag types", () => {
    expect([0x8100, 0x88a8, 0x9100, 0x8101, 0x0800].map(isTpid)).toEqual([true, true, true, false, false]);
  });
});

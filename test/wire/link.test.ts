/** Link headers other than Ethernet: Linux cooked captures, BSD loopback, and the registry of link types. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  isKnownLinkType,
  LinkType,
  linkTypeName,
  NullView,
  Reason,
  type Sll2Record,
  Sll2View,
  type SllRecord,
  SllView,
  sll2Bytes,
  sllBytes,
  writeNull,
  writeSll,
  writeSll2,
} from "../../src/wire/index.js";
import { packetBytes, packetView } from "../vectors/packets.js";
import {
  amidHex,
  bindEachLength,
  bytesWith,
  expectBytesRoundTrip,
  expectRecordRoundTrip,
  expectRefusals,
  plainEtherType,
  refusal,
  uint,
  vlanTags,
} from "./helpers.js";

const sll: SllRecord = {
  packetType: 4,
  hardwareType: 1,
  addressLength: 6,
  address: new Uint8Array([0x52, 0x54, 0, 0x13, 0xe0, 0xa2, 0, 0]),
  tags: [],
  etherType: 0x0800,
};
const sll2: Sll2Record = { ...sll, reserved: 0, interfaceIndex: 3 };

describe("cooked captures", () => {
  it("version 1 is read", () => {
    const view = packetView("cooked");
    const header = new SllView();
    expect(header.bind(view, 0, view.byteLength)).toBe(Reason.ok);
    expect(header.toRecord()).toEqual(sll);
    expect([header.payloadStart, header.payloadEnd]).toEqual([16, view.byteLength]);
  });
  it("version 2 is read", () => {
    const view = packetView("cooked2");
    const header = new Sll2View();
    expect(header.bind(view, 0, view.byteLength)).toBe(Reason.ok);
    expect(header.toRecord()).toEqual(sll2);
    expect([header.payloadStart, header.payloadEnd]).toEqual([20, view.byteLength]);
  });
  it("tags behind either header are read", () => {
    const tag = { tpid: 0x8100, priority: 5, dropEligible: true, vlan: 20 };
    const one = amidHex("0004 0001 0006 52540013e0a20000 8100 b014 86dd");
    const v1 = new SllView();
    expect(v1.bind(one.view, one.start, one.end)).toBe(Reason.ok);
    expect(v1.toRecord()).toEqual({ ...sll, tags: [tag], etherType: 0x86dd });
    const two = amidHex("8100 0000 00000003 0001 04 06 52540013e0a20000 b014 86dd");
    const v2 = new Sll2View();
    expect(v2.bind(two.view, two.start, two.end)).toBe(Reason.ok);
    expect(v2.toRecord()).toEqual({ ...sll2, tags: [tag], etherType: 0x86dd });
    expect([v2.tagCount, v2.payloadStart]).toEqual([1, two.end]);
  });
  it("every shorter length is short", () => {
    const v1 = new SllView();
    const v2 = new Sll2View();
    expect(
      bindEachLength(packetBytes("cooked").slice(0, 16), (view, start, end) => v1.bind(view, start, end)),
    ).toEqual([...Array(16).fill(Reason.short), Reason.ok]);
    expect(
      bindEachLength(packetBytes("cooked2").slice(0, 20), (view, start, end) => v2.bind(view, start, end)),
    ).toEqual([...Array(20).fill(Reason.short), Reason.ok]);
    const tagged = amidHex("8100 0000 00000003 0001 04 06 52540013e0a20000 b014 86");
    expect(v2.bind(tagged.view, tagged.start, tagged.end)).toBe(Reason.short);
  });
  it("what does not fit is refused", () => {
    expectRefusals(
      "sll",
      sll,
      [
        ["packetType", 0xffff, "packet type"],
        ["hardwareType", 0xffff, "hardware type"],
        ["addressLength", 0xffff, "address length"],
        ["etherType", 0xffff, "ether type"],
      ],
      16,
      writeSll,
    );
    expectRefusals(
      "sll2",
      sll2,
      [
        ["reserved", 0xffff, "reserved"],
        ["interfaceIndex", 0xffff_ffff, "interface index"],
        ["hardwareType", 0xffff, "hardware type"],
        ["packetType", 0xff, "packet type"],
        ["addressLength", 0xff, "address length"],
        ["etherType", 0xffff, "ether type"],
      ],
      20,
      writeSll2,
    );
    const bad = { ...sll2, address: new Uint8Array(6) };
    expect(refusal(() => writeSll(new DataView(new ArrayBuffer(30)), 0, bad))).toMatchObject({
      field: "address",
    });
    expect(refusal(() => writeSll2(new DataView(new ArrayBuffer(30)), 0, bad))).toMatchObject({
      field: "address",
      limit: 8,
    });
  });
  it("round trips lose nothing", () => {
    const common = {
      packetType: uint(8),
      hardwareType: uint(16),
      addressLength: uint(8),
      address: fc.uint8Array({ minLength: 8, maxLength: 8 }),
      tags: vlanTags,
      etherType: plainEtherType,
    };
    expectRecordRoundTrip(fc.record(common), sllBytes, writeSll, new SllView());
    expectRecordRoundTrip(
      fc.record({ ...common, reserved: uint(16), interfaceIndex: uint(32) }),
      sll2Bytes,
      writeSll2,
      new Sll2View(),
    );
    expectBytesRoundTrip(bytesWith(16, 40), writeSll, new SllView());
    expectBytesRoundTrip(bytesWith(24, 40, { 14: 0x91, 15: 0 }), writeSll, new SllView());
    expectBytesRoundTrip(bytesWith(20, 40), writeSll2, new Sll2View());
    expectBytesRoundTrip(bytesWith(24, 40, { 0: 0x81, 1: 0 }), writeSll2, new Sll2View());
  });
});

describe("BSD loopback", () => {
  it.each([
    ["02000000", 2, true, 0x0800],
    ["00000002", 2, false, 0x0800],
    ["1e000000", 30, true, 0x86dd],
    ["0000001e", 30, false, 0x86dd],
    ["18000000", 24, true, 0x86dd],
    ["1c000000", 28, true, 0x86dd],
    ["0000000a", 10, false, 0x86dd],
    ["07000000", 7, true, 0],
    ["00010000", 256, true, 0],
    ["0000ffff", 0xffff, false, 0],
  ])("%s is family %i, little-endian %s", (hex, family, littleEndian, etherType) => {
    const { view, start, end } = amidHex(`${hex}45`);
    const header = new NullView();
    expect(header.bind(view, start, end)).toBe(Reason.ok);
    expect(header.toRecord()).toEqual({ family, littleEndian });
    expect([header.etherType, header.payloadStart, header.payloadEnd]).toEqual([etherType, start + 4, end]);
  });
  it("every shorter length is short; what does not fit is refused; round trips lose nothing", () => {
    const header = new NullView();
    expect(bindEachLength(new Uint8Array(4), (view, start, end) => header.bind(view, start, end))).toEqual([
      1, 1, 1, 1, 0,
    ]);
    const record = { family: 2, littleEndian: true };
    expectRefusals("null", record, [["family", 0xffff_ffff, "family"]], 4, writeNull);
    expectRecordRoundTrip(
      fc.record({ family: fc.integer({ min: 1, max: 0xffff }), littleEndian: fc.boolean() }),
      () => 4,
      writeNull,
      header,
    );
    expectBytesRoundTrip(bytesWith(4, 8), writeNull, header);
  });
});

describe("link types", () => {
  it("have their registered numbers and names", () => {
    const named = [0, 1, 12, 14, 101, 108, 113, 228, 229, 276].map((type) => [type, linkTypeName(type)]);
    expect(named).toEqual([
      [0, "NULL"],
      [1, "ETHERNET"],
      [12, "RAW"],
      [14, "RAW"],
      [101, "RAW"],
      [108, "LOOP"],
      [113, "LINUX_SLL"],
      [228, "IPV4"],
      [229, "IPV6"],
      [276, "LINUX_SLL2"],
    ]);
    expect(Object.values(LinkType).every(isKnownLinkType)).toBe(true);
    expect([isKnownLinkType(147), linkTypeName(147)]).toEqual([false, "147"]);
  });
});

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  findOvnOption,
  GeneveView,
  OVN_OPTION_BYTES,
  OvnOptionView,
  ovnOption,
  Reason,
  writeGeneveOption,
  writeOvnOptionData,
} from "../../src/wire/index.js";
import { type PacketName, packetView } from "../vectors/packets.js";
import { amidHex, bindEachLength, expectRefusals, uint, written } from "./helpers.js";

/** VNI, ingress and egress of a vector over IPv4 without tags, or null without OVN's option. */
function keys(name: PacketName): (number | null)[] {
  const view = packetView(name);
  const geneve = new GeneveView();
  geneve.bind(view, 42, view.byteLength);
  if (!findOvnOption(geneve)) return [geneve.vni, null];
  const option = new OvnOptionView();
  expect(option.bind(view, geneve.optionDataStart, geneve.optionDataEnd)).toBe(Reason.ok);
  return [geneve.vni, option.reserved, option.ingress, option.egress];
}

describe("OvnOptionView", () => {
  it.each([
    ["echoRequest", [1, 0, 1, 2]],
    ["echoReply", [1, 0, 2, 1]],
    ["routedRequest", [8, 0, 2, 1]],
    ["routedReply", [7, 0, 2, 1]],
    ["arpFlood", [1, 0, 1, 32768]],
    ["twoOptions", [1, 0, 1, 2]],
    ["longOptions", [1, 0, 1, 2]],
    ["reservedBits", [0xffffff, 1, 32767, 65535]],
    ["bfd", [0, null]],
    ["emptyOptions", [1, null]],
    ["optionOverrun", [1, null]],
  ] as const)("%s is for %j (VNI, reserved, ingress, egress)", (name, expected) => {
    expect(keys(name)).toEqual(expected);
  });

  it.each([
    ["80000000", { reserved: 1, ingress: 0, egress: 0 }],
    ["7fff0000", { reserved: 0, ingress: 32767, egress: 0 }],
    ["00010000", { reserved: 0, ingress: 1, egress: 0 }],
    ["0000ffff", { reserved: 0, ingress: 0, egress: 65535 }],
    ["00008000", { reserved: 0, ingress: 0, egress: 32768 }],
  ])("%s is %j, both ways", (hex, record) => {
    const { view, start, end } = amidHex(hex);
    const option = new OvnOptionView();
    expect(option.bind(view, start, end)).toBe(Reason.ok);
    expect(option.toRecord()).toEqual(record);
    const bytes = written(4, (target, offset) => writeOvnOptionData(target, offset, record));
    expect(Buffer.from(bytes).toString("hex")).toBe(hex);
  });

  it("is short below four bytes; with more the first four are readable", () => {
    const option = new OvnOptionView();
    const reasons = bindEachLength(new Uint8Array([0, 1, 0, 2, 9, 9, 9, 9]), (view, start, end) =>
      option.bind(view, start, end),
    );
    expect(reasons).toEqual([...Array(4).fill(Reason.short), Reason.ok, ...Array(4).fill(Reason.badLength)]);
    expect(option.toRecord()).toEqual({ reserved: 0, ingress: 1, egress: 2 });
  });

  it("is told from the same class with another type, and the same type in another class", () => {
    const { view, start, end } = amidHex(
      "06406558 00000100 01020001 00070008 01018001 00070008 01028001 00010002",
    );
    const geneve = new GeneveView();
    expect(geneve.bind(view, start, end)).toBe(Reason.ok);
    expect(findOvnOption(geneve)).toBe(true);
    expect(geneve.optionDataStart - start).toBe(28);
  });

  it("is found whatever its length: that is for the caller to judge", () => {
    const { view, start, end } = amidHex("01406558 00000100 01028000");
    const geneve = new GeneveView();
    geneve.bind(view, start, end);
    expect(findOvnOption(geneve)).toBe(true);
    expect(new OvnOptionView().bind(view, geneve.optionDataStart, geneve.optionDataEnd)).toBe(Reason.short);
  });
});

describe("writing OVN's option", () => {
  it("refuses what does not fit", () => {
    expectRefusals(
      "ovn-option",
      { reserved: 0, ingress: 1, egress: 2 },
      [
        ["reserved", 1, "reserved"],
        ["ingress", 32767, "ingress"],
        ["egress", 65535, "egress"],
      ],
      4,
      writeOvnOptionData,
    );
  });
  it("gives a whole Geneve option, critical bit and all", () => {
    const option = ovnOption({ reserved: 0, ingress: 1, egress: 2 });
    const bytes = written(OVN_OPTION_BYTES, (view, offset) => writeGeneveOption(view, offset, option));
    expect(Buffer.from(bytes).toString("hex")).toBe("0102800100010002");
  });
  it("loses nothing of any key", () => {
    const option = new OvnOptionView();
    fc.assert(
      fc.property(fc.record({ reserved: uint(1), ingress: uint(15), egress: uint(16) }), (record) => {
        const bytes = written(4, (view, offset) => writeOvnOptionData(view, offset, record));
        expect(option.bind(new DataView(bytes.buffer), 0, 4)).toBe(Reason.ok);
        expect(option.toRecord()).toEqual(record);
      }),
    );
  });
});

/** VXLAN, STT, and OVN's keys in their identifiers. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  contextDatapathOf,
  contextKeysOf,
  contextReservedOf,
  egressOf,
  ingressOf,
  ovnContextId,
  ovnVni,
  Reason,
  type SttRecord,
  SttView,
  VxlanView,
  vniDatapathOf,
  vniEgressOf,
  writeStt,
  writeVxlan,
} from "../../src/wire/index.js";
import { packetView } from "../vectors/packets.js";
import {
  amidHex,
  bindEachLength,
  bytesWith,
  expectBytesRoundTrip,
  expectRecordRoundTrip,
  expectRefusals,
  refusal,
  uint,
} from "./helpers.js";

describe("VXLAN", () => {
  it("reads the fields of its header", () => {
    const { view, start, end } = amidHex("88a1b2c3 12345678 4044");
    const vxlan = new VxlanView();
    expect(vxlan.bind(view, start, end)).toBe(Reason.ok);
    expect(vxlan.toRecord()).toEqual({ flags: 0x88, reserved: 0xa1b2c3, vni: 0x123456, reserved2: 0x78 });
    expect([vxlan.payloadStart - start, vxlan.payloadEnd - start]).toEqual([8, 10]);
  });

  it("is short below eight bytes, and its VNI not valid without the I bit", () => {
    const bind = (bytes: Uint8Array) =>
      bindEachLength(bytes, (view, start, end) => new VxlanView().bind(view, start, end));
    const short = Array(8).fill(Reason.short);
    expect(bind(Uint8Array.of(8, 0, 0, 0, 0, 0, 1, 0))).toEqual([...short, Reason.ok]);
    expect(bind(Uint8Array.of(0xf7, 0, 0, 0, 0, 0, 1, 0))).toEqual([...short, Reason.badValue]);
  });

  it("refuses what does not fit, and round trips lose nothing", () => {
    const record = { flags: 8, reserved: 0, vni: 1, reserved2: 0 };
    expectRefusals(
      "vxlan",
      record,
      [
        ["flags", 0xff, "flags"],
        ["reserved", 0xffffff, "reserved"],
        ["vni", 0xffffff, "vni"],
        ["reserved2", 0xff, "reserved2"],
      ],
      8,
      writeVxlan,
    );
    const records = fc.record({ flags: uint(8), reserved: uint(24), vni: uint(24), reserved2: uint(8) });
    const isWhole = (reason: number) => reason === Reason.ok || reason === Reason.badValue;
    expectRecordRoundTrip(records, () => 8, writeVxlan, new VxlanView(), isWhole);
    expectBytesRoundTrip(bytesWith(8, 40), writeVxlan, new VxlanView(), [Reason.badValue]);
  });
});

describe("STT", () => {
  const limits: SttRecord = {
    version: 0,
    flags: 6,
    l4Offset: 34,
    reserved: 0,
    mss: 1400,
    vlan: 0x2064,
    contextId: 0x007fffffffffffffn,
    padding: 0,
  };

  it("reads the fields of its header", () => {
    const view = packetView("sttLimits");
    const stt = new SttView();
    expect(stt.bind(view, 54, view.byteLength)).toBe(Reason.ok);
    expect(stt.toRecord()).toEqual(limits);
    expect(stt.payloadStart).toBe(72);
  });

  it("is short below 18 bytes; of another version its fields are readable", () => {
    const stt = new SttView();
    const reasons = bindEachLength(new Uint8Array(18), (view, start, end) => stt.bind(view, start, end));
    expect(reasons).toEqual([...Array(18).fill(Reason.short), Reason.ok]);
    const { view, start, end } = amidHex("01000000 00000000 0000000000000007 0000");
    expect(stt.bind(view, start, end)).toBe(Reason.badVersion);
    expect([stt.version, stt.contextId]).toEqual([1, 7n]);
  });

  it("refuses what does not fit, and round trips lose nothing", () => {
    expectRefusals(
      "stt",
      limits,
      [
        ["version", 0xff, "version"],
        ["flags", 0xff, "flags"],
        ["l4Offset", 0xff, "l4 offset"],
        ["reserved", 0xff, "reserved"],
        ["mss", 0xffff, "mss"],
        ["vlan", 0xffff, "vlan"],
        ["padding", 0xffff, "padding"],
      ],
      18,
      writeStt,
    );
    for (const contextId of [-1n, 1n << 64n])
      expect(
        refusal(() => writeStt(new DataView(new ArrayBuffer(18)), 0, { ...limits, contextId })),
      ).toMatchObject({ layer: "stt", field: "context id" });
    const records = fc.record({
      version: uint(8),
      flags: uint(8),
      l4Offset: uint(8),
      reserved: uint(8),
      mss: uint(16),
      vlan: uint(16),
      contextId: fc.bigInt({ min: 0n, max: 0xffffffffffffffffn }),
      padding: uint(16),
    });
    const isWhole = (reason: number) => reason === Reason.ok || reason === Reason.badVersion;
    expectRecordRoundTrip(records, () => 18, writeStt, new SttView(), isWhole);
    expectBytesRoundTrip(bytesWith(18, 60), writeStt, new SttView(), [Reason.badVersion]);
  });
});

describe("OVN's keys in a VXLAN VNI", () => {
  // ovn-architecture(7): 0 to 2047 are ports, 2048 to 4095 multicast groups.
  it.each([
    [0x001002, 2, 1],
    [0x7fffff, 4095, 2047],
    [0x800001, 1, 32768],
    [0x801001, 1, 32769],
    [0xffffff, 4095, 34815],
    [0x000005, 5, 0],
  ])("%i is datapath %i, egress %i, both ways", (vni, datapath, egress) => {
    expect([vniDatapathOf(vni), vniEgressOf(vni)]).toEqual([datapath, egress]);
    expect(ovnVni(datapath, egress)).toBe(vni);
  });

  it("comes back for any keys that fit; of a group's key the low eleven bits are kept", () => {
    fc.assert(
      fc.property(
        uint(12),
        fc.oneof(uint(11), fc.integer({ min: 32768, max: 65535 })),
        (datapath, egress) => {
          const vni = ovnVni(datapath, egress);
          expect(vni).toBeLessThan(1 << 24);
          expect(vniDatapathOf(vni)).toBe(datapath);
          expect(vniEgressOf(vni)).toBe(egress < 2048 ? egress : 32768 + (egress % 2048));
        },
      ),
    );
  });

  it("refuses keys that do not fit, by name", () => {
    expect(refusal(() => ovnVni(4096, 1))).toMatchObject({ field: "datapath key", limit: 4095 });
    for (const egress of [2048, 32767])
      expect(refusal(() => ovnVni(1, egress))).toMatchObject({ field: "egress key", limit: 2047 });
    for (const egress of [-1, 65536, 1.5])
      expect(refusal(() => ovnVni(1, egress))).toMatchObject({ field: "egress key", limit: 65535 });
  });
});

describe("OVN's keys in an STT context id", () => {
  it.each([
    ["0000020001000008", 8, 2, 1],
    ["007fffffffffffff", 0xffffff, 32767, 65535],
    ["0000000000000001", 1, 0, 0],
    ["0000018000000007", 7, 1, 32768],
  ])("%s is datapath %i, ingress %i, egress %i, both ways", (hex, datapath, ingress, egress) => {
    const id = BigInt(`0x${hex}`);
    const [high, low] = [Number(id >> 32n) | 0, Number(id & 0xffffffffn) | 0];
    const keys = contextKeysOf(high, low);
    expect([contextDatapathOf(low), ingressOf(keys), egressOf(keys)]).toEqual([datapath, ingress, egress]);
    expect(contextReservedOf(high)).toBe(0);
    expect(ovnContextId(datapath, ingress, egress)).toBe(id);
  });

  it("tells its reserved bits from keys", () => {
    expect(contextReservedOf(0x00800000)).toBe(1);
    expect(contextReservedOf(0xff800000 | 0)).toBe(511);
    expect(contextKeysOf(0xff800000 | 0, 0)).toBe(0);
  });

  it("refuses keys that do not fit, by name", () => {
    expect(refusal(() => ovnContextId(1 << 24, 1, 1))).toMatchObject({ field: "datapath key" });
    expect(refusal(() => ovnContextId(1, 32768, 1))).toMatchObject({ field: "ingress key" });
    expect(refusal(() => ovnContextId(1, 1, 65536))).toMatchObject({ field: "egress key" });
  });
});

/** ARP and BFD control packets. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type ArpRecord,
  ArpView,
  arpBytes,
  BfdFlag,
  type BfdRecord,
  BfdState,
  BfdView,
  bfdBytes,
  Reason,
  writeArp,
  writeBfd,
} from "../../src/wire/index.js";
import { packetBytes, packetView } from "../vectors/packets.js";
import {
  amid,
  amidHex,
  bindEachLength,
  bytesWith,
  expectBytesRoundTrip,
  expectRecordRoundTrip,
  expectRefusals,
  ipv4Text,
  macText,
  refusal,
  uint,
  written,
} from "./helpers.js";

const ARP_AT = 14 + 20 + 8 + 16 + 14;
const request: ArpRecord = {
  hardwareType: 1,
  protocolType: 0x0800,
  hardwareLength: 6,
  protocolLength: 4,
  operation: 1,
  senderHardware: "40:44:00:00:00:01",
  senderProtocol: "192.168.0.11",
  targetHardware: "00:00:00:00:00:00",
  targetProtocol: "192.168.0.12",
};

describe("ARP", () => {
  it("reads a request, and not the padding behind it", () => {
    const view = packetView("arpFlood");
    const arp = new ArpView();
    expect(arp.bind(view, ARP_AT, view.byteLength)).toBe(Reason.ok);
    expect(arp.toRecord()).toEqual(request);
    expect([arp.payloadStart, arp.payloadEnd, view.byteLength]).toEqual([
      ARP_AT + 28,
      ARP_AT + 28,
      ARP_AT + 46,
    ]);
    expect([
      arp.isEthernetIpv4,
      arp.senderMacBits,
      arp.senderIpv4Bits,
      arp.targetMacBits,
      arp.targetIpv4Bits,
    ]).toEqual([true, 0x4044_0000_0001, 0xc0a8_000b, 0, 0xc0a8_000c]);
    expect(written(28, (target, offset) => writeArp(target, offset, request))).toEqual(
      packetBytes("arpFlood").slice(ARP_AT, ARP_AT + 28),
    );
  });
  it("keeps addresses of other sizes as digits", () => {
    // Eight-byte hardware addresses (FireWire), no protocol addresses.
    const hex = "0018 86dd 08 00 0003 0011223344556677 8899aabbccddeeff";
    const { view, start, end } = amidHex(hex);
    const arp = new ArpView();
    expect(arp.bind(view, start, end)).toBe(Reason.ok);
    const record = arp.toRecord();
    expect(record).toMatchObject({
      senderHardware: "0011223344556677",
      senderProtocol: "",
      targetHardware: "8899aabbccddeeff",
      targetProtocol: "",
    });
    expect(arp.isEthernetIpv4).toBe(false);
    const bytes = written(24, (target, offset) => writeArp(target, offset, record));
    expect(Buffer.from(bytes).toString("hex")).toBe(hex.replaceAll(" ", ""));
  });
  it("is short for every length below its addresses", () => {
    const arp = new ArpView();
    const message = packetBytes("arpFlood").slice(ARP_AT, ARP_AT + 28);
    const bind = (view: DataView, start: number, end: number) => arp.bind(view, start, end);
    expect(bindEachLength(message, bind)).toEqual([...Array(28).fill(Reason.short), Reason.ok]);
    message[4] = 255;
    message[5] = 255;
    const { view, start, end } = amid(message);
    expect(arp.bind(view, start, end)).toBe(Reason.short);
  });
  it("refuses what does not fit, and addresses of another length", () => {
    expectRefusals(
      "arp",
      request,
      [
        ["hardwareType", 0xffff, "hardware type"],
        ["protocolType", 0xffff, "protocol type"],
        ["operation", 0xffff, "operation"],
      ],
      28,
      writeArp,
    );
    const attempt = (change: Partial<ArpRecord>) => () =>
      writeArp(new DataView(new ArrayBuffer(2048)), 0, { ...request, ...change });
    expect(refusal(attempt({ hardwareLength: 256 }))).toMatchObject({ field: "hardware length", limit: 255 });
    expect(refusal(attempt({ protocolLength: 256 }))).toMatchObject({ field: "protocol length", limit: 255 });
    expect(refusal(attempt({ hardwareLength: 8 }))).toMatchObject({ field: "sender hardware", limit: 8 });
    expect(refusal(attempt({ protocolLength: 16 }))).toMatchObject({ field: "sender protocol", limit: 16 });
    expect(refusal(attempt({ targetProtocol: "fd00::1" })).code).toBe("ERR_WIRE_SYNTAX");
    expect(refusal(attempt({ targetHardware: "" })).code).toBe("ERR_WIRE_SYNTAX");
  });
  it("round trips lose nothing", () => {
    const header = { hardwareType: uint(16), protocolType: uint(16), operation: uint(16) };
    const digits = (bytes: number) =>
      fc.uint8Array({ minLength: bytes, maxLength: bytes }).map((raw) => Buffer.from(raw).toString("hex"));
    const sized = fc
      .tuple(fc.constantFrom(0, 1, 6, 8, 20), fc.constantFrom(0, 3, 4, 16))
      .chain(([hardwareLength, protocolLength]) => {
        const hardware = hardwareLength === 6 ? macText : digits(hardwareLength);
        const protocol = protocolLength === 4 ? ipv4Text : digits(protocolLength);
        return fc.record({
          ...header,
          hardwareLength: fc.constant(hardwareLength),
          protocolLength: fc.constant(protocolLength),
          senderHardware: hardware,
          senderProtocol: protocol,
          targetHardware: hardware,
          targetProtocol: protocol,
        });
      });
    expectRecordRoundTrip(sized, arpBytes, writeArp, new ArpView());
    expectBytesRoundTrip(bytesWith(28, 60, { 4: 6, 5: 4 }), writeArp, new ArpView());
    expectBytesRoundTrip(bytesWith(40, 60, { 4: 3, 5: 11 }), writeArp, new ArpView());
  });
});

const BFD_AT = 14 + 20 + 8 + 8 + 14 + 20 + 8;
const up: BfdRecord = {
  version: 1,
  diag: 0,
  state: BfdState.up,
  flags: 0,
  detectMultiplier: 5,
  myDiscriminator: 0x1122_3344,
  yourDiscriminator: 0x5566_7788,
  desiredMinTxUsec: 100_000,
  requiredMinRxUsec: 1_000_000,
  requiredMinEchoRxUsec: 0,
  authentication: new Uint8Array(0),
};

describe("BFD", () => {
  it("reads and writes a control packet", () => {
    const view = packetView("bfd");
    const bfd = new BfdView();
    expect(bfd.bind(view, BFD_AT, view.byteLength)).toBe(Reason.ok);
    expect(bfd.toRecord()).toEqual(up);
    expect([bfd.length, bfd.payloadStart, bfd.payloadEnd]).toEqual([24, view.byteLength, view.byteLength]);
    expect(written(24, (target, offset) => writeBfd(target, offset, up))).toEqual(
      packetBytes("bfd").slice(BFD_AT),
    );
  });
  it("tells diagnosis, state and flags apart", () => {
    const { view, start, end } = amidHex(`3f 7f 03 18 ${"00".repeat(20)}`);
    const bfd = new BfdView();
    expect(bfd.bind(view, start, end)).toBe(Reason.ok);
    expect([bfd.version, bfd.diag, bfd.state, bfd.flags]).toEqual([1, 31, BfdState.down, 63]);
    view.setUint8(start + 1, 0x80 | BfdFlag.poll | BfdFlag.demand);
    expect([bfd.state, bfd.flags]).toEqual([BfdState.init, 0x22]);
  });
  it("keeps an authentication section, and leaves what follows", () => {
    const { view, start, end } = amidHex(`20 c4 05 1c ${"00".repeat(20)} 01040161 ffff`);
    const bfd = new BfdView();
    expect(bfd.bind(view, start, end)).toBe(Reason.ok);
    expect(bfd.toRecord().authentication).toEqual(new Uint8Array([1, 4, 1, 0x61]));
    expect([bfd.payloadStart - start, bfd.payloadEnd - start]).toEqual([28, 30]);
  });
  it("gives a reason for every length, for another version and for a bad length", () => {
    const bfd = new BfdView();
    const bind = (view: DataView, start: number, end: number) => bfd.bind(view, start, end);
    const packet = packetBytes("bfd").slice(BFD_AT);
    expect(bindEachLength(packet, bind)).toEqual([...Array(24).fill(Reason.short), Reason.ok]);
    const reason = (at: number, value: number) => {
      const { view, start, end } = amid(packet);
      view.setUint8(start + at, value);
      return bind(view, start, end);
    };
    expect([reason(0, 0x00), reason(0, 0x40)]).toEqual([Reason.badVersion, Reason.badVersion]);
    expect([reason(3, 23), reason(3, 25)]).toEqual([Reason.badLength, Reason.lengthBeyondData]);
  });
  it("refuses what does not fit, and round trips lose nothing", () => {
    expectRefusals(
      "bfd",
      up,
      [
        ["version", 7, "version"],
        ["diag", 31, "diag"],
        ["state", 3, "state"],
        ["flags", 63, "flags"],
        ["detectMultiplier", 0xff, "detect multiplier"],
        ["myDiscriminator", 0xffff_ffff, "my discriminator"],
        ["yourDiscriminator", 0xffff_ffff, "your discriminator"],
        ["desiredMinTxUsec", 0xffff_ffff, "desired min tx"],
        ["requiredMinRxUsec", 0xffff_ffff, "required min rx"],
        ["requiredMinEchoRxUsec", 0xffff_ffff, "required min echo rx"],
      ],
      24,
      writeBfd,
    );
    const long = { ...up, authentication: new Uint8Array(232) };
    expect(refusal(() => writeBfd(new DataView(new ArrayBuffer(300)), 0, long))).toMatchObject({
      field: "length",
      limit: 255,
    });
    const records = fc.record({
      version: fc.constant(1),
      diag: uint(5),
      state: uint(2),
      flags: uint(6),
      detectMultiplier: uint(8),
      myDiscriminator: uint(32),
      yourDiscriminator: uint(32),
      desiredMinTxUsec: uint(32),
      requiredMinRxUsec: uint(32),
      requiredMinEchoRxUsec: uint(32),
      authentication: fc.uint8Array({ maxLength: 231 }),
    });
    expectRecordRoundTrip(records, bfdBytes, writeBfd, new BfdView());
    expectBytesRoundTrip(bytesWith(40, 60, { 0: 0x3f, 3: 33 }), writeBfd, new BfdView());
  });
});

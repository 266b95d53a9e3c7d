/** UDP, TCP and SCTP. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  Reason,
  type SctpRecord,
  SctpView,
  TcpFlag,
  type TcpRecord,
  TcpView,
  tcpBytes,
  type UdpRecord,
  UdpView,
  writeSctp,
  writeTcp,
  writeUdp,
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
  refusal,
  uint,
  words,
  written,
} from "./helpers.js";

const geneveUdp: UdpRecord = { source: 7549, destination: 6081, length: 122, checksum: 0xe6a5 };

describe("UDP", () => {
  it("reads the published echo request", () => {
    const view = packetView("echoRequest");
    const udp = new UdpView();
    expect(udp.bind(view, 34, view.byteLength)).toBe(Reason.ok);
    expect(udp.toRecord()).toEqual(geneveUdp);
    expect([udp.payloadStart, udp.payloadEnd]).toEqual([42, 156]);
  });

  it("gives a reason for every length", () => {
    const udp = new UdpView();
    const reasons = bindEachLength(packetBytes("echoRequest").slice(34), (view, start, end) => {
      const reason = udp.bind(view, start, end);
      if (reason === Reason.lengthBeyondData) expect(udp.payloadEnd).toBe(end);
      return reason;
    });
    expect(reasons).toEqual([
      ...Array(8).fill(Reason.short),
      ...Array(114).fill(Reason.lengthBeyondData),
      Reason.ok,
    ]);
  });

  it("judges its length", () => {
    const udp = new UdpView();
    const read = (length: string) => {
      const { view, start, end } = amidHex(`1d7d17c1 ${length} 0000 112233`);
      return [udp.bind(view, start, end), udp.payloadEnd - start];
    };
    expect(read("0000")).toEqual([Reason.ok, 11]);
    expect(read("0007")).toEqual([Reason.badLength, 11]);
    expect(read("0008")).toEqual([Reason.ok, 8]);
    expect(read("000a")).toEqual([Reason.ok, 10]);
    expect(read("000b")).toEqual([Reason.ok, 11]);
    expect(read("000c")).toEqual([Reason.lengthBeyondData, 11]);
  });

  it("refuses what does not fit, and round trips lose nothing", () => {
    expectRefusals(
      "udp",
      geneveUdp,
      [
        ["source", 0xffff, "source port"],
        ["destination", 0xffff, "destination port"],
        ["length", 0xffff, "length"],
        ["checksum", 0xffff, "checksum"],
      ],
      8,
      writeUdp,
    );
    const whole = [Reason.badLength, Reason.lengthBeyondData] as number[];
    const records = fc.record({
      source: uint(16),
      destination: uint(16),
      length: uint(16),
      checksum: uint(16),
    });
    expectRecordRoundTrip(
      records,
      () => 8,
      writeUdp,
      new UdpView(),
      (reason) => reason === Reason.ok || whole.includes(reason),
    );
    expectBytesRoundTrip(bytesWith(8, 20), writeUdp, new UdpView(), whole);
  });
});

/** The SYN inside `vlanTcpSyn`: its header starts behind two tags, Geneve, one tag and IPv4. */
const SYN_AT = 22 + 20 + 8 + 16 + 18 + 20;
const syn: TcpRecord = {
  source: 43210,
  destination: 80,
  sequence: 0x0102_0304,
  acknowledgment: 0,
  reserved: 0,
  flags: TcpFlag.syn | TcpFlag.ece | TcpFlag.cwr,
  window: 64240,
  checksum: packetView("vlanTcpSyn").getUint16(SYN_AT + 16),
  urgent: 0,
  options: Uint8Array.from(Buffer.from("020405b40402080a000000010000000001030307", "hex")),
};

describe("TCP", () => {
  it("reads a SYN with options", () => {
    const view = packetView("vlanTcpSyn");
    const tcp = new TcpView();
    // The vector's maker set 0x0c2: SYN, ECE and CWR.
    expect(tcp.bind(view, SYN_AT, view.byteLength)).toBe(Reason.ok);
    expect(tcp.toRecord()).toEqual(syn);
    expect([tcp.dataOffset, tcp.payloadStart, tcp.payloadEnd]).toEqual([
      10,
      view.byteLength,
      view.byteLength,
    ]);
    expect(written(40, (target, offset) => writeTcp(target, offset, syn))).toEqual(
      packetBytes("vlanTcpSyn").slice(SYN_AT),
    );
  });

  it("tells data offset, reserved bits and flags apart", () => {
    const read = (field: string) => {
      const { view, start, end } = amidHex(`00010002 00000003 ffffffff ${field} 0004 0005 0006`);
      const tcp = new TcpView();
      expect(tcp.bind(view, start, end)).toBe(Reason.ok);
      return [tcp.dataOffset, tcp.reserved, tcp.flags, tcp.acknowledgment, tcp.urgent];
    };
    expect(read("5e00")).toEqual([5, 7, 0, 0xffff_ffff, 6]);
    expect(read("5200")).toEqual([5, 1, 0, 0xffff_ffff, 6]);
    expect(read("51ff")).toEqual([5, 0, 0x1ff, 0xffff_ffff, 6]);
    expect(read("5100")).toEqual([5, 0, TcpFlag.ae, 0xffff_ffff, 6]);
    expect(read("5012")).toEqual([5, 0, TcpFlag.syn | TcpFlag.ack, 0xffff_ffff, 6]);
  });

  it("gives a reason for every length, and for a data offset that is too small or too large", () => {
    const tcp = new TcpView();
    const header = packetBytes("vlanTcpSyn").slice(SYN_AT);
    const bind = (view: DataView, start: number, end: number) => tcp.bind(view, start, end);
    expect(bindEachLength(header, bind)).toEqual([
      ...Array(20).fill(Reason.short),
      ...Array(20).fill(Reason.badHeaderLength),
      Reason.ok,
    ]);
    for (const [high, reason] of [
      [0x40, Reason.badHeaderLength],
      [0x50, Reason.ok],
      [0xb0, Reason.badHeaderLength],
    ] as const) {
      header[12] = high;
      const { view, start, end } = amid(header);
      expect(tcp.bind(view, start, end)).toBe(reason);
    }
  });

  it("refuses what does not fit, and round trips lose nothing", () => {
    expectRefusals(
      "tcp",
      syn,
      [
        ["source", 0xffff, "source port"],
        ["destination", 0xffff, "destination port"],
        ["sequence", 0xffff_ffff, "sequence"],
        ["acknowledgment", 0xffff_ffff, "acknowledgment"],
        ["reserved", 7, "reserved bits"],
        ["flags", 0x1ff, "flags"],
        ["window", 0xffff, "window"],
        ["checksum", 0xffff, "checksum"],
        ["urgent", 0xffff, "urgent pointer"],
      ],
      40,
      writeTcp,
    );
    for (const length of [2, 41, 44])
      expect(
        refusal(() =>
          writeTcp(new DataView(new ArrayBuffer(90)), 0, { ...syn, options: new Uint8Array(length) }),
        ),
      ).toMatchObject({ field: "options", limit: 40 });
    const records = fc.record({
      source: uint(16),
      destination: uint(16),
      sequence: uint(32),
      acknowledgment: uint(32),
      reserved: uint(3),
      flags: uint(9),
      window: uint(16),
      checksum: uint(16),
      urgent: uint(16),
      options: words(10),
    });
    expectRecordRoundTrip(records, tcpBytes, writeTcp, new TcpView());
    expectBytesRoundTrip(bytesWith(20, 30, { 12: 0x5f }), writeTcp, new TcpView());
    expectBytesRoundTrip(bytesWith(60, 70, { 12: 0xf0 }), writeTcp, new TcpView());
  });
});

describe("SCTP", () => {
  const at = 14 + 20 + 8 + 16 + 14 + 20;
  const record: SctpRecord = {
    source: 36412,
    destination: 36412,
    verificationTag: 0xdead_beef,
    checksum: 0x001a_b096,
  };
  it("reads and writes a common header", () => {
    const view = packetView("sctp");
    const sctp = new SctpView();
    expect(sctp.bind(view, at, view.byteLength)).toBe(Reason.ok);
    expect(sctp.toRecord()).toEqual(record);
    expect([sctp.payloadStart, sctp.payloadEnd]).toEqual([at + 12, view.byteLength]);
    expect(written(12, (target, offset) => writeSctp(target, offset, record))).toEqual(
      packetBytes("sctp").slice(at, at + 12),
    );
  });
  it("is short below 12 bytes; refuses what does not fit; round trips lose nothing", () => {
    const sctp = new SctpView();
    expect(bindEachLength(new Uint8Array(12), (view, start, end) => sctp.bind(view, start, end))).toEqual([
      ...Array(12).fill(Reason.short),
      Reason.ok,
    ]);
    expectRefusals(
      "sctp",
      record,
      [
        ["source", 0xffff, "source port"],
        ["destination", 0xffff, "destination port"],
        ["verificationTag", 0xffff_ffff, "verification tag"],
        ["checksum", 0xffff_ffff, "checksum"],
      ],
      12,
      writeSctp,
    );
    const records = fc.record({
      source: uint(16),
      destination: uint(16),
      verificationTag: uint(32),
      checksum: uint(32),
    });
    expectRecordRoundTrip(records, () => 12, writeSctp, sctp);
    expectBytesRoundTrip(bytesWith(12, 20), writeSctp, sctp);
  });
});

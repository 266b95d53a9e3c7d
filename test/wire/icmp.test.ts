/** ICMP and ICMPv6. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type IcmpRecord,
  IcmpView,
  type Icmpv6Record,
  Icmpv6View,
  icmpv6Bytes,
  type NdOptionRecord,
  NdOptionType,
  NeighborFlag,
  Reason,
  writeIcmp,
  writeIcmpv6,
} from "../../src/wire/index.js";
import { packetBytes, packetView } from "../vectors/packets.js";
import {
  amidHex,
  bindEachLength,
  bytesWith,
  expectBytesRoundTrip,
  expectRecordRoundTrip,
  expectRefusals,
  refusal,
  uint,
  written,
} from "./helpers.js";

const echo: IcmpRecord = { type: 8, code: 0, checksum: 0xc67b, rest: 0x04e3_1af1 };

describe("ICMP", () => {
  it("reads the published echo request", () => {
    const view = packetView("echoRequest");
    const icmp = new IcmpView();
    expect(icmp.bind(view, 92, view.byteLength)).toBe(Reason.ok);
    expect(icmp.toRecord()).toEqual(echo);
    expect([icmp.isEcho, icmp.identifier, icmp.sequence, icmp.mtu]).toEqual([true, 0x04e3, 0x1af1, -1]);
    expect([icmp.payloadStart, icmp.payloadEnd]).toEqual([100, 156]);
    expect(written(8, (target, offset) => writeIcmp(target, offset, echo))).toEqual(
      packetBytes("echoRequest").slice(92, 100),
    );
  });
  it("reads the MTU of a fragmentation needed, and of nothing else", () => {
    const view = packetView("fragmentationNeeded");
    const icmp = new IcmpView();
    expect(icmp.bind(view, 34, view.byteLength)).toBe(Reason.ok);
    expect([icmp.type, icmp.code, icmp.isEcho, icmp.mtu]).toEqual([3, 4, false, 1400]);
    view.setUint8(35, 3);
    expect(icmp.mtu).toBe(-1);
  });
  it("is short below 8 bytes; refuses what does not fit; round trips lose nothing", () => {
    const icmp = new IcmpView();
    expect(bindEachLength(new Uint8Array(8), (view, start, end) => icmp.bind(view, start, end))).toEqual([
      ...Array(8).fill(Reason.short),
      Reason.ok,
    ]);
    expectRefusals(
      "icmp",
      echo,
      [
        ["type", 0xff, "type"],
        ["code", 0xff, "code"],
        ["checksum", 0xffff, "checksum"],
        ["rest", 0xffff_ffff, "rest of header"],
      ],
      8,
      writeIcmp,
    );
    const records = fc.record({ type: uint(8), code: uint(8), checksum: uint(16), rest: uint(32) });
    expectRecordRoundTrip(records, () => 8, writeIcmp, icmp);
    expectBytesRoundTrip(bytesWith(8, 16), writeIcmp, icmp);
  });
});

const TARGET = "fd000000000000000000000000000012";
const OTHER = "fd000000000000000000000000000034";

function bound(hex: string): { icmpv6: Icmpv6View; reason: Reason; used: number } {
  const { view, start, end } = amidHex(hex);
  const icmpv6 = new Icmpv6View();
  const reason = icmpv6.bind(view, start, end);
  return { icmpv6, reason, used: icmpv6.payloadStart - start };
}

/** Type and length in bytes of each ND option. */
function optionsOf(icmpv6: Icmpv6View): number[][] {
  const found: number[][] = [];
  for (let more = icmpv6.firstOption(); more; more = icmpv6.nextOption())
    found.push([icmpv6.optionType, icmpv6.optionEnd - icmpv6.optionStart]);
  return found;
}

describe("ICMPv6", () => {
  it("reads a neighbour solicitation with its source's link-layer address", () => {
    const { icmpv6, reason, used } = bound(`8700 abcd 00000000 ${TARGET} 0101 404400000001`);
    expect([reason, used]).toEqual([Reason.ok, 32]);
    expect([icmpv6.type, icmpv6.checksum, icmpv6.target, icmpv6.isEcho]).toEqual([
      135,
      0xabcd,
      "fd00::12",
      false,
    ]);
    expect(icmpv6.toRecord().options).toEqual([
      { type: NdOptionType.sourceLinkLayer, data: new Uint8Array([0x40, 0x44, 0, 0, 0, 1]) },
    ]);
  });
  it("reads a neighbour advertisement's flags", () => {
    const { icmpv6, reason } = bound(`8800 0000 60000000 ${TARGET}`);
    expect(reason).toBe(Reason.ok);
    expect([icmpv6.rest & NeighborFlag.solicited, icmpv6.rest & NeighborFlag.override]).not.toContain(0);
    expect(icmpv6.rest & NeighborFlag.router).toBe(0);
    expect([icmpv6.target, optionsOf(icmpv6)]).toEqual(["fd00::12", []]);
  });
  it("reads a router solicitation and advertisement", () => {
    const rs = bound("8500 0000 00000000 0101 404400000001");
    expect([rs.reason, rs.used, rs.icmpv6.target, optionsOf(rs.icmpv6)]).toEqual([
      Reason.ok,
      16,
      "",
      [[1, 8]],
    ]);
    const view = packetView("routerAdvertisement");
    const ra = new Icmpv6View();
    const at = 14 + 20 + 8 + 16 + 14 + 40;
    expect(ra.bind(view, at, view.byteLength)).toBe(Reason.ok);
    expect(optionsOf(ra)).toEqual([
      [NdOptionType.mtu, 8],
      [NdOptionType.prefix, 32],
    ]);
    expect([ra.rest >>> 24, ra.toRecord().body]).toEqual([64, new Uint8Array(8)]);
    expect([ra.payloadStart, ra.payloadEnd]).toEqual([view.byteLength, view.byteLength]);
    const record = ra.toRecord();
    expect(written(56, (target, offset) => writeIcmpv6(target, offset, record))).toEqual(
      packetBytes("routerAdvertisement").slice(at),
    );
  });
  it("reads a redirect", () => {
    const { icmpv6, reason, used } = bound(`8900 0000 00000000 ${TARGET} ${OTHER} 0201 404400000002`);
    expect([reason, used]).toEqual([Reason.ok, 48]);
    expect([icmpv6.target, icmpv6.redirectDestination]).toEqual(["fd00::12", "fd00::34"]);
    expect(optionsOf(icmpv6)).toEqual([[NdOptionType.targetLinkLayer, 8]]);
  });
  it("reads packet too big, echo, MLD and what it has no words for", () => {
    const view = packetView("packetTooBig");
    const big = new Icmpv6View();
    const at = 14 + 20 + 8 + 16 + 14 + 40;
    expect(big.bind(view, at, view.byteLength)).toBe(Reason.ok);
    expect([big.mtu, big.payloadStart - at, big.target]).toEqual([1280, 8, ""]);
    const ping = bound("8000 0000 04e3 0007 aabb");
    expect([ping.icmpv6.isEcho, ping.icmpv6.identifier, ping.icmpv6.sequence, ping.used]).toEqual([
      true,
      0x04e3,
      7,
      8,
    ]);
    expect([ping.icmpv6.mtu, ping.icmpv6.redirectDestination]).toEqual([-1, ""]);
    const mld = bound("8200 0000 27100000 ff020000000000000000000000000016");
    expect([mld.reason, mld.icmpv6.target, mld.icmpv6.rest >>> 16]).toEqual([Reason.ok, "ff02::16", 10_000]);
    const v2 = bound("8f00 0000 00000001 04000000");
    expect([v2.reason, v2.used, v2.icmpv6.type, v2.icmpv6.rest]).toEqual([Reason.ok, 8, 143, 1]);
  });
  it.each([
    ["of length 0", "0100 404400000001", 24],
    ["past the end", "0102 404400000001", 24],
    ["of one byte", "01", 24],
    ["behind a good one", "0101 404400000001 0200", 32],
  ])("badOption: an ND option %s is left as payload", (_, options, used) => {
    const found = bound(`8700 0000 00000000 ${TARGET} ${options}`);
    expect([found.reason, found.used]).toEqual([Reason.badOption, used]);
    expect(optionsOf(found.icmpv6)).toHaveLength((used - 24) / 8);
  });
  it.each([
    [128, 8],
    [130, 24],
    [131, 24],
    [132, 24],
    [133, 8],
    [134, 16],
    [135, 24],
    [136, 24],
    [137, 40],
    [138, 8],
    [255, 8],
  ])("type %i is short below %i bytes", (type, bytes) => {
    const icmpv6 = new Icmpv6View();
    const message = new Uint8Array(bytes);
    message[0] = type;
    const reasons = bindEachLength(message, (view, start, end) => {
      const reason = icmpv6.bind(view, start, end);
      if (reason === Reason.short) expect(icmpv6.firstOption()).toBe(false);
      return reason;
    });
    expect(reasons).toEqual([...Array(bytes).fill(Reason.short), Reason.ok]);
  });
  it("refuses what does not fit", () => {
    const record: Icmpv6Record = {
      type: 128,
      code: 0,
      checksum: 0,
      rest: 0,
      body: new Uint8Array(0),
      options: [],
    };
    expectRefusals(
      "icmpv6",
      record,
      [
        ["code", 0xff, "code"],
        ["checksum", 0xffff, "checksum"],
        ["rest", 0xffff_ffff, "rest of header"],
      ],
      8,
      writeIcmpv6,
    );
    const attempt = (change: Partial<Icmpv6Record>) => () =>
      writeIcmpv6(new DataView(new ArrayBuffer(4096)), 0, { ...record, ...change });
    const body = new Uint8Array(16);
    const option = (bytes: number, type = 1) => ({ type, data: new Uint8Array(bytes) });
    expect(refusal(attempt({ type: 256 }))).toMatchObject({ field: "type", limit: 255 });
    expect(refusal(attempt({ type: 135 }))).toMatchObject({ field: "body", limit: 16 });
    expect(refusal(attempt({ body }))).toMatchObject({ field: "body", limit: 0 });
    expect(refusal(attempt({ options: [option(6)] }))).toMatchObject({ field: "options" });
    expect(attempt({ type: 135, body, options: [option(2038)] })()).toBe(24 + 2040);
    for (const bytes of [0, 5, 7, 8, 2046])
      expect(refusal(attempt({ type: 135, body, options: [option(bytes)] }))).toMatchObject({
        field: "option data",
      });
    expect(refusal(attempt({ type: 135, body, options: [option(6, 256)] }))).toMatchObject({
      field: "option type",
    });
  });
  it("round trips lose nothing", () => {
    const ndOption = fc.integer({ min: 1, max: 4 }).chain((units) =>
      fc.record({
        type: uint(8),
        data: fc.uint8Array({ minLength: 8 * units - 2, maxLength: 8 * units - 2 }),
      }),
    );
    const bodies: [number, number][] = [
      [1, 0],
      [128, 0],
      [131, 16],
      [133, 0],
      [134, 8],
      [135, 16],
      [136, 16],
      [137, 32],
      [143, 0],
    ];
    const records = fc.constantFrom(...bodies).chain(([type, bytes]) =>
      fc.record({
        type: fc.constant(type),
        code: uint(8),
        checksum: uint(16),
        rest: uint(32),
        body: fc.uint8Array({ minLength: bytes, maxLength: bytes }),
        options:
          type >= 133 && type <= 137
            ? fc.array(ndOption, { maxLength: 3 })
            : fc.constant<NdOptionRecord[]>([]),
      }),
    );
    expectRecordRoundTrip(records, icmpv6Bytes, writeIcmpv6, new Icmpv6View());
    for (const type of [128, 130, 133, 134, 135, 136, 137])
      expectBytesRoundTrip(bytesWith(40, 90, { 0: type }), writeIcmpv6, new Icmpv6View(), [Reason.badOption]);
  });
});

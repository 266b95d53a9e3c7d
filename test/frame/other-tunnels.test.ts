/* VXLAN and STT in the columns, and who tells what VXLAN is. */
import { describe, expect, test } from "vitest";
import type { PacketBatch } from "../../src/capture/batch.js";
import { FrameBatch, FrameFlag, TunnelKind } from "../../src/frame/columns.js";
import { FrameDecoder, type OtherTunnels } from "../../src/frame/decode.js";
import { outerDestinationAt, outerSourceAt } from "../../src/frame/outer.js";
import { readIpv4 } from "../../src/wire/index.js";
import { type PacketName, packetBytes } from "../vectors/packets.js";
import { batchOf, decodeOne, rowOf } from "./batch.js";

const { ovn, bfd, otherTunnel, outerIpv6 } = FrameFlag;

function decode(bytes: Uint8Array, others: OtherTunnels, geneve?: number[]) {
  const { packets, interfaces } = batchOf([{ bytes }]);
  const frames = new FrameBatch(packets.capacity);
  new FrameDecoder(geneve, others).decode(packets, interfaces, frames);
  return rowOf(packets, frames, 0);
}

test("VXLAN: every column", () => {
  expect(decodeOne(packetBytes("vxlanRequest"))).toEqual({
    status: "ok",
    stop: null,
    flags: ovn | otherTunnel,
    outerIp: 14,
    outerBytes: 110,
    udp: 34,
    geneve: -1,
    vni: 1,
    ovnKeys: 2,
    tunnel: "vxlanAssumed",
    inner: 50,
    innerEnd: 124,
    innerType: 0x0800,
    innerNetwork: 64,
    innerProtocol: 1,
    innerTransport: 84,
  });
});

test("STT: every column", () => {
  expect(decodeOne(packetBytes("sttRequest"))).toEqual({
    status: "ok",
    stop: null,
    flags: ovn | otherTunnel,
    outerIp: 14,
    outerBytes: 132,
    udp: -1,
    geneve: -1,
    vni: 8,
    ovnKeys: 0x00020001,
    tunnel: "stt",
    inner: 72,
    innerEnd: 146,
    innerType: 0x0800,
    innerNetwork: 86,
    innerProtocol: 1,
    innerTransport: 106,
  });
});

test.each([
  ["vxlanFlood", "ok", null, 1, 32768, ovn, "vxlanAssumed"],
  ["vxlanIpv6", "ok", null, 4095, 2047, ovn | outerIpv6, "vxlanAssumed"],
  ["vxlanRamp", "ok", null, 5, 0, ovn, "vxlanAssumed"],
  ["vxlanNoChecksum", "ok", null, 1, 2, ovn, "vxlanAssumed"],
  ["vxlanBfd", "ok", null, 0, 0, bfd, "vxlanOther"],
  ["vxlanNoVni", "malformed", "vxlan@42: forbidden value or size", -1, 0, 0, "vxlanOther"],
  ["sttLimits", "ok", null, 0xffffff, 0x7fffffff, ovn, "stt"],
  ["sttOther", "ok", null, -1, 0, 0, "stt"],
  ["sttBfd", "ok", null, 0, 0, bfd, "stt"],
  ["sttFirst", "unsupported", "tcp@34: fragment, not reassembled", 8, 0x20001, ovn, "stt"],
  ["sttPadded", "malformed", "tcp@34: forbidden value or size", 8, 0x20001, ovn, "stt"],
] as const)("%s is %s, %s", (name, status, stop, vni, ovnKeys, flags, tunnel) => {
  expect(decodeOne(packetBytes(name))).toMatchObject({
    status,
    stop,
    vni,
    ovnKeys,
    flags: flags | otherTunnel,
    tunnel,
  });
});

test("a later segment of an STT frame has no keys, and is no tunnel's header", () => {
  expect(decodeOne(packetBytes("sttLater"))).toMatchObject({
    status: "unsupported",
    stop: "tcp@34: fragment, not reassembled",
    flags: 0,
    vni: -1,
    inner: -1,
  });
});

describe("what is told by ports", () => {
  const elsewhere = (name: PacketName, port: number) => {
    const bytes = packetBytes(name);
    new DataView(bytes.buffer).setUint16(36, port);
    return bytes;
  };

  test("is not looked for on others", () => {
    expect(decodeOne(elsewhere("vxlanRequest", 8472))).toMatchObject({ status: "not-geneve", vni: -1 });
    expect(decodeOne(elsewhere("sttRequest", 7470))).toMatchObject({ status: "not-geneve", vni: -1 });
    // A source port says nothing.
    const back = packetBytes("sttRequest");
    new DataView(back.buffer).setUint32(34, (7471 << 16) | 55115);
    expect(decodeOne(back).status).toBe("not-geneve");
  });

  test("is looked for on those that were told", () => {
    expect(decode(elsewhere("vxlanRequest", 8472), { vxlan: [8472] })).toMatchObject({ vni: 1, ovnKeys: 2 });
    expect(decode(packetBytes("vxlanRequest"), { vxlan: [8472] }).status).toBe("not-geneve");
    expect(decode(elsewhere("sttRequest", 7470), { stt: [7470] })).toMatchObject({ vni: 8 });
    expect(decode(packetBytes("sttRequest"), { stt: [] }).status).toBe("not-geneve");
  });

  test("is Geneve where both have the port", () => {
    expect(decode(elsewhere("echoRequest", 4789), {}, [4789])).toMatchObject({ tunnel: "geneve", vni: 1 });
  });

  test("a TCP connection to the port of STT is none of it", () => {
    for (const flags of [0x02, 0x12, 0x11, 0x04, 0x14]) {
      const bytes = packetBytes("sttRequest");
      bytes[47] = flags;
      expect(decodeOne(bytes), `flags ${flags}`).toMatchObject({ status: "not-geneve", vni: -1, flags: 0 });
    }
  });

  test("ports out of range are refused, by protocol", () => {
    expect(() => new FrameDecoder([6081], { vxlan: [65536] })).toThrow("VXLAN port 65536");
    expect(() => new FrameDecoder([6081], { stt: [0.5] })).toThrow("STT port 0.5");
  });
});

describe("who is at the ends says what VXLAN is", () => {
  const asked: string[] = [];
  const endsOf = (kind: TunnelKind): OtherTunnels => ({
    ends: {
      kindOf({ view }: PacketBatch, frames: FrameBatch, i: number) {
        asked.push(
          `${readIpv4(view, outerSourceAt(frames, i))} ${readIpv4(view, outerDestinationAt(frames, i))}`,
        );
        return kind;
      },
    },
  });

  test.each([
    ["vxlan", "vxlanWhole", 70000 % 4096, 17, ovn],
    ["vxlanAssumed", "vxlanWhole", 70000 % 4096, 17, ovn],
    ["vxlanVtep", "vxlanWhole", 70000, 0, ovn],
    ["vxlanOther", "vxlanWhole", -1, 0, 0],
    ["vxlanVtep", "vxlanRamp", 5, 0, ovn],
    ["vxlanVtep", "vxlanBfd", 0, 0, bfd],
  ] as const)("%s: %s", (kind, name, vni, ovnKeys, flags) => {
    asked.length = 0;
    const row = decode(packetBytes(name), endsOf(TunnelKind[kind]));
    expect(row).toMatchObject({ vni, ovnKeys, flags: flags | otherTunnel });
    if (vni > 0) expect(row.tunnel).toBe(kind);
    expect(asked).toEqual(["192.168.50.100 192.168.50.101"]);
  });

  test("and is not asked about anything else", () => {
    asked.length = 0;
    for (const name of ["echoRequest", "sttRequest", "vxlanNoVni"] as const)
      decode(packetBytes(name), endsOf(TunnelKind.vxlan));
    expect(asked).toEqual([]);
  });
});

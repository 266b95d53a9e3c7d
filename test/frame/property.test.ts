import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { FrameBatch, FrameFlag } from "../../src/frame/columns.js";
import { FrameDecoder } from "../../src/frame/decode.js";
import { type HeaderLayer, readLayers } from "../../src/frame/layers.js";
import { FrameWalk } from "../../src/frame/walk.js";
import { usualFrames } from "../vectors/shapes.js";
import { mutated, noise } from "./arbitrary.js";
import { batchOf, rowOf, type TestPacket } from "./batch.js";

/** Decodes in one batch, the way captures are. */
function fast(given: readonly TestPacket[]) {
  const { packets: batch, interfaces } = batchOf(given);
  const frames = new FrameBatch(batch.capacity);
  new FrameDecoder().decode(batch, interfaces, frames);
  return given.map((_, i) => rowOf(batch, frames, i));
}

/** Every packet through the general walk. */
function general(given: readonly TestPacket[]) {
  const { packets: batch, interfaces } = batchOf(given);
  const frames = new FrameBatch(batch.capacity);
  const { portTable, ports } = new FrameDecoder();
  const walk = new FrameWalk(portTable, ports.stt, null);
  walk.bind(batch, frames);
  for (let i = 0; i < batch.count; i++) {
    const at = batch.offset[i];
    const end = at + batch.capturedBytes[i];
    const limit = at + Math.max(batch.capturedBytes[i], batch.originalBytes[i]);
    walk.walk(i, interfaces[batch.interfaceIndex[i]].linkType, at, end, limit);
  }
  return given.map((_, i) => rowOf(batch, frames, i));
}

/** OVN's keys in the identifier of another tunnel, by arithmetic; datapath 0 where there are none. */
function plainKeys(header: HeaderLayer<"vxlan" | "stt">) {
  if (header.layer === "vxlan") {
    if (header.flags % 16 < 8) return { datapath: 0, ingress: 0, egress: 0 };
    const port = Math.floor(header.vni / 4096);
    return { datapath: header.vni % 4096, ingress: 0, egress: port < 2048 ? port : 32768 + (port - 2048) };
  }
  const id = header.contextId;
  const field = (shift: bigint, bits: bigint) => Number((id >> shift) % 2n ** bits);
  const isOvn = field(55n, 9n) === 0;
  return { datapath: isOvn ? field(0n, 24n) : 0, ingress: field(40n, 15n), egress: field(24n, 16n) };
}

describe("the usual frame's path and the general walk", () => {
  test("say the same of every packet", () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof({ weight: 4, arbitrary: mutated }, noise), { minLength: 1, maxLength: 20 }),
        (given) => {
          expect(fast(given)).toEqual(general(given));
        },
      ),
      { numRuns: 3000 },
    );
  });

  describe.each(Object.entries(usualFrames))("of a usual frame, %s", (_name, base) => {
    test("is taken as usual", () => {
      const { packets: batch, interfaces } = batchOf([{ bytes: base }]);
      const frames = new FrameBatch(batch.capacity);
      new FrameDecoder().decode(batch, interfaces, frames);
      expect(frames.flags[0] & FrameFlag.usual).toBe(FrameFlag.usual);
    });

    test("say the same with any byte changed to anything, and of any part of it", () => {
      for (let offset = 0; offset < base.length; offset++) {
        const given = Array.from({ length: 256 }, (_, value) => {
          const bytes = base.slice();
          bytes[offset] = value;
          return { bytes };
        });
        expect(fast(given), `byte ${offset}`).toEqual(general(given));
      }
      const cut = Array.from({ length: base.length }, (_, length) => ({ bytes: base.subarray(0, length) }));
      expect(fast(cut)).toEqual(general(cut));
      const kept = cut.map(({ bytes }) => ({ bytes, original: base.length }));
      expect(fast(kept)).toEqual(general(kept));
    });
  });
});

describe("columns against the layer reader, which shares no walk with them", () => {
  test("agree on what is whole, and on keys and offsets of everything both read", () => {
    fc.assert(
      fc.property(mutated, (packet) => {
        const [row] = fast([packet]);
        const { bytes, linkType = 1 } = packet;
        const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
        const { layers } = readLayers(view, 0, bytes.length, linkType);
        const geneve = layers.find((each): each is HeaderLayer<"geneve"> => each.layer === "geneve");
        const other = layers.find(
          (each): each is HeaderLayer<"vxlan" | "stt"> => each.layer === "vxlan" || each.layer === "stt",
        );
        if (other !== undefined && (row.flags & FrameFlag.otherTunnel) !== 0 && row.inner >= 0) {
          const { datapath, ingress, egress } = plainKeys(other);
          expect(row.inner).toBe(other.offset + (other.layer === "stt" ? 18 : 8));
          expect((row.flags & FrameFlag.ovn) !== 0).toBe(datapath > 0);
          if (datapath > 0)
            expect([row.vni, row.ovnKeys >>> 16, row.ovnKeys & 0xffff]).toEqual([datapath, ingress, egress]);
          else expect([-1, 0]).toContain(row.vni);
        }
        if (row.status === "ok" && other !== undefined) {
          const inside = layers.filter((each) => each.depth === 1);
          const network = inside.find(({ layer }) => ["ipv4", "ipv6", "arp"].includes(layer));
          const transport = inside.find(({ layer }) =>
            ["tcp", "udp", "icmp", "icmpv6", "sctp"].includes(layer),
          );
          expect(row.flags & FrameFlag.otherTunnel).toBe(FrameFlag.otherTunnel);
          expect(row.tunnel === "stt").toBe(other.layer === "stt");
          if (network !== undefined) expect(row.innerNetwork).toBe(network.offset);
          if (transport !== undefined) expect(row.innerTransport).toBe(transport.offset);
        }
        if (row.vni >= 0 && geneve !== undefined && row.status === "ok") {
          expect(geneve.vni).toBe(row.vni);
          expect(geneve.offset).toBe(row.geneve);
          const option = geneve.options.find((each) => each.optionClass === 0x0102 && each.type === 0x80);
          if ((row.flags & 1) !== 0 && option !== undefined)
            expect(new DataView(option.data.buffer, option.data.byteOffset).getUint32(0)).toBe(row.ovnKeys);
          expect((row.flags & 1) !== 0).toBe(option !== undefined && option.data.length === 4);
          const network = layers.find(
            (each) =>
              each.depth === 1 && (each.layer === "ipv4" || each.layer === "ipv6" || each.layer === "arp"),
          );
          if (network !== undefined && (row.flags & 2) === 0) expect(network.offset).toBe(row.innerNetwork);
          const transport = layers.find(
            (each) => each.depth === 1 && ["tcp", "udp", "icmp", "icmpv6", "sctp"].includes(each.layer),
          );
          if (transport !== undefined && (row.flags & 2) === 0)
            expect(transport.offset).toBe(row.innerTransport);
        }
        // A status of ok means that the reader finds every header, too.
        if (row.status === "ok") expect(geneve ?? other).toBeDefined();
      }),
      { numRuns: 6000 },
    );
  });
});

test("any bytes at all: a status, offsets inside the packet, no exception", () => {
  fc.assert(
    fc.property(fc.array(noise, { minLength: 1, maxLength: 8 }), (given) => {
      fast(given).forEach((row, i) => {
        const length = given[i].bytes.length;
        for (const offset of [row.outerIp, row.udp, row.geneve, row.inner, row.innerEnd, row.innerNetwork])
          expect(offset).toBeLessThanOrEqual(length);
        expect(row.status === "ok").toBe(row.stop === null);
      });
    }),
    { numRuns: 3000 },
  );
});

/* tshark reads VXLAN and STT as we write them, field by field. */
import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { frameBuilder, type OuterHeaders } from "../../src/encode/build.js";
import { buildInner } from "../../src/encode/inner.js";
import { writeLayers } from "../../src/encode/layers.js";
import { type HeaderLayer, type HeaderName, type Layer, readLayers } from "../../src/frame/layers.js";
import {
  canonicalAddress,
  ovnContextId,
  ovnVni,
  type SttRecord,
  type VxlanRecord,
} from "../../src/wire/index.js";
import { inners, outers } from "../encode/arbitrary.js";
import { type PacketName, packetBytes } from "../vectors/packets.js";
import { uint } from "../wire/helpers.js";
import { writePcap } from "./pcap.js";
import { type Dissection, describeTshark, type Protocol, tshark } from "./pdml.js";

const FRAMES = 200;
/** Without this it takes STT for TCP. */
const AS_STT = ["ip.try_heuristic_first:TRUE", "ipv6.try_heuristic_first:TRUE"];
const FIX = { fixLengths: true, fixChecksums: true };

/** The layers of a vector with other fields in one of its headers, and some bytes more inside. */
function changed<Name extends HeaderName>(
  vector: PacketName,
  name: Name,
  fields: Partial<HeaderLayer<Name>>,
  more: Uint8Array,
): Layer[] {
  const bytes = packetBytes(vector);
  const { layers } = readLayers(new DataView(bytes.buffer), 0, bytes.length, 1);
  const all = layers.map((layer) => (layer.layer === name ? ({ ...layer, ...fields } as Layer) : layer));
  return [...all, { layer: "payload", depth: 1, offset: 0, bytes: more }];
}

const protocolOf = ({ protocols }: Dissection, name: string): Protocol => {
  const found = protocols.find((each) => each.name === name);
  if (found === undefined) throw new Error(`no ${name} in ${protocols.map((each) => each.name)}`);
  return found;
};

/** Datapath, egress and ingress key. */
function contextKeys(stt: Protocol): number[] {
  const id = BigInt(stt.show("stt.context_id"));
  return [id % 2n ** 24n, (id / 2n ** 24n) % 2n ** 16n, id / 2n ** 40n].map(Number);
}

interface Built {
  keys: { vni: number; ingress: number; egress: number };
  outer: OuterHeaders;
  inner: Uint8Array;
}

const versionOf = ({ source }: OuterHeaders) => (source.includes(":") ? "ipv6" : "ip");

describeTshark("tshark agrees", () => {
  let directory = "";
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), "genevescope-tunnels-"));
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  const captured = (frames: readonly Uint8Array[], file: string): string => {
    const path = join(directory, file);
    writePcap(
      path,
      frames.map((bytes, index) => ({ seconds: index, microseconds: 0, bytes: Buffer.from(bytes) })),
    );
    return path;
  };
  const written = (frames: readonly Layer[][], file: string): string =>
    captured(
      frames.map((layers) => writeLayers(layers, FIX)),
      file,
    );
  /** Taken for TCP, STT has TCP's checksum, which is right. */
  const checkTcp = (capture: string): void => {
    const path = `${capture}.tcp`;
    copyFileSync(capture, path);
    for (const packet of tshark(path))
      expect(protocolOf(packet, "tcp").number("tcp.checksum.status")).toBe(1);
  };

  /** Built frames around those of every kind; `check` looks at the tunnel's header. */
  const checkBuilt = (
    kind: "vxlan" | "stt",
    keys: fc.Arbitrary<{ vni: number; ingress: number; egress: number }>,
    preferences: readonly string[],
    check: (packet: Dissection, built: Built) => void,
  ): string => {
    const port = { vxlan: 4789, stt: 7471 }[kind];
    const all = fc
      .sample(fc.record({ keys, outer: outers, inner: inners }), { numRuns: FRAMES, seed: 6 })
      .map(({ keys, outer, inner }): Built => {
        // Nothing at the inner ports that tshark would look into.
        const fields = { ...inner, tags: [], sourcePort: 50_000, destinationPort: 9 };
        const around = { ...outer, tags: [], sourcePort: null, destinationPort: port };
        return { keys, outer: around, inner: buildInner(inner.kind, fields) };
      });
    const frames = all.map(({ keys: { vni, ...keys }, outer, inner }) =>
      frameBuilder(kind, { vni, keys })(outer, inner),
    );
    const path = captured(frames, `built-${kind}.pcap`);
    tshark(path, ...preferences).forEach((packet, i) => {
      const { outer } = all[i];
      const ip = protocolOf(packet, versionOf(outer));
      const ends = [ip.show(`${ip.name}.src`), ip.show(`${ip.name}.dst`)];
      expect(ends.map((end) => canonicalAddress(end))).toEqual([outer.source, outer.destination]);
      expect(packet.protocols.filter(({ name }) => name === "eth")).toHaveLength(2);
      expect(packet.protocols.some(({ name }) => name.startsWith("_ws.malformed"))).toBe(false);
      check(packet, all[i]);
    });
    return path;
  };

  test("on VXLAN frames that are built", () => {
    const keys = fc.record({ vni: uint(12), ingress: uint(15), egress: uint(11) });
    checkBuilt("vxlan", keys, [], (packet, { keys, outer, inner }) => {
      expect(protocolOf(packet, "vxlan").number("vxlan.vni")).toBe(keys.egress * 4096 + keys.vni);
      const udp = protocolOf(packet, "udp");
      expect(udp.number("udp.length")).toBe(8 + 8 + inner.length);
      // 1 is good, 3 absent, and 4 absent where it should not be.
      const absent = versionOf(outer) === "ipv6" ? 4 : 3;
      expect(udp.number("udp.checksum.status")).toBe(outer.checksum ? 1 : absent);
    });
  });

  test("on STT frames that are built", () => {
    const keys = fc.record({ vni: uint(24), ingress: uint(15), egress: uint(16) });
    const path = checkBuilt("stt", keys, AS_STT, (packet, { keys, inner }) => {
      const stt = protocolOf(packet, "stt");
      expect(contextKeys(stt)).toEqual([keys.vni, keys.egress, keys.ingress]);
      expect(stt.number("stt.pkt_len")).toBe(18 + inner.length);
      expect([stt.number("stt.seg_off"), stt.number("stt.pkt_id")]).toEqual([0, 1]);
      expect(stt.number("stt.dport")).toBe(7471);
    });
    checkTcp(path);
  });

  test("on VXLAN, its keys and every length and checksum", () => {
    const records = fc.record({
      vector: fc.constantFrom("vxlanRequest" as const, "vxlanIpv6" as const),
      datapath: uint(12),
      egress: fc.oneof(uint(11), fc.integer({ min: 32768, max: 34815 })),
      reserved: uint(8),
      more: fc.uint8Array({ maxLength: 40 }),
    });
    const given = fc.sample(records, FRAMES);
    const frames = given.map(({ vector, datapath, egress, reserved, more }) => {
      const fields: VxlanRecord = { flags: 8, reserved, vni: ovnVni(datapath, egress), reserved2: 0 };
      return changed(vector, "vxlan", fields, more);
    });
    tshark(written(frames, "vxlan.pcap")).forEach((packet, i) => {
      const { vector, datapath, egress, more } = given[i];
      const vxlan = protocolOf(packet, "vxlan");
      const port = egress < 32768 ? egress : egress - 32768 + 2048;
      expect(vxlan.number("vxlan.flags") >>> 8).toBe(8);
      expect(vxlan.number("vxlan.vni")).toBe(port * 4096 + datapath);
      const udp = protocolOf(packet, "udp");
      expect(udp.number("udp.length")).toBe(8 + 8 + 74 + more.length);
      // 1 is good.
      expect(udp.number("udp.checksum.status")).toBe(1);
      expect(protocolOf(packet, "icmp").number("icmp.checksum.status")).toBe(1);
      expect(protocolOf(packet, vector === "vxlanIpv6" ? "ipv6" : "ip")).toBeDefined();
    });
  });

  test("on STT, its keys, and the length before it", () => {
    const records = fc.record({
      datapath: uint(24),
      ingress: uint(15),
      egress: uint(16),
      flags: uint(4),
      l4Offset: uint(8),
      mss: uint(16),
      vlan: uint(16),
      more: fc.uint8Array({ maxLength: 40 }),
    });
    const given = fc.sample(records, FRAMES);
    const frames = given.map(({ datapath, ingress, egress, more, ...fields }) => {
      const contextId = ovnContextId(datapath, ingress, egress);
      const stt: SttRecord = { version: 0, reserved: 0, padding: 0, contextId, ...fields };
      return changed("sttRequest", "stt", stt, more);
    });
    const path = written(frames, "stt.pcap");
    tshark(path, ...AS_STT).forEach((packet, i) => {
      const { datapath, ingress, egress, flags, l4Offset, mss, vlan, more } = given[i];
      const stt = protocolOf(packet, "stt");
      expect(contextKeys(stt)).toEqual([datapath, egress, ingress]);
      expect([stt.number("stt.version"), stt.number("stt.flags")]).toEqual([0, flags]);
      expect([stt.number("stt.l4offset"), stt.number("stt.mss")]).toEqual([l4Offset, mss]);
      expect(stt.number("stt.vlan")).toBe(vlan);
      expect([stt.number("stt.pkt_len"), stt.number("stt.seg_off")]).toEqual([18 + 74 + more.length, 0]);
      expect(stt.number("stt.dport")).toBe(7471);
      expect(protocolOf(packet, "icmp").number("icmp.checksum.status")).toBe(1);
    });
    checkTcp(path);
  });
});

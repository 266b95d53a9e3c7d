/* tshark reads VXLAN and STT as we write them, field by field. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { writeLayers } from "../../src/encode/layers.js";
import { type HeaderLayer, type HeaderName, type Layer, readLayers } from "../../src/frame/layers.js";
import { ovnContextId, ovnVni, type SttRecord, type VxlanRecord } from "../../src/wire/index.js";
import { type PacketName, packetBytes } from "../vectors/packets.js";
import { uint } from "../wire/helpers.js";
import { writePcap } from "./pcap.js";
import { type Dissection, describeTshark, type Protocol, tshark } from "./pdml.js";

const FRAMES = 200;
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

describeTshark("tshark agrees", () => {
  let directory = "";
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), "genevescope-tunnels-"));
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  const written = (frames: readonly Layer[][], file: string): string => {
    const path = join(directory, file);
    const records = frames.map((layers, index) => ({
      seconds: index,
      microseconds: 0,
      bytes: Buffer.from(writeLayers(layers, FIX)),
    }));
    writePcap(path, records);
    return path;
  };

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
    tshark(path, "ip.try_heuristic_first:TRUE").forEach((packet, i) => {
      const { datapath, ingress, egress, flags, l4Offset, mss, vlan, more } = given[i];
      const stt = protocolOf(packet, "stt");
      const id = BigInt(stt.show("stt.context_id"));
      expect([id % 2n ** 24n, (id / 2n ** 24n) % 2n ** 16n, id / 2n ** 40n].map(Number)).toEqual([
        datapath,
        egress,
        ingress,
      ]);
      expect([stt.number("stt.version"), stt.number("stt.flags")]).toEqual([0, flags]);
      expect([stt.number("stt.l4offset"), stt.number("stt.mss")]).toEqual([l4Offset, mss]);
      expect(stt.number("stt.vlan")).toBe(vlan);
      expect([stt.number("stt.pkt_len"), stt.number("stt.seg_off")]).toEqual([18 + 74 + more.length, 0]);
      expect(stt.number("stt.dport")).toBe(7471);
      expect(protocolOf(packet, "icmp").number("icmp.checksum.status")).toBe(1);
    });
    // Taken for TCP it has TCP's checksum, which is right.
    const tcp = join(directory, "tcp.pcap");
    writePcap(
      tcp,
      frames.map((layers) => ({ seconds: 1, microseconds: 0, bytes: Buffer.from(writeLayers(layers, FIX)) })),
    );
    for (const packet of tshark(tcp)) expect(protocolOf(packet, "tcp").number("tcp.checksum.status")).toBe(1);
  });
});

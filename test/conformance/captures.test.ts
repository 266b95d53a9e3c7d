/* The names that OVN itself has for what is in the shipped captures, and the answers they must give. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { CAPTURES, type Capture, captures, scenarios, type TruePort, type Truth, truth } from "./captures.js";
import { type Analysis, decodeAll, nanoseconds, type Packet } from "./genevescope.js";

/** The first egress key of a multicast group. */
const FIRST_GROUP = 32768;

/** The keys in a VXLAN VNI between hypervisors; to a VTEP gateway it is the datapath's alone. */
function keysInVni(vni: number, isWhole: boolean) {
  if (isWhole) return { vni, ingress: null, egress: null };
  const egress = vni >>> 12;
  return { vni: vni & 4095, ingress: null, egress: egress < 2048 ? egress : egress - 2048 + FIRST_GROUP };
}

/** A packet and its keys; null for one that its tunnel does not carry. */
interface Keyed {
  packet: Packet;
  vni: number;
  ingress: number | null;
  egress: number | null;
}

/** Packets with OVN's option, or in VXLAN, and their keys as the header's own bytes give them. */
function withKeys(said: Truth, packets: Packet[]): Keyed[] {
  return packets.flatMap((packet): Keyed[] => {
    if (packet.vxlan !== undefined) {
      const { src, dst } = (packet.outer?.ip ?? {}) as { src: string; dst: string };
      const isWhole = [src, dst].some((ip) => said.vteps.has(said.chassis.get(ip) ?? ""));
      return [{ packet, ...keysInVni(packet.vxlan.vni, isWhole) }];
    }
    const option = packet.geneve?.options.find((each) => each.class === 0x0102 && each.type === 0x80);
    if (packet.geneve === null || option === undefined) return [];
    const word = Number.parseInt(option.data, 16);
    return [{ packet, vni: packet.geneve.vni, ingress: (word >>> 16) & 0x7fff, egress: word & 0xffff }];
  });
}

/** What `ovn` must hold. */
function named(said: Truth, vni: number, ingress: number | null, egress: number | null, packet: Packet) {
  const milliseconds = Number(nanoseconds(packet.time)) / 1e6;
  const datapath = said.datapaths.get(vni);
  const port = (key: number | null) => {
    const found = said.ports.get(`${vni}:${key}`);
    if (found === undefined) return null;
    return { name: found.name, type: found.type, chassis: found.chassisAt(milliseconds) };
  };
  const ip = packet.outer?.ip as { src: string; dst: string };
  return {
    datapathKey: vni,
    ingressKey: ingress,
    egressKey: egress,
    datapath: { name: datapath?.name, kind: datapath?.kind, uuid: datapath?.uuid },
    inport: port(ingress),
    outport:
      egress === null || egress < FIRST_GROUP
        ? port(egress)
        : { name: said.groups.get(`${vni}:${egress}`), type: "multicast" },
    sourceChassis: said.chassis.get(ip.src),
    destinationChassis: said.chassis.get(ip.dst),
  };
}

/** The VM that has this address, or null. */
function vm(said: Truth, ip: string): TruePort | null {
  const found = [...said.ports.values()].filter(
    (port) => port.type === "" && port.mac.some((entry) => entry.split(" ").slice(1).includes(ip)),
  );
  return found.length === 1 ? found[0] : null;
}

const known = new Map<Capture, Packet[]>();

/** Every packet of a capture with its names; the program is asked once. */
function decoded(capture: Capture): Packet[] {
  const packets = known.get(capture) ?? decodeAll(capture.path, "--sb", capture.sb);
  known.set(capture, packets);
  return packets;
}

describe.each(scenarios)("captures/%s", (scenario) => {
  const said = truth(scenario);
  const here = captures.filter((capture) => capture.scenario === scenario);
  const readme = readFileSync(join(CAPTURES, scenario, "README.md"), "utf8");

  for (const capture of here) {
    test(`${capture.name}: every packet has the names OVN gives its keys`, () => {
      const packets = withKeys(said, decoded(capture));
      expect(packets.length).toBeGreaterThan(0);
      expect(packets.map(({ packet }) => packet.ovn)).toMatchObject(
        packets.map(({ packet, vni, ingress, egress }) => named(said, vni, ingress, egress, packet)),
      );
    });

    test(`${capture.name}: nothing is left without a name`, () => {
      for (const { packet, ingress, egress } of withKeys(said, decoded(capture))) {
        const { datapath, inport, outport, sourceChassis, destinationChassis } = packet.ovn ?? {};
        const names = [datapath?.name, sourceChassis, destinationChassis];
        if (ingress !== null) names.push(inport?.name);
        if (egress !== null) names.push(outport?.name);
        for (const name of names) expect(name, `packet ${packet.number}`).toMatch(/^\w/);
      }
    });

    test(`${capture.name}: the VMs are found by their inner addresses`, () => {
      let found = 0;
      for (const packet of decoded(capture)) {
        const ip = packet.inner?.ip as { src: string; dst: string } | undefined;
        if (ip === undefined || packet.ovn?.bfd === true) continue;
        for (const [end, address] of [["source", ip.src] as const, ["destination", ip.dst] as const]) {
          const port = vm(said, address);
          if (port === null) continue;
          expect(packet.ovn?.[end]?.name, `${end} of packet ${packet.number}`).toBe(port.name);
          found++;
        }
      }
      // In arp-broadcast and ipv6-inner some have no address that OVN knows, elsewhere all do.
      expect(found).toBeGreaterThan(3);
    });

    test(`${capture.name}: as many packets as the README says`, () => {
      const row = readme.split("\n").find((line) => line.startsWith(`| \`${capture.name}\``)) ?? "";
      const packets = decoded(capture);
      expect(/ (\d+) packets/.exec(row)?.[1]).toBe(String(packets.length));
      const tunnel = /of them (\d+) (?:to UDP port 6081|through tunnels)/.exec(row);
      if (tunnel !== null)
        expect(packets.filter(({ status }) => status !== "not-geneve")).toHaveLength(Number(tunnel[1]));
    });
  }

  test("expected.json is what analyze says (test/conformance/update-expected.mjs makes it again)", () => {
    const script = join(import.meta.dirname, "update-expected.mjs");
    const text = execFileSync(process.execPath, [script, "--print", scenario], { encoding: "utf8" });
    const kept = readFileSync(join(CAPTURES, scenario, "expected.json"), "utf8");
    expect(JSON.parse(text)).toEqual(JSON.parse(kept));
    expect(Object.keys(JSON.parse(kept))).toEqual(here.map(({ name }) => name));
  });
});

describe.each(scenarios)("captures/%s/expected.json", (scenario) => {
  const said = truth(scenario);
  const answers = JSON.parse(readFileSync(join(CAPTURES, scenario, "expected.json"), "utf8")) as {
    [file: string]: Analysis;
  };
  const name = (datapathKey: number, key: number | null) =>
    key === null
      ? null
      : (said.ports.get(`${datapathKey}:${key}`)?.name ?? said.groups.get(`${datapathKey}:${key}`));
  const friendlyName = (datapathKey: number, key: number | null) =>
    said.ports.get(`${datapathKey}:${key}`)?.friendlyName ?? null;

  test.each(Object.entries(answers))(
    "%s: names are OVN's, and all sums are those of the flows",
    (_, answer) => {
      const { flows, datapaths, ports, tunnels } = answer;
      expect(flows.length).toBe(answer.flowCount);
      const total = (wanted: (flow: Analysis["flows"][number]) => boolean) => {
        const some = flows.filter(wanted);
        const sum = (of: "packets" | "bytes") => some.reduce((count, flow) => count + flow[of], 0);
        return { packets: sum("packets"), bytes: sum("bytes") };
      };
      for (const flow of flows)
        expect(flow).toMatchObject({
          datapath: said.datapaths.get(flow.datapathKey)?.name,
          inport: name(flow.datapathKey, flow.ingressKey),
          outport: name(flow.datapathKey, flow.egressKey),
          datapathFriendlyName: said.datapaths.get(flow.datapathKey)?.friendlyName,
          inportFriendlyName: friendlyName(flow.datapathKey, flow.ingressKey),
          outportFriendlyName: friendlyName(flow.datapathKey, flow.egressKey),
        });
      expect(total(() => true).packets).toBe(answer.ovn);

      expect(datapaths.map(({ datapathKey }) => datapathKey).sort()).toEqual(
        [...new Set(flows.map(({ datapathKey }) => datapathKey))].sort(),
      );
      for (const { datapathKey, ...datapath } of datapaths)
        expect(datapath).toEqual({
          name: said.datapaths.get(datapathKey)?.name,
          friendlyName: said.datapaths.get(datapathKey)?.friendlyName,
          kind: said.datapaths.get(datapathKey)?.kind,
          ...total((flow) => flow.datapathKey === datapathKey),
        });

      const seen = flows.flatMap(({ datapathKey, ingressKey, egressKey }) =>
        [ingressKey, egressKey].filter((key) => key !== null).map((key) => `${datapathKey}:${key}`),
      );
      expect(ports.map(({ datapathKey, portKey }) => `${datapathKey}:${portKey}`).sort()).toEqual(
        [...new Set(seen)].sort(),
      );
      for (const { datapathKey, portKey, ...port } of ports) {
        const row = said.ports.get(`${datapathKey}:${portKey}`);
        const here = (flow: Analysis["flows"][number]) => flow.datapathKey === datapathKey;
        const received = total((flow) => here(flow) && flow.egressKey === portKey);
        const sent = total((flow) => here(flow) && flow.ingressKey === portKey);
        expect(port).toEqual({
          datapath: said.datapaths.get(datapathKey)?.name,
          datapathFriendlyName: said.datapaths.get(datapathKey)?.friendlyName,
          name: name(datapathKey, portKey),
          friendlyName: friendlyName(datapathKey, portKey),
          type: row?.type ?? "multicast",
          chassis: row?.chassisAt(Number.POSITIVE_INFINITY) ?? null,
          rxPackets: received.packets,
          rxBytes: received.bytes,
          txPackets: sent.packets,
          txBytes: sent.bytes,
        });
      }

      for (const { source, destination, sourceChassis, destinationChassis } of tunnels)
        expect([sourceChassis, destinationChassis]).toEqual([
          said.chassis.get(source),
          said.chassis.get(destination),
        ]);
    },
  );
});

describe("the chassis of a port over time", () => {
  const port = [...truth("migration").ports.values()].find(({ name }) => name === "vm4");

  test("vm4 moves within the capture, and its packets show where it was", () => {
    const capture = captures.find(({ title }) => title === "migration/hv1.pcap") as Capture;
    const seen: (string | null)[] = [];
    for (const packet of decoded(capture)) {
      for (const end of [packet.ovn?.inport, packet.ovn?.outport]) {
        if (end?.name !== "vm4") continue;
        const milliseconds = Number(nanoseconds(packet.time)) / 1e6;
        expect(end.chassis, `packet ${packet.number}`).toBe(port?.chassisAt(milliseconds));
        if (seen.at(-1) !== end.chassis) seen.push(end.chassis ?? null);
      }
    }
    expect(seen.filter((chassis) => chassis !== null)).toEqual(["worker1", "worker2", "worker1"]);
  });

  test("--sb-time latest knows only the last, a time that of then", () => {
    const capture = captures.find(({ title }) => title === "migration/hv1.pcap") as Capture;
    const chassis = (...args: string[]) => {
      const all = decodeAll(capture.path, "--sb", capture.sb, ...args).flatMap(({ ovn }) => [
        ovn?.inport,
        ovn?.outport,
      ]);
      return new Set(all.filter((each) => each?.name === "vm4").map((each) => each?.chassis));
    };
    expect(chassis("--sb-time", "latest")).toEqual(new Set(["worker1"]));
    // The first moment at which it was on worker2, after it was seen on worker1.
    const [first, last] = decodeAll(capture.path)
      .filter(({ geneve }) => geneve !== null)
      .map(({ time }) => Number(nanoseconds(time)) / 1e6)
      .filter((_, index, { length }) => index === 0 || index === length - 1);
    let moved = Math.ceil(first);
    while (moved < last && port?.chassisAt(moved) !== "worker2") moved++;
    expect(chassis("--sb-time", new Date(moved).toISOString())).toEqual(new Set(["worker2"]));
    expect(chassis("--sb-time", new Date(moved - 1).toISOString())).not.toContain("worker2");
  });
});

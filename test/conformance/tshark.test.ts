/* Every shipped capture packet by packet, and its sums, against tshark. */
import { basename } from "node:path";
import { expect, test } from "vitest";
import { captures } from "./captures.js";
import { analyze, decodeAll, nanoseconds, type Packet } from "./genevescope.js";
import { type Dissection, describeTshark, type Protocol, tshark } from "./pdml.js";
import { expected } from "./tshark-packets.js";

/** What is beside the headers. */
const BESIDE = ["payload", "trailers", "summary"];

/** VXLAN's keys of OVN as the data of Geneve's option would have them, and the datapath's. */
function keysOf(vxlan: Protocol): string {
  const vni = vxlan.number("vxlan.vni");
  const egress = vni >>> 12;
  return `${vni & 4095} 0000${(egress < 2048 ? egress : egress + 0x7800).toString(16).padStart(4, "0")}`;
}

/** The names of the headers that are there: none may be ours alone. */
function headerNames(depth: object | null): string[] {
  return Object.keys(depth ?? {})
    .filter((name) => !BESIDE.includes(name))
    .sort();
}

const withExactTime = (packet: Packet) => ({ ...packet, time: nanoseconds(packet.time) });
const sum = (numbers: number[]) => numbers.reduce((total, each) => total + each, 0);

/** Packets by a key, with what `analyze` says of such a group. */
function grouped(packets: Dissection[], key: (tunnel: Protocol, ip: Protocol) => string | null) {
  const groups = new Map<
    string,
    { packets: number; bytes: number; first: bigint; last: bigint; ip: number[] }
  >();
  for (const packet of packets) {
    const { protocols } = packet;
    const tunnel = protocols.find(({ name }) => name === "geneve" || name === "vxlan");
    const ip = protocols.find(({ name }) => name === "ip" || name === "ipv6");
    const word = tunnel === undefined ? null : key(tunnel, ip as Protocol);
    if (word === null) continue;
    const { time, originalBytes } = expected(packet);
    const length = ip?.name === "ip" ? ip.number("ip.len") : Number(ip?.number("ipv6.plen")) + 40;
    const group = groups.get(word) ?? { packets: 0, bytes: 0, first: time, last: time, ip: [] };
    group.packets++;
    group.bytes += originalBytes;
    if (time < group.first) group.first = time;
    if (time > group.last) group.last = time;
    group.ip.push(length);
    groups.set(word, group);
  }
  return groups;
}

describeTshark("tshark agrees", () => {
  test("on every shipped capture, so there are some", () => {
    expect(captures.length).toBeGreaterThan(15);
  });

  for (const capture of captures) {
    test(`packet by packet: ${capture.title}`, () => {
      const theirs = tshark(capture.path).map(expected);
      const ours = decodeAll(capture.path, "--sb", capture.sb);
      expect(ours.map(withExactTime)).toMatchObject(theirs);
      for (const depth of ["outer", "inner"] as const)
        expect(ours.map((packet) => headerNames(packet[depth]))).toEqual(
          theirs.map((packet) => headerNames(packet[depth])),
        );
    });

    test(`on the sums: ${capture.title}`, () => {
      const packets = tshark(capture.path);
      const theirs = packets.map(expected);
      const geneve = theirs.filter((packet) => packet.geneve !== null);
      const vxlan = theirs.filter((packet) => packet.vxlan !== undefined);
      const ours = analyze(capture.path);
      const bytes = sum(theirs.map(({ originalBytes }) => originalBytes));
      expect(ours).toMatchObject({
        packets: theirs.length,
        bytes,
        geneve: geneve.length,
        vxlan: vxlan.length,
        stt: 0,
        // Without the southbound nobody says whose it is.
        vxlanAssumed: vxlan.length,
        ovn:
          vxlan.length +
          geneve.filter((packet) => packet.geneve?.options.some((option) => option.class === 0x102)).length,
        bfd: geneve.filter((packet) => packet.inner !== null && "bfd" in packet.inner).length,
        notGeneve: theirs.length - geneve.length - vxlan.length,
        malformed: 0,
        truncated: 0,
        unsupported: 0,
      });
      expect(ours.files).toHaveLength(1);
      const [file] = ours.files;
      expect(basename(file.name)).toBe(capture.name);
      expect(file).toMatchObject({ packets: theirs.length, bytes });
      expect([nanoseconds(file.firstTime), nanoseconds(file.lastTime)]).toEqual([
        theirs[0].time,
        theirs[theirs.length - 1].time,
      ]);

      const flows = grouped(packets, (header) =>
        header.name === "vxlan"
          ? keysOf(header)
          : header.has("geneve.option.unknown.data")
            ? `${header.number("geneve.vni")} ${header.hex("geneve.option.unknown.data")}`
            : null,
      );
      const hex4 = (key: number | null) => (key ?? 0).toString(16).padStart(4, "0");
      expect(
        ours.flows.map((flow) => [
          `${flow.datapathKey} ${hex4(flow.ingressKey)}${hex4(flow.egressKey)}`,
          flow.packets,
          flow.bytes,
          nanoseconds(flow.firstTime),
          nanoseconds(flow.lastTime),
        ]),
      ).toEqual(
        [...flows]
          .map(([key, { packets, bytes, first, last }]) => [key, packets, bytes, first, last] as const)
          // By bytes, then by the keys: numbers of fixed width but the first, of which there are few.
          .sort((a, b) => b[2] - a[2] || (a[0] < b[0] ? -1 : 1)),
      );
      expect(ours.flowCount).toBe(flows.size);

      const tunnels = grouped(
        packets,
        (_, ip) => `${ip.show(`${ip.name}.src`)} ${ip.show(`${ip.name}.dst`)}`,
      );
      expect(
        new Map(
          ours.tunnels.map(({ source, destination, packets, bytes, largestOuterBytes }) => [
            `${source} ${destination}`,
            { packets, bytes, largestOuterBytes },
          ]),
        ),
      ).toEqual(
        new Map(
          [...tunnels].map(([key, { packets, bytes, ip }]) => [
            key,
            { packets, bytes, largestOuterBytes: Math.max(...ip) },
          ]),
        ),
      );
    });
  }
});

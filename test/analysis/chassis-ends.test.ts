/* What VXLAN is, by the southbound's chassis at its ends, as of the packet's time. */
import { afterAll, expect, test } from "vitest";
import { ChassisEnds } from "../../src/analysis/chassis-ends.js";
import { FrameBatch } from "../../src/frame/columns.js";
import { FrameDecoder } from "../../src/frame/decode.js";
import { type Inventory, openSouthbound } from "../../src/southbound/index.js";
import { parseIpv4, parseIpv6 } from "../../src/wire/index.js";
import { batchOf, rowOf } from "../frame/batch.js";
import { databaseFile, pairs, ref, TempDirectory, uuid } from "../southbound/ovsdb.js";
import { packetBytes } from "../vectors/packets.js";

const directory = new TempDirectory();
afterAll(() => directory.dispose());

const SECOND = 1_700_000_000;

/** A chassis with one Encap a type and address. */
function chassis(index: number, name: string, ends: [type: string, ip: string][], more: object = {}) {
  const ids = ends.map((_, end) => uuid(4, index * 10 + end));
  return {
    Encap: Object.fromEntries(ends.map(([type, ip], end) => [ids[end], { type, ip, chassis_name: name }])),
    Chassis: {
      [uuid(3, index)]: {
        name,
        hostname: name,
        encaps: ids.length === 1 ? ref(ids[0]) : ["set", ids.map((id) => ref(id))],
        ...more,
      },
    },
  };
}

const ALL = [
  chassis(1, "hv1", [["vxlan", "10.0.0.1"]]),
  chassis(2, "hv2", [
    ["geneve", "10.0.0.2"],
    ["vxlan", "10.0.0.2"],
  ]),
  chassis(3, "hv3", [["geneve", "10.0.0.3"]]),
  chassis(4, "gw", [["vxlan", "10.0.0.4"]], { other_config: pairs({ "is-vtep": "true" }) }),
  chassis(5, "hv5", [["vxlan", "fd00::5"]]),
  chassis(6, "hv6", [["vxlan", "fd00::6"]]),
];

let files = 0;
async function journal(...later: object[]): Promise<Inventory> {
  const start = {
    _date: SECOND * 1000,
    _is_diff: true,
    Encap: Object.assign({}, ...ALL.map(({ Encap }) => Encap)),
    Chassis: Object.assign({}, ...ALL.map(({ Chassis }) => Chassis)),
  };
  return openSouthbound(directory.file(`${files++}.db`, databaseFile([start, ...later])));
}

/** VXLAN of VNI 70000 from one address to another. */
function packet(from: string, to: string, seconds = SECOND + 1) {
  const isIpv6 = from.includes(":");
  const bytes = packetBytes(isIpv6 ? "vxlanIpv6" : "vxlanWhole");
  const view = new DataView(bytes.buffer);
  if (isIpv6) {
    bytes.set(parseIpv6(from), 22);
    bytes.set(parseIpv6(to), 38);
  } else {
    view.setUint32(26, parseIpv4(from));
    view.setUint32(30, parseIpv4(to));
  }
  return { bytes, sec: seconds, nsec: 0 };
}

function kinds(inventory: Inventory, at: number | null, ...given: ReturnType<typeof packet>[]): string[] {
  const { packets, interfaces } = batchOf(given);
  const frames = new FrameBatch(packets.capacity);
  new FrameDecoder(undefined, { ends: new ChassisEnds(inventory, at) }).decode(packets, interfaces, frames);
  return given.map((_, i) => {
    const { tunnel, vni } = rowOf(packets, frames, i);
    return `${tunnel} ${vni}`;
  });
}

test.each([
  ["hypervisors", "10.0.0.1", "10.0.0.2", "vxlan 368"],
  ["hypervisors, over IPv6", "fd00::5", "fd00::6", "vxlan 4095"],
  ["to a gateway", "10.0.0.1", "10.0.0.4", "vxlanVtep 70000"],
  ["from a gateway", "10.0.0.4", "10.0.0.2", "vxlanVtep 70000"],
  ["a gateway and a stranger", "10.0.0.4", "10.9.9.9", "vxlanOther -1"],
  ["a hypervisor and a stranger", "10.0.0.1", "10.9.9.9", "vxlanAssumed 368"],
  ["strangers", "10.9.9.8", "10.9.9.9", "vxlanOther -1"],
  // Another program's VXLAN between hosts whose OVN uses Geneve.
  ["chassis without an Encap of VXLAN", "10.0.0.3", "10.0.0.3", "vxlanOther -1"],
])("%s", async (_, from, to, expected) => {
  const inventory = await journal();
  expect(kinds(inventory, null, packet(from, to), packet(from, to))).toEqual([expected, expected]);
});

test("before the first record it is not known who is there", async () => {
  const inventory = await journal({ _date: (SECOND + 100) * 1000, _is_diff: true });
  const early = packet("10.9.9.8", "10.9.9.9", SECOND - 10);
  expect(kinds(inventory, null, early)).toEqual(["vxlanAssumed 368"]);
  expect(kinds(inventory, Number.POSITIVE_INFINITY, early)).toEqual(["vxlanOther -1"]);
});

test("a chassis that becomes a gateway is one from then on", async () => {
  const inventory = await journal({
    _date: (SECOND + 100) * 1000,
    _is_diff: true,
    Chassis: { [uuid(3, 2)]: { other_config: pairs({ "is-vtep": "true" }) } },
  });
  const at = (seconds: number) => packet("10.0.0.1", "10.0.0.2", SECOND + seconds);
  const given = [at(1), at(99), at(100), at(200), at(2)];
  expect(kinds(inventory, null, ...given)).toEqual([
    "vxlan 368",
    "vxlan 368",
    "vxlanVtep 70000",
    "vxlanVtep 70000",
    "vxlan 368",
  ]);
  expect(new Set(kinds(inventory, Number.POSITIVE_INFINITY, ...given))).toEqual(new Set(["vxlanVtep 70000"]));
  expect(new Set(kinds(inventory, (SECOND + 5) * 1000, ...given))).toEqual(new Set(["vxlan 368"]));
});

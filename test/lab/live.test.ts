/* A capture that is named as it comes, while the servers that name it go down. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { decodeAll, type Packet } from "../conformance/genevescope.js";
import { eventually } from "../southbound/cluster.js";
import { describeLab, Lab } from "./lab.js";
import { LiveDecode } from "./live.js";

const VM2 = "192.168.1.12";
const LATE = "192.168.0.31";

/** What is said when a server is lost, when there is one again, and when there is none at the end. */
const LOST = /^genevescope: \S.*; going on with the names as of (\S+Z)$/;
const FOUND = /^genevescope: \S.*: connected again(?:, to \S+,)? after \d+\.\d s$/;
const OLD = /^genevescope: \S.*: not connected at the end; names are as of \S+Z, \d+\.\d s ago$/;

const isEcho = ({ inner }: Packet) => inner?.icmp !== undefined;
const nameOf = expect.any(String);

/** What `list` has from the first to the last that `other` has, too: captures begin and end one after the other. */
const shared = (list: string[], other: string[]) =>
  list.slice(
    list.findIndex((each) => other.includes(each)),
    list.findLastIndex((each) => other.includes(each)) + 1,
  );

/** Every ping that the capture `file` of the same host has is there, and each has its names. */
function expectNoGap(packets: Packet[], file: string): void {
  const ours = packets.filter(isEcho);
  for (const { time, ovn } of ours)
    expect(ovn, time).toMatchObject({
      datapath: { name: nameOf, kind: "switch" },
      inport: { name: nameOf },
      outport: { name: nameOf, chassis: ovn?.destinationChassis },
      sourceChassis: expect.stringMatching(/^worker[12]$/),
      destinationChassis: expect.stringMatching(/^worker[12]$/),
      source: { name: nameOf },
      destination: { name: nameOf },
    });
  const [shown, captured] = [ours, decodeAll(file).filter(isEcho)].map((all) =>
    all.map(({ inner }) => inner?.summary ?? ""),
  );
  expect(shared(shown, captured)).toEqual(shared(captured, shown));
  expect(shared(shown, captured).length).toBeGreaterThan(40);
}

describeLab("a live capture", () => {
  let lab: Lab;
  let live: LiveDecode | null = null;

  beforeEach(() => {
    lab = new Lab();
  });
  afterEach(() => {
    live?.kill();
    live = null;
    lab.down();
  });

  /** A VM that nobody knew before, and which somebody pings from then on. */
  function addLate(): void {
    lab.addVm("late", "hv2", "40:44:00:00:00:31", `${LATE}/24`);
    lab.warm("vm1", LATE);
    lab.start("vm1", "ping", "-n", "-q", "-i", "0.02", LATE);
  }

  function expectLate(packets: Packet[]): void {
    const answer = packets.findLast(({ inner }) => inner?.summary?.startsWith(`${LATE} > `));
    expect(answer?.ovn).toMatchObject({
      inport: { name: "late", type: "", chassis: "worker2" },
      outport: { name: "vm1", type: "", chassis: "worker1" },
    });
  }

  test("goes on while its server is away", async () => {
    lab.run("up");
    lab.run("topology", "basic");
    lab.warm("vm1", VM2);
    const file = lab.file("hv1.pcap");
    lab.run("capture", "hv1", file);
    const begin = Date.now();
    live = new LiveDecode(lab, "hv1", lab.socket);
    lab.start("vm1", "ping", "-n", "-q", "-i", "0.02", VM2);
    await live.more(VM2);
    lab.run("kill-server", "sb");
    const since = Date.parse((await live.report(LOST))[1]);
    expect(since).toBeGreaterThanOrEqual(begin);
    expect(since).toBeLessThanOrEqual(Date.now());
    await live.more(VM2);
    lab.run("start-server", "sb");
    await live.report(FOUND);
    addLate();
    await live.more(LATE);
    await live.more(VM2);
    // Once more, and for good.
    lab.run("kill-server", "sb");
    await live.more(VM2);
    expect(await live.end()).toBe(0);
    expectNoGap(live.packets, file);
    expectLate(live.packets);
    expect(live.reports).toEqual([LOST, FOUND, LOST, OLD].map((line) => expect.stringMatching(line)));
  }, 60_000);

  test("goes on while a cluster elects another leader", async () => {
    lab.run("up", "cluster");
    lab.run("topology", "basic");
    lab.warm("vm1", VM2);
    const members = ["sb1", "sb2", "sb3"];
    const leader = members.find((member) => lab.leads(member)) as string;
    const others = members.filter((member) => member !== leader);
    const remotes = [leader, ...others].map((member) => `tcp:10.127.0.2:${6641 + Number(member.slice(2))}`);
    const file = lab.file("hv1.pcap");
    lab.run("capture", "hv1", file);
    live = new LiveDecode(lab, "hv1", remotes.join(","), "central");
    lab.start("vm1", "ping", "-n", "-q", "-i", "0.02", VM2);
    await live.more(VM2);
    lab.run("kill-server", leader);
    await live.report(FOUND);
    await eventually("another leads", () => others.some((member) => lab.leads(member)));
    await live.more(VM2);
    // ovn-northd keeps looking for the leader ever more seldom; a new one finds it sooner.
    lab.run("kill-server", "northd");
    lab.run("start-server", "northd");
    addLate();
    await live.more(LATE);
    await live.more(VM2);
    expect(await live.end()).toBe(0);
    expectNoGap(live.packets, file);
    expectLate(live.packets);
    // A vote that is split is held again, and a member without a leader is left.
    live.reports.forEach((line, index) => {
      expect(line).toMatch(index % 2 === 0 ? LOST : FOUND);
    });
    expect(live.reports.at(-1)).toMatch(FOUND);
    // The file of a member that lived on says the same afterwards.
    const named = new Map(
      decodeAll(file, "--sb", lab.central(`${others[0]}.db`)).map((packet) => [packet.time, packet]),
    );
    const both = live.packets.filter(isEcho).filter(({ time }) => named.has(time));
    expect(both.length).toBeGreaterThan(20);
    for (const { time, ovn } of both) expect(named.get(time)?.ovn, time).toEqual(ovn);
  }, 60_000);
});

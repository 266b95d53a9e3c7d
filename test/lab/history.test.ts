/* What a real OVN's journal alone says of packets that crossed a change: a move, a key given to another. */
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  analyze,
  decodeAll,
  genevescope,
  nanoseconds,
  type Packet,
  type Port,
} from "../conformance/genevescope.js";
import { describeLab, Lab } from "./lab.js";

const SHARED_KEY = 77;
/** The chassis by their addresses, as the README of the lab has them. */
const CHASSIS: Record<string, string> = {
  "10.127.0.3": "worker1",
  "10.127.0.4": "worker2",
  "10.127.0.5": "worker3",
};

interface Event {
  time: string;
  event: string;
  name: string;
  from?: string;
  to?: string;
  chassis: string | null;
}
interface History {
  historyStart: string;
  latestDate: string;
  events: Event[];
  holders?: { name: string; from: string; until: string | null }[];
}

/** Times of packets have nanoseconds, those of a journal milliseconds: a packet is of the millisecond it is in. */
const moment = (time: string) => Number(nanoseconds(time) / 1_000_000n);
const isRequest = (packet: Packet) => summary(packet).includes("192.168.0.14: ICMP echo request");
const summary = ({ inner }: Packet) => inner?.summary ?? "";
const outer = ({ outer }: Packet) => outer?.ip as unknown as { src: string; dst: string };

describeLab("packets and a lab's journal", () => {
  const lab = new Lab();
  const moving = lab.file("moving.pcap");
  const reusing = lab.file("reusing.pcap");
  /** When each step began and when it was known everywhere, by this machine's clock. */
  const steps: Record<string, [from: number, until: number]> = {};

  function step(name: string, play: () => void): void {
    const from = Date.now();
    play();
    steps[name] = [from, Date.now()];
  }
  const history = (...subject: string[]) =>
    JSON.parse(genevescope("sb", "history", ...subject, "--sb", lab.database, "-o", "json")) as History;
  /** Who vm4 was on each host: a VM that is plugged in is another instance. */
  const instances: Record<string, string> = {};
  const noteInstance = (host: string, chassis: string) => {
    instances[chassis] = JSON.parse(lab.run("vs", host, "get", "Interface", "vm4", "external_ids:vm-id"));
  };
  /** Packets that are there for certain, beside those that flow all the time. */
  const ping = (address: string) =>
    lab.run("exec", "vm1", "ping", "-n", "-q", "-c", "10", "-i", "0.01", address);

  beforeAll(() => {
    lab.run("up", "hosts=3");
    lab.run("topology", "basic");
    lab.addVm("vm4", "hv2", "40:44:00:00:00:08", "192.168.0.14/24");
    lab.run("nb", "set", "Logical_Switch_Port", "vm4", "options:hostname=db-four");
    noteInstance("hv2", "worker2");
    lab.warm("vm1", "192.168.0.14");
    lab.run("capture", "hv1", moving);
    const flow = lab.start("vm1", "ping", "-n", "-q", "-i", "0.01", "192.168.0.14");
    ping("192.168.0.14");
    step("move", () => {
      lab.run("unplug", "vm4", "hv2");
      lab.run("plug", "vm4", "hv3", "40:44:00:00:00:08", "192.168.0.14/24", "192.168.0.1");
      lab.waitBound("vm4", "hv3");
    });
    noteInstance("hv3", "worker3");
    lab.warm("vm1", "192.168.0.14");
    ping("192.168.0.14");
    step("double", () => {
      // A live migration: the port is on both while memory is copied.
      lab.run("nb", "set", "Logical_Switch_Port", "vm4", 'options:requested-chassis="worker3,worker2"');
      lab.run("vs", "hv2", "add-port", "br-int", "vm4", "--", "set", "Interface", "vm4", "type=internal", "external_ids:iface-id=vm4"); // biome-ignore format: one command
      lab.run("sb", "wait-until", "Port_Binding", "vm4", "additional_chassis!=[]");
      lab.run("sync");
    });
    ping("192.168.0.14");
    flow.kill("SIGINT");
    lab.run("capture-stop");

    lab.run("capture", "hv1", reusing);
    const key = `options:requested-tnl-key=${SHARED_KEY}`;
    step("first", () => lab.addVm("first", "hv2", "40:44:00:00:00:21", "192.168.0.21/24", key));
    lab.warm("vm1", "192.168.0.21");
    ping("192.168.0.21");
    step("reuse", () => {
      lab.run("nb", "--wait=hv", "lsp-del", "first");
      lab.run("unplug", "first", "hv2");
      lab.addVm("second", "hv3", "40:44:00:00:00:22", "192.168.0.22/24", key);
    });
    lab.warm("vm1", "192.168.0.22");
    ping("192.168.0.22");
    lab.run("capture-stop");
  });
  afterAll(() => lab.down());

  test("a VM that moves has the chassis of each packet's own time", () => {
    const { events } = history("vm4");
    const time = (event: string) => moment(events.find((each) => each.event === event)?.time as string);
    const unbound = time("unbound");
    const moved = time("moved");
    const doubled = time("also-bound");
    const packets = decodeAll(moving, "--sb", lab.database).filter(isRequest);
    const counts: Record<string, number> = {};
    for (const packet of packets) {
      const now = moment(packet.time);
      const { src, dst } = outer(packet);
      const chassis = now < unbound ? "worker2" : now < moved ? null : "worker3";
      expect(packet.ovn).toMatchObject({
        datapath: { name: "network1" },
        inport: { name: "vm1", chassis: "worker1" },
        outport: { name: "vm4", chassis },
        sourceChassis: CHASSIS[src],
        destinationChassis: CHASSIS[dst],
      });
      // A packet goes where the port is, or, until the move is known everywhere, where it was.
      if (now < unbound || (now > steps.move[1] && now < doubled)) expect(CHASSIS[dst]).toBe(chassis);
      if (CHASSIS[dst] === "worker3") expect(now).toBeGreaterThanOrEqual(moved);
      const stage = now < unbound ? "before" : now < moved ? "between" : now < doubled ? "after" : "double";
      const place = `${stage} ${CHASSIS[dst]}`;
      counts[place] = (counts[place] ?? 0) + 1;
    }
    for (const place of ["before worker2", "after worker3", "double worker2", "double worker3"])
      expect(counts[place], place).toBeGreaterThanOrEqual(10);
  });

  test("its answers come from where it is", () => {
    const replies = decodeAll(moving, "--sb", lab.database).filter((packet) =>
      summary(packet).includes("192.168.0.11: ICMP echo reply"),
    );
    for (const { ovn } of replies) {
      expect(ovn).toMatchObject({
        inport: { name: "vm4", chassis: ovn?.sourceChassis },
        outport: { name: "vm1" },
      });
      expect(ovn?.sourceChassis).toMatch(/^worker[23]$/);
    }
    expect(replies.length).toBeGreaterThanOrEqual(30);
  });

  test("its history has the moves, at the times when they were made", () => {
    const { events, historyStart, latestDate } = history("vm4");
    expect(events.map(({ event, from, to }) => [event, from, to])).toEqual([
      ["created", undefined, undefined],
      ["bound", undefined, "worker2"],
      ["up", undefined, undefined],
      ["unbound", "worker2", undefined],
      ["down", undefined, undefined],
      ["moved", "worker2", "worker3"],
      ["up", undefined, undefined],
      ["also-bound", undefined, "worker2"],
    ]);
    const between = (event: string, [from, until]: readonly [number, number]) => {
      const time = moment(events.find((each) => each.event === event)?.time as string);
      expect(time).toBeGreaterThanOrEqual(from);
      expect(time).toBeLessThanOrEqual(until);
    };
    between("unbound", steps.move);
    between("moved", steps.move);
    between("also-bound", steps.double);
    for (const { time } of events) {
      expect(nanoseconds(time)).toBeGreaterThanOrEqual(nanoseconds(historyStart));
      expect(nanoseconds(time)).toBeLessThanOrEqual(nanoseconds(latestDate));
    }
    const text = genevescope("sb", "history", "vm4", "--sb", lab.database);
    expect(text).toMatch(
      / {2}moved +worker2 \(geneve 10\.127\.0\.4\) -> worker3 \(geneve 10\.127\.0\.5\), after \d+\.\d+ s unbound$/m,
    );
  });

  test("its device and instance are those of the host it was on, its friendly names as given", () => {
    const hosts = ["hv1", "hv2", "hv3"].flatMap((host) => ["--ovs", join(lab.state, host, "conf.db")]);
    const sources = ["--sb", lab.database, "--nb", lab.server("nb"), ...hosts];
    const packets = decodeAll(moving, ...sources).filter(isRequest);
    const seen = new Set<unknown>();
    for (const { time, ovn } of packets) {
      expect(ovn?.datapath).toMatchObject({ friendlyName: "frontend" });
      expect(ovn?.inport).toMatchObject({ friendlyName: "web-1", device: "vm1" });
      const port = ovn?.outport as Port & { instance: string };
      expect(port).toMatchObject({ hostName: "db-four", addresses: ["40:44:00:00:00:08 192.168.0.14"] });
      // A host's database knows that the VM has left before the southbound does.
      const [from, until] = steps.move;
      if (moment(time) >= from && moment(time) <= until) continue;
      expect(port, time).toMatchObject({ device: "vm4", instance: instances[port.chassis as string] });
      seen.add(port.instance);
    }
    expect([...seen].sort()).toEqual(Object.values(instances).sort());
    const text = genevescope("decode", moving, ...sources, "--names", "both");
    expect(text).toContain(" worker1 > worker2 frontend (network1): web-1 (vm1) -> vm4 [vni 1 in 1 out 4] ");
    expect(genevescope("decode", "-v", moving, ...sources, "-c", "1")).toContain(
      `instance ${instances.worker2}`,
    );
  });

  test("a running host's database says what is there now", () => {
    const vswitch = `unix:${join(lab.state, "hv3/db.sock")}`;
    const packets = decodeAll(moving, "--sb", lab.socket, "--ovs", vswitch);
    for (const { ovn } of packets.filter(isRequest))
      expect(ovn?.outport).toMatchObject({ chassis: "worker3", device: "vm4", instance: instances.worker3 });
  });

  const HOLDERS = [
    ["first", "192.168.0.21", "worker2"],
    ["second", "192.168.0.22", "worker3"],
  ] as const;

  test("a key given to another port names each packet by the one that had it then", () => {
    const packets = decodeAll(reusing, "--sb", lab.database);
    for (const [name, address, chassis] of HOLDERS) {
      const port = { name, type: "", chassis };
      const requests = packets.filter((packet) =>
        summary(packet).includes(`> ${address}: ICMP echo request`),
      );
      const replies = packets.filter((packet) => summary(packet).startsWith(`${address} > `));
      for (const { ovn } of requests)
        expect(ovn).toMatchObject({ egressKey: SHARED_KEY, outport: port, destination: { name } });
      for (const { ovn } of replies)
        expect(ovn).toMatchObject({ ingressKey: SHARED_KEY, inport: port, source: { name } });
      expect(Math.min(requests.length, replies.length), name).toBeGreaterThanOrEqual(10);
    }
  });

  test("its traffic is two flows", () => {
    const { flows, ports } = analyze(reusing, "--sb", lab.database);
    const ofKey = flows.filter(({ egressKey }) => egressKey === SHARED_KEY);
    expect(new Set(ofKey.map(({ datapathKey, ingressKey }) => `${datapathKey} ${ingressKey}`)).size).toBe(1);
    expect(ofKey.map(({ outport }) => outport).sort()).toEqual(["first", "second"]);
    for (const { packets } of ofKey) expect(packets).toBeGreaterThanOrEqual(10);
    const [first, second] = ["first", "second"].map((name) => ofKey.find(({ outport }) => outport === name));
    expect(nanoseconds(first?.lastTime as string)).toBeLessThan(nanoseconds(second?.firstTime as string));
    const named = ports.filter(({ portKey }) => portKey === SHARED_KEY);
    expect(named.map(({ name, chassis }) => [name, chassis]).sort()).toEqual([
      ["first", "worker2"],
      ["second", "worker3"],
    ]);
  });

  test("its history has both holders", () => {
    const { holders, events } = history("1", String(SHARED_KEY));
    expect(holders).toMatchObject([{ name: "first" }, { name: "second", until: null }]);
    const [first, second] = holders ?? [];
    const [from, until] = steps.reuse;
    for (const time of [first.until as string, second.from]) {
      expect(moment(time)).toBeGreaterThanOrEqual(from);
      expect(moment(time)).toBeLessThanOrEqual(until);
    }
    expect(moment(first.until as string)).toBeLessThanOrEqual(moment(second.from));
    expect(
      events
        .filter(({ event }) => event === "created" || event === "deleted")
        .map(({ event, name }) => [event, name]),
    ).toEqual([
      ["created", "first"],
      ["deleted", "first"],
      ["created", "second"],
    ]);
    const of = history("first").events;
    expect(of.at(-1)).toMatchObject({ event: "key-reused", holder: { name: "second" } });
  });
});

/* Keys that are filled in for frames without their tunnels; judged by what the tunnels of the same frames said. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { Analyzer } from "../../src/analysis/analyzer.js";
import { BareKeys } from "../../src/analysis/bare-keys.js";
import { Correlator } from "../../src/analysis/correlator.js";
import { FlowKeys } from "../../src/analysis/flow-keys.js";
import { Namer } from "../../src/analysis/namer.js";
import { HeaderPool, type TunnelHeaders } from "../../src/analysis/tunnel-header.js";
import { KeysFrom } from "../../src/frame/columns.js";
import { FrameDecoder } from "../../src/frame/decode.js";
import { openSouthbound } from "../../src/southbound/index.js";
import { egressOf, ingressOf } from "../../src/wire/ovn-option.js";
import { captures } from "../conformance/captures.js";
import { bareBatch, eachBatch, type Inner, innerFrames } from "./inner-only.js";

const pool = new HeaderPool();
const wordOf = ({ ingress, egress }: Inner) => (ingress << 16) | egress;

/** What the underlay says of frames. */
const twinsOf = (inner: readonly Inner[]): TunnelHeaders[] =>
  inner.map((each) => ({
    headers: [pool.get(each.vni, wordOf(each), "10.0.0.1", "10.0.0.2")],
    isOneKey: true,
  }));

describe.each(captures)("$title", ({ path, sb }) => {
  test("by addresses, keys are those of the tunnel, or 0", async () => {
    const inventory = await openSouthbound(sb);
    const correlator = new Correlator(inventory, null, new Namer(inventory, null));
    const inner = await innerFrames(path);
    const { packets, frames } = bareBatch(inner);
    const keys = new BareKeys(() => correlator);
    keys.fill(packets, frames);
    inner.forEach(({ vni, ingress, egress }, i) => {
      const from = frames.keysFrom[i];
      expect([KeysFrom.addresses, KeysFrom.several]).toContain(from);
      if (from === KeysFrom.addresses) expect(frames.vni[i]).toBe(vni);
      else expect([vni, -1]).toContain(frames.vni[i]);
      if (ingress !== 0) expect([ingress, 0]).toContain(ingressOf(frames.ovnKeys[i]));
      if (egress !== 0) expect([egress, 0]).toContain(egressOf(frames.ovnKeys[i]));
      expect(keys.origin(i)?.header).toBeNull();
    });
    expect(keys.counts.reduce((sum, count) => sum + count)).toBe(inner.length);
  });

  test("with the underlay, sums are those of the tunnels, but for the tunnels themselves", async () => {
    const inventory = await openSouthbound(sb);
    const decoder = new FrameDecoder();
    const inner = await innerFrames(path);
    const { packets, frames } = bareBatch(inner);
    new BareKeys(() => null).fill(packets, frames, twinsOf(inner));
    const bare = new Analyzer(inventory, null, decoder);
    bare.startFile("bare");
    bare.add(packets, frames);
    const tunnelled = new Analyzer(inventory, null, decoder);
    tunnelled.startFile("tunnelled");
    await eachBatch(path, "decode", (batch, columns) => tunnelled.add(batch, columns));
    const [some, all] = [bare.summary(), tunnelled.summary()];
    const counted = (flows: typeof some.flows) =>
      Array.from(flows, (each) => `${each.datapath} ${each.inport} ${each.outport} ${each.packets}`).sort();
    expect(counted(some.flows)).toEqual(counted(all.flows));
    expect(some).toMatchObject({ geneve: 0, ovn: 0, unresolved: all.unresolved, tunnels: [] });
    expect(some.bare?.[KeysFrom.underlay]).toBe(inner.length);
    expect(all.bare).toBeNull();
  });
});

describe("a capture's pings", () => {
  const { path, sb } = captures.find(({ title }) => title === "routed-ping/hv2.pcap") as (typeof captures)[0];

  test("have the keys that a dump of the datapath's flows tells", async () => {
    const inventory = await openSouthbound(sb);
    const correlator = new Correlator(inventory, null, new Namer(inventory, null));
    const flows = new FlowKeys();
    flows.write(readFileSync("captures/routed-ping/hv2.flows.txt", "utf8"));
    flows.end();
    const inner = await innerFrames(path);
    const { packets, frames } = bareBatch(inner);
    const keys = new BareKeys(
      () => correlator,
      () => [flows],
    );
    keys.fill(packets, frames);
    expect(keys.counts[KeysFrom.flow]).toBeGreaterThan(4);
    inner.forEach((each, i) => {
      expect([frames.vni[i], frames.ovnKeys[i]]).toEqual([each.vni, wordOf(each)]);
      if (frames.keysFrom[i] === KeysFrom.flow) expect(keys.origin(i)?.header?.vni).toBe(each.vni);
    });
  });

  test("are not told by flows that have changed from one dump to the next, unless the southbound decides", async () => {
    const inventory = await openSouthbound(sb);
    const correlator = new Correlator(inventory, null, new Namer(inventory, null));
    const text = readFileSync("captures/routed-ping/hv2.flows.txt", "utf8");
    const dumpOf = (dump: string) => {
      const flows = new FlowKeys();
      flows.write(dump);
      flows.end();
      return flows;
    };
    const moved = dumpOf(text.replaceAll(/0x(\w{5})(?=\/0x7fffffff\}|\}\))/g, "0x70007"));
    const dump = dumpOf(text);
    const inner = await innerFrames(path);
    const fill = (dumps: FlowKeys[], by: Correlator | null) => {
      const { packets, frames } = bareBatch(inner);
      const keys = new BareKeys(
        () => by,
        () => dumps,
      );
      keys.fill(packets, frames);
      return { counts: keys.counts, words: Array.from(frames.ovnKeys.slice(0, inner.length)) };
    };
    const alone = fill([dump], null);
    expect(alone.counts[KeysFrom.flow]).toBeGreaterThan(0);
    expect(fill([dump, dump], null)).toEqual(alone);
    expect(fill([moved], null).words).toContain(0x70007);
    for (const dumps of [
      [dump, moved],
      [moved, dump],
    ]) {
      expect(fill(dumps, null).counts[KeysFrom.flow]).toBe(0);
      const decided = fill(dumps, correlator);
      expect(decided.words).toEqual(inner.map(wordOf));
      expect(decided.counts[KeysFrom.flow]).toBeGreaterThan(0);
    }
  });

  test("in two tunnels between which nothing decides have no flow's keys", async () => {
    const flows = new FlowKeys();
    flows.write(readFileSync("captures/routed-ping/hv2.flows.txt", "utf8"));
    flows.end();
    const inner = await innerFrames(path);
    const twins = twinsOf(inner).map(({ headers }) => ({
      headers: [...headers, pool.get(77, 0x10002, "10.0.0.1", "10.0.0.3")],
      isOneKey: false,
    }));
    const { packets, frames } = bareBatch(inner);
    const keys = new BareKeys(
      () => null,
      () => [flows],
    );
    keys.fill(packets, frames, twins);
    expect(keys.counts[KeysFrom.nothing]).toBe(inner.length);
  });

  test("in tunnels of two networks are told apart by addresses; without an inventory nothing is told", async () => {
    const inventory = await openSouthbound(sb);
    const correlator = new Correlator(inventory, null, new Namer(inventory, null));
    const inner = await innerFrames(path);
    const both = twinsOf(inner).map(({ headers }) => ({
      headers: [pool.get(77, 0x10002, "10.0.0.1", "10.0.0.3"), ...headers],
      isOneKey: false,
    }));
    const { packets, frames } = bareBatch(inner);
    new BareKeys(() => correlator).fill(packets, frames, both);
    inner.forEach((each, i) => {
      expect([frames.keysFrom[i], frames.vni[i]]).toEqual([KeysFrom.underlay, each.vni]);
    });
    new FrameDecoder().decodeInner(packets, [{ linkType: 1, name: null, snapLength: 0 }], frames);
    const alone = new BareKeys(() => null);
    alone.fill(packets, frames);
    expect(alone.counts[KeysFrom.nothing]).toBe(inner.length);
    expect(frames.vni.slice(0, inner.length).every((vni) => vni === -1)).toBe(true);
  });

  test("whose tunnel had no option of OVN's are told by addresses: its id may mean anything", async () => {
    const inventory = await openSouthbound(sb);
    const correlator = new Correlator(inventory, null, new Namer(inventory, null));
    const inner = await innerFrames(path);
    const { packets, frames } = bareBatch(inner);
    const twins = inner.map(() => ({ headers: [pool.get(5, null, null, null)], isOneKey: true }));
    new BareKeys(() => correlator).fill(packets, frames, twins);
    inner.forEach(({ vni }, i) => {
      expect([frames.keysFrom[i], frames.vni[i]]).toEqual([KeysFrom.addresses, vni]);
    });
  });
});

test("an ingress key that VXLAN does not carry is what the addresses say", async () => {
  const { path, sb } = captures.find(({ title }) => title === "vxlan-ping/hv1.pcap") as (typeof captures)[0];
  const inventory = await openSouthbound(sb);
  const correlator = new Correlator(inventory, null, new Namer(inventory, null));
  const inner = await innerFrames(path);
  const { packets, frames } = bareBatch(inner);
  const keys = new BareKeys(() => correlator);
  keys.fill(packets, frames, twinsOf(inner));
  expect(keys.counts[KeysFrom.underlay]).toBe(inner.length);
  const seen = inner.map(({ vni, egress }, i) => {
    expect([frames.vni[i], egressOf(frames.ovnKeys[i])]).toEqual([vni, egress]);
    const time = Number.POSITIVE_INFINITY;
    const { inport, outport } = inventory.resolve(vni, ingressOf(frames.ovnKeys[i]), egress, time);
    return `${inport?.name} > ${outport?.name}`;
  });
  expect(new Set(seen)).toEqual(
    new Set(["net2-router1 > vm2", "net1-router1 > vm1", "vm1 > vm3", "vm3 > vm1", "vm1 > _MC_flood"]),
  );
  // Whose they are is left open where nobody knows addresses.
  const blank = bareBatch(inner);
  new BareKeys(() => null).fill(blank.packets, blank.frames, twinsOf(inner));
  expect(inner.map((_, i) => ingressOf(blank.frames.ovnKeys[i]))).toEqual(inner.map(() => 0));
});

test("copies of a frame to several chassis have no one destination", async () => {
  const [{ path }] = captures;
  const inner = (await innerFrames(path)).slice(0, 1);
  const { packets, frames } = bareBatch(inner);
  const headers = ["10.0.0.2", "10.0.0.3"].map((to) => pool.get(7, 0x10002, "10.0.0.1", to));
  const keys = new BareKeys(() => null);
  keys.fill(packets, frames, [{ headers, isOneKey: true }]);
  expect(keys.origin(0)?.header).toEqual({
    vni: 7,
    ovnKeys: 0x10002,
    source: "10.0.0.1",
    destination: null,
  });
});

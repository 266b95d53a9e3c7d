/* What a live capture gives is what tcpdump, on the same device at the same time, writes. */
import { createHash } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { CaptureInterface, LiveOptions } from "../../src/capture/index.js";
import { collect, pcap, somePackets, temporary } from "../capture/helper.js";
import { eventually } from "../southbound/cluster.js";
import { describeLive, type LivePacket, Wire } from "./wire.js";

const OVN = "captures/routed-ping/hv2.pcap";

describeLive("live capture", () => {
  let wire: Wire;
  beforeAll(() => {
    wire = new Wire();
    wire.ip("link", "set", "lo", "up");
    wire.ip("tuntap", "add", "dev", "tun0", "mode", "tun");
    wire.ip("link", "set", "tun0", "up");
  });
  afterAll(() => wire?.down());

  test.each(["rx0", "lo", "tun0", "any"])("has the link type of tcpdump, of %s", async (device) => {
    const file = wire.file(`${device}.pcap`);
    const end = await wire.tcpdump(device, file);
    await end();
    const live = wire.capture({ devices: [device] });
    const [{ name, linkType }] = (await live.event("open")).interfaces as CaptureInterface[];
    expect({ name, linkType }).toEqual({
      name: device,
      linkType: (await collect(file)).interfaces[0].linkType,
    });
    await live.stop();
  });

  test.each<[string, Partial<LiveOptions>]>([
    ["together", {}],
    ["at once", { immediate: true }],
    ["cut", { snapBytes: 80 }],
  ])("has the packets of tcpdump, %s", async (name, options) => {
    const file = wire.file(`${name}.pcap`);
    const cut = options.snapBytes === undefined ? [] : ["-s", `${options.snapBytes}`];
    const end = await wire.tcpdump("rx0", file, ...cut);
    const live = wire.capture({ devices: ["rx0"], ...options });
    const { interfaces } = await live.event("open");
    expect(interfaces).toEqual([{ linkType: 1, name: "rx0", snapLength: options.snapBytes ?? 262_144 }]);
    const frames = temporary(pcap(somePackets(600).filter(({ data }) => data.length >= 28)));
    const sent = wire.send(frames, { perSecond: 5000 }) + wire.send(OVN);
    const { packets, counts, gaps, damage } = await live.stop();
    await eventually("all of it in the file", async () => (await collect(file)).packets.length >= sent);
    await end();
    expect(packets).toBe(sent);
    expect(counts).toEqual([{ device: "rx0", received: sent, dropped: 0, droppedByDevice: 0 }]);
    expect([gaps, damage]).toEqual([[], null]);
    const judged = (await collect(file)).packets;
    const said = ({ captured, original, hash }: LivePacket) => ({ captured, original, hash });
    expect(live.packets.map(said)).toEqual(
      judged.map(({ data, original }) => {
        const bytes = Buffer.from(data, "hex");
        const hash = createHash("sha256").update(bytes).digest("hex");
        return { captured: bytes.length, original, hash };
      }),
    );
    // Each socket has the kernel's stamp of the same skb, or takes one of its own.
    const apart = live.packets.map(({ sec, nsec }, i) =>
      Math.abs((sec - judged[i].sec) * 1e9 + nsec - judged[i].nsec),
    );
    expect(Math.max(...apart)).toBeLessThan(1e6);
    // To the nanosecond: were they microseconds, all would end in 000.
    expect(live.packets.filter(({ nsec }) => nsec % 1000 !== 0).length).toBeGreaterThan(sent / 2);
  });
});

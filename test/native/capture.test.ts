/* Where all ways to capture promise the same, tcpdump on the same device at the same time is the judge of all. */
import { createHash } from "node:crypto";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { LiveOptions } from "../../src/capture/index.js";
import { collect, packet, pcap, somePackets, temporary } from "../capture/helper.js";
import { eventually } from "../southbound/cluster.js";
import { BACKENDS, Wire } from "./wire.js";

const OVN = "captures/routed-ping/hv2.pcap";
const FRAMES = temporary(pcap(somePackets(600).filter(({ data }) => data.length >= 28)));
const alike = (length: number) => temporary(pcap(Array.from({ length: 10 }, (_, i) => packet(i, length))));
/** Room for bursts: cap has slots for the longest packet. */
const bufferBytes = 64 * 1024 * 1024;

for (const [title, describeBackend, how] of BACKENDS) {
  const { through, ...backend } = how;
  const isNative = through === undefined && backend.backend === undefined;

  describeBackend(`packets by ${title}`, () => {
    let wire: Wire;
    beforeEach(() => {
      wire = new Wire(2);
    });
    afterEach(() => wire?.down());

    const begin = async (options: LiveOptions, quiet = false) => {
      const more = { quiet, ...(through !== undefined && { through }) };
      const live = wire.capture({ bufferBytes, ...backend, ...options }, more);
      const { interfaces } = await live.event("open");
      return { live, interfaces };
    };

    test("have the link type of tcpdump", async () => {
      wire.ip("link", "set", "lo", "up");
      wire.ip("tuntap", "add", "dev", "tun0", "mode", "tun");
      wire.ip("link", "set", "tun0", "up");
      // Of `any` cap has the older of two link types.
      for (const device of ["rx0", "lo", "tun0", ...(isNative ? ["any"] : [])]) {
        const file = wire.file(`${device}.pcap`);
        const end = await wire.tcpdump(device, file);
        await end();
        const { live, interfaces } = await begin({ devices: [device] });
        const { linkType } = (await collect(file)).interfaces[0];
        expect(interfaces).toMatchObject([{ name: device, linkType }]);
        await live.stop();
      }
    });

    test.each<[string, Partial<LiveOptions> & { filter?: string }]>([
      ["whole", {}],
      ["at once", { immediate: true }],
      ["cut", { snapBytes: 80 }],
      ["filtered", { filter: "udp" }],
    ])("are those of tcpdump, %s", async (name, { filter = "", ...options }) => {
      const file = wire.file(`${name}.pcap`);
      const cut = options.snapBytes === undefined ? [] : ["-s", `${options.snapBytes}`];
      const end = await wire.tcpdump("rx0", file, ...cut, filter);
      const { live, interfaces } = await begin({ devices: ["rx0"], filter, ...options });
      const snapLength = options.snapBytes ?? (isNative ? 262_144 : through === "open" ? 1600 : 65_535);
      expect(interfaces).toEqual([{ linkType: 1, name: "rx0", snapLength }]);
      const sent = wire.send(FRAMES, { perSecond: 5000 }) + wire.send(OVN, { perSecond: 5000 });
      const { packets, counts, gaps, damage } = await live.stop();
      const wanted = filter === "" ? sent : packets;
      await eventually("all of it in the file", async () => (await collect(file)).packets.length >= wanted);
      await end();
      const judged = (await collect(file)).packets;
      expect(packets).toBe(judged.length);
      expect(packets).toBeGreaterThan(5);
      expect(packets < sent).toBe(filter !== "");
      const dropped = isNative ? 0 : null;
      expect(counts).toEqual([{ device: "rx0", received: packets, dropped, droppedByDevice: dropped }]);
      expect([gaps, damage]).toEqual([[], null]);
      expect(live.packets.map(({ captured, original, hash }) => ({ captured, original, hash }))).toEqual(
        judged.map(({ data, original }) => {
          const bytes = Buffer.from(data, "hex");
          return {
            captured: bytes.length,
            original,
            hash: createHash("sha256").update(bytes).digest("hex"),
          };
        }),
      );
      for (const [i, { sec, nsec }] of live.packets.entries()) {
        const late = sec - judged[i].sec + (nsec - judged[i].nsec) / 1e9;
        // A millisecond that has begun, and some that passed before the script was told.
        expect(late).toBeGreaterThan(-0.0011);
        expect(late).toBeLessThan(isNative ? 0.001 : 1);
        if (!isNative) expect(nsec % 1_000_000).toBe(0);
      }
      // To the nanosecond: were they microseconds, all would end in 000.
      if (isNative)
        expect(live.packets.filter(({ nsec }) => nsec % 1000 !== 0).length).toBeGreaterThan(packets / 2);
    });

    test("are given to the last one that came before the stop", async () => {
      const { live } = await begin({ devices: ["rx0"], delayMs: 1000 });
      wire.send(alike(100));
      const told = Date.now();
      expect((await live.stop()).packets).toBe(10);
      expect(Date.now() - told).toBeLessThan(3000);
      expect(await live.exit()).toBe(0);
    });

    test("end where the source is closed while somebody waits", async () => {
      const { live } = await begin({ devices: ["rx0"] });
      live.tell("close");
      expect((await live.event("end")).packets).toBe(0);
      expect(await live.exit()).toBe(0);
    });

    test("of a flood end where it is stopped", async () => {
      const { live } = await begin({ devices: ["rx0"] }, true);
      const flood = wire.sending(alike(100), 10_000_000, 0);
      await live.until("packets", ({ packets }) => packets > 10_000);
      const told = Date.now();
      expect((await live.stop()).packets).toBeGreaterThan(10_000);
      expect(Date.now() - told).toBeLessThan(5000);
      flood.kill();
    });

    if (through === undefined)
      test("of several devices have each its own", async () => {
        const { live } = await begin({ devices: ["rx0", "rx1", "rx0"] });
        wire.send(alike(100), { repeat: 10, perSecond: 5000 });
        wire.send(alike(200), { device: "tx1", repeat: 20, perSecond: 5000 });
        const { interfaces, counts } = await live.stop();
        expect(counts.map(({ device, received }) => [device, received])).toEqual([
          ["rx0", 100],
          ["rx1", 200],
        ]);
        for (const { interface: index, original } of live.packets)
          expect(original).toBe(interfaces[index].name === "rx0" ? 100 : 200);
        expect(live.packets).toHaveLength(300);
      });
  });
}

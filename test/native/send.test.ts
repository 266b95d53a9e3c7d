/* Frames that are sent by a device: what the addon answers, and what encode says. */
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { decodeAll, MAIN } from "../conformance/genevescope.js";
import { readPcap } from "../conformance/pcap.js";
import { eventually } from "../southbound/cluster.js";
import { describeLive, Wire } from "./wire.js";

/** A script for the addon, which says what came of it as JSON; `native` is the addon and `say` its answer. */
const SCRIPT = (body: string) => `
  const native = require("node-gyp-build")(process.cwd());
  const frames = (...all) => [Buffer.concat(all), Uint32Array.from(all, (end => each => end += each.length)(0))];
  const said = (error) => ({ fault: error.fault ?? null, message: error.message });
  (async () => { ${body} })().catch((error) => ({ thrown: said(error) })).then((answer) =>
    process.stdout.write(JSON.stringify(answer, (_, value) => value instanceof Error ? said(value) : value)));
`;

describeLive("sending by a device", () => {
  let wire: Wire;
  beforeAll(() => {
    wire = new Wire();
  });
  afterAll(() => wire.down());

  const addon = (body: string): unknown => JSON.parse(wire.run(process.execPath, "-e", SCRIPT(body)));

  /** Begins to see what arrives; the answer waits for so many frames, and ends it. */
  async function arrivals(): Promise<(count: number) => Promise<{ file: string; frames: Buffer[] }>> {
    const file = wire.file("arrived.pcap");
    const end = await wire.tcpdump("rx0", file, "--time-stamp-precision=micro", "--immediate-mode");
    return async (count) => {
      const frames = () => readPcap(file).records.map(({ bytes }) => bytes);
      await eventually(`${count} frames`, () => frames().length >= count);
      await end();
      return { file, frames: frames() };
    };
  }

  test("frames go out as they are, in their order, though the script changes them meanwhile", async () => {
    const arrived = await arrivals();
    const answer = addon(`
        const sender = new native.Sender("tx0");
        const all = Array.from({ length: 200 }, (_, i) => Buffer.alloc(14 + 7 * i, i));
        const [bytes, ends] = frames(...all);
        const answer = sender.send(bytes, ends);
        bytes.fill(0xff);
        structuredClone(ends, { transfer: [ends.buffer] });
        const { mac } = sender;
        sender.close();
        return { ...(await answer), mac, after: sender.mac };`);
    const mac = wire.run("cat", "/sys/class/net/tx0/address").trim();
    expect(answer).toEqual({ sent: 200, failed: 0, failure: null, mac, after: null });
    const { frames } = await arrived(200);
    const expected = Array.from({ length: 200 }, (_, i) => Buffer.alloc(14 + 7 * i, i).toString("hex"));
    expect(frames.map((frame) => frame.toString("hex"))).toEqual(expected);
  });

  test("a frame that does not fit is counted, and the others go", async () => {
    const arrived = await arrivals();
    const answer = addon(`
        const sizes = [60, 1514, 1515, 9, 100, 9000, 61];
        return new native.Sender("tx0").send(...frames(...sizes.map((size) => Buffer.alloc(size, 1))));`);
    expect(answer).toMatchObject({
      sent: 4,
      failed: 3,
      failure: { fault: "failed", message: "Message too long" },
    });
    expect((await arrived(4)).frames.map(({ length }) => length)).toEqual([60, 1514, 100, 61]);
  });

  test.each([
    ["no device", `new native.Sender("none")`, "gone"],
    ["a name that no device can have", `new native.Sender("x".repeat(100))`, "gone"],
    ["nothing", "new native.Sender()", null],
    ["other arrays", `new native.Sender("tx0").send(new Float64Array(1), new Uint32Array(1))`, null],
    ["ends behind the bytes", `new native.Sender("tx0").send(new Uint8Array(9), Uint32Array.of(10))`, null],
    ["ends that go back", `new native.Sender("tx0").send(new Uint8Array(9), Uint32Array.of(9, 8))`, null],
    [
      "a closed device",
      `const one = new native.Sender("tx0"); one.close(); one.send(new Uint8Array(9), Uint32Array.of(9))`,
      null,
    ],
  ])("refuses %s", (_, body, fault) => {
    expect(addon(`${body}`)).toMatchObject({ thrown: { fault } });
  });

  test("a device that goes down or away while it sends is said, and nothing more is tried", async () => {
    wire.addPair("tx8", "rx8");
    const answers = addon(`
      const { execFileSync } = require("node:child_process");
      const sender = new native.Sender("tx8");
      const some = frames(...Array.from({ length: 9 }, () => Buffer.alloc(60)));
      const answers = [await sender.send(...some)];
      for (const words of [["set", "tx8", "down"], ["del", "tx8"]]) {
        execFileSync("ip", ["link", ...words]);
        answers.push(await sender.send(...some));
      }
      return answers;`);
    expect(answers).toMatchObject([
      { sent: 9, failed: 0, failure: null },
      { sent: 0, failed: 1, failure: { fault: "down" } },
      { sent: 0, failed: 1, failure: { fault: "gone" } },
    ]);
  });

  test("a device without Ethernet is refused, and who may not send", () => {
    wire.ip("tuntap", "add", "tun8", "mode", "tun");
    wire.ip("link", "set", "tun8", "up");
    expect(addon(`new native.Sender("tun8")`)).toMatchObject({
      thrown: { message: "Not an Ethernet device" },
    });
    const none = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"];
    const text = wire.run(...none, process.execPath, "-e", SCRIPT(`new native.Sender("tx0")`));
    expect(JSON.parse(text)).toMatchObject({ thrown: { fault: "permission" } });
  });

  test("under sanitizers: memory and undefined behaviour", () => {
    const program = wire.file("outlet");
    const root = join(import.meta.dirname, "../..");
    const sources = ["test/native/outlet.cc", "native/send.cc"].map((source) => join(root, source));
    const flags = ["-std=c++17", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"];
    execFileSync("g++", [...flags, "-o", program, ...sources]);
    const sizes = Array.from({ length: 200 }, (_, i) => `${14 + i}`);
    expect(wire.run(program, "tx0", ...sizes, "1515", "60")).toBe("sent 201 failed 1 Message too long\n");
    expect(wire.run(program, "tx0")).toBe("sent 0 failed 0 \n");
    expect(wire.run(program, "none", "60")).toBe("closed No such device\n");
  });

  /** Runs `encode --send tx0`; `done` gives what it says at its end, and the packets that it says it has sent. */
  async function encode(...flags: string[]) {
    const arrived = await arrivals();
    const child = wire.start(process.execPath, MAIN, "encode", "--send", "tx0", ...flags);
    let said = "";
    child.stderr.on("data", (text) => {
      said += text;
    });
    return {
      child,
      done: async () => {
        const [status] = await once(child, "close");
        const count = Number(/(\d+) packets sent/.exec(said)?.[1]);
        const { file, frames } = await arrived(count);
        expect(frames, said).toHaveLength(count);
        return { status, said, packets: count === 0 ? [] : decodeAll(file) };
      },
    };
  }

  const FRAME = [
    ...["--inner", "icmp", "--vni", "8", "--inport", "2", "--outport", "1"],
    ...["--outer-src", "10.0.0.1", "--outer-dst", "10.0.0.2", "--outer-dst-mac", "02:00:00:00:00:99"],
    ...["--inner-src-mac", "40:44:00:00:00:01", "--inner-dst-mac", "40:44:00:00:00:02"],
    ...["--inner-src", "192.168.0.11", "--inner-dst", "192.168.0.12"],
  ];

  test("encode sends so many at the rate it was told", async () => {
    const run = await encode(...FRAME, "--rate", "100", "-c", "150");
    const { status, said, packets } = await run.done();
    expect(status).toBe(0);
    expect(said).toMatch(/^genevescope: 150 packets sent by tx0 in \d+\.\d s\n$/);
    expect(packets.map(({ inner }) => inner?.icmp?.seq)).toEqual(
      Array.from({ length: 150 }, (_, i) => i + 1),
    );
    expect(new Set(packets.map(({ status }) => status))).toEqual(new Set(["ok"]));
    const mac = wire.run("cat", "/sys/class/net/tx0/address").trim();
    expect(packets[0].outer?.eth).toMatchObject({ src: mac, dst: "02:00:00:00:00:99" });
    const [first, last] = [packets[0], packets[149]].map(({ time }) => Date.parse(time));
    // 1490 ms apart by the schedule; the first may have left late, which takes from what is seen.
    expect(last - first).toBeGreaterThan(1300);
  });

  test("a signal ends it, and it says how many went", async () => {
    const run = await encode(...FRAME, "--rate", "20", "-c", "1000");
    await new Promise((resolve) => setTimeout(resolve, 1000));
    run.child.kill("SIGINT");
    const { status, said, packets } = await run.done();
    expect(status).toBe(0);
    expect(said).toMatch(/^genevescope: \d+ packets sent by tx0 in \d\.\d s\n$/);
    expect(packets.length).toBeGreaterThan(2);
    expect(packets.length).toBeLessThan(40);
  });

  test("what the device does not take makes its status 2", async () => {
    const { status, said, packets } = await (
      await encode(...FRAME, "--rate", "1000", "-c", "3", "--size", "1500")
    ).done();
    expect([status, packets]).toEqual([2, []]);
    expect(said).toMatch(/^genevescope: 0 packets sent by tx0 in 0\.0 s, 3 not: Message too long\n$/);
  });
});

/* Frames that flags of encode describe: what comes of each flag, and what is refused. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { corruptKinds, innerKinds } from "../../src/encode/kinds.js";
import { decodeAll } from "../conformance/genevescope.js";
import { writePcap } from "../conformance/pcap.js";
import { directory, encoded, refusal } from "./encode-verb.js";
import { genevescope } from "./run.js";

const ENDS = ["--outer-src", "10.0.0.1", "--outer-dst", "10.0.0.2"];
const KEYS = ["--vni", "8", "--inport", "2", "--outport", "1"];
const GUESTS = [
  ...["--inner-src-mac", "40:44:00:00:00:01", "--inner-dst-mac", "40-44-00-00-00-02"],
  ...["--inner-src", "192.168.0.11", "--inner-dst", "192.168.0.12"],
];
const FRAME = [...ENDS, ...KEYS, ...GUESTS];

describe("encode", () => {
  test("an echo, with what is usual", async () => {
    const [packet, ...more] = await encoded("--inner", "icmp", ...FRAME);
    expect(more).toEqual([]);
    expect(packet).toMatchObject({
      status: "ok",
      capturedBytes: 156,
      outer: {
        eth: { src: "02:00:00:00:00:01", dst: "02:00:00:00:00:02", vlans: [] },
        ip: {
          src: "10.0.0.1",
          dst: "10.0.0.2",
          ttl: 64,
          tos: 0,
          id: 0,
          dontFragment: true,
          checksum: "good",
        },
        udp: { dst: 6081, checksum: "good" },
      },
      geneve: {
        ...{ version: 0, oam: false, critical: true, protocolType: 0x6558, vni: 8 },
        options: [{ class: 0x102, type: 0x80, critical: true, data: "00020001" }],
      },
      inner: {
        eth: { src: "40:44:00:00:00:01", dst: "40:44:00:00:00:02" },
        ip: { src: "192.168.0.11", dst: "192.168.0.12", ttl: 64, checksum: "good" },
        icmp: { type: 8, code: 0, id: 1, seq: 1, checksum: "good" },
        summary: "192.168.0.11 > 192.168.0.12: ICMP echo request, id 1, seq 1, length 64",
      },
    });
    expect(Math.abs(Date.parse(packet.time) - Date.now())).toBeLessThan(60_000);
  });

  test("in VXLAN: the keys in its VNI, and without --outport the datapath's alone", async () => {
    const vxlan = ["--encap", "vxlan", "--inner", "icmp", ...ENDS, ...GUESTS];
    const made = async (...keys: string[]) => (await encoded(...vxlan, ...keys))[0];
    const packet = await made("--vni", "4095", "--outport", "2047");
    expect(packet).toMatchObject({
      status: "ok",
      outer: { ip: { checksum: "good" }, udp: { dst: 4789, checksum: "good" } },
      geneve: null,
      vxlan: { flags: 8, vni: 0x7fffff },
      ovn: { datapathKey: 4095, ingressKey: null, egressKey: 2047 },
      inner: { icmp: { type: 8, checksum: "good" } },
    });
    expect((await made(...KEYS)).vxlan).toMatchObject({ vni: 0x001008 });
    expect((await made("--datapath", "8", "--outport", "34815")).vxlan).toMatchObject({ vni: 0xfff008 });
    expect((await made("--datapath", "70000")).vxlan).toMatchObject({ vni: 70000 });
    for (const [keys, message] of [
      [["--vni", "4096", "--outport", "1"], "datapath key"],
      [["--vni", "1", "--outport", "2048"], "2048 is neither a port's, 0 to 2047"],
      [["--vni", "1", "--outport", "34816"], "vxlan egress key: 34816 does not fit into a VNI"],
      [["--vni", "1", "--inport", "1"], "--outport is missing: VXLAN carries its key alone"],
      [["--vni", "1", "--oam"], "--oam is for Geneve, not for VXLAN"],
      [["--vni", "1", "--corrupt", "version"], "--corrupt is for Geneve, not for VXLAN"],
    ] as const)
      expect(await refusal(...vxlan, ...keys)).toContain(message);
  });

  test("in STT: all keys in its context id, a number for each frame, and one segment", async () => {
    const stt = ["--encap", "stt", ...ENDS, ...GUESTS];
    const largest = ["--vni", "0xffffff", "--inport", "32767", "--outport", "65535"];
    const echoes = await encoded(...stt, "--inner", "icmp", "-c", "2", ...largest);
    expect(echoes).toMatchObject(
      [1, 2].map((number) => ({
        status: "ok",
        capturedBytes: 98 + 72,
        outer: {
          ip: { checksum: "good" },
          tcp: {
            dst: 7471,
            seq: (98 + 18) * 0x10000,
            ack: number,
            flags: ["psh", "ack"],
            window: 65535,
            checksum: "good",
          },
        },
        geneve: null,
        stt: { version: 0, flags: 0, l4Offset: 0, mss: 0, vlan: 0, contextId: "0x007fffffffffffff" },
        ovn: { datapathKey: 0xffffff, ingressKey: 32767, egressKey: 65535 },
        inner: { icmp: { type: 8, seq: number, checksum: "good" } },
      })),
    );
    const [bare] = await encoded(...stt, "--inner", "icmp", "--datapath", "8");
    expect(bare.stt).toMatchObject({ contextId: "0x0000000000000008" });
    const most = ["--inner", "udp", ...KEYS, "--size"];
    const [large] = await encoded(...stt, ...most, "65435");
    expect(large).toMatchObject({
      status: "ok",
      capturedBytes: 14 + 65535,
      outer: { ip: { checksum: "good" } },
    });
    expect(await refusal(...stt, ...most, "65436")).toBe("ipv4 total length: 65536 bytes, 65535 at most");
    for (const [keys, message] of [
      [["--vni", "1", "--inport", "1"], "--outport is missing: STT's context id has both keys"],
      [["--vni", "1", "--outport", "1"], "--inport is missing: STT's context id has both keys"],
      [["--vni", "1", "--option", "1:1:"], "--option is for Geneve, not for STT"],
      [["--vni", "1", "--no-outer-checksum"], "--no-outer-checksum is for UDP; STT has the checksum of TCP"],
    ] as const)
      expect(await refusal(...stt, "--inner", "icmp", ...keys)).toContain(message);
  });

  test("every flag of the headers", async () => {
    const outer = [
      ...["--outer-src", "fd00::1", "--outer-dst", "FD00::0:2", "--outer-src-mac", "0A:00:27:00:00:01"],
      ...["--outer-dst-mac", "0a00.2700.0002", "--outer-src-port", "7549", "--outer-dst-port", "6082"],
      ...["--outer-ttl", "3", "--outer-dscp", "46", "--outer-vlan", "7", "--outer-vlan", "0x10:5"],
    ];
    const geneve = ["--datapath", "0x9", "--option", "0x0103:1:", "--option", "259:0x81:C0 FFEE00", "--oam"];
    const inner = [
      ...[
        "--inner-ttl",
        "4",
        "--inner-dscp",
        "8",
        "--inner-vlan",
        "100",
        "--inner-src-port",
        "1",
        "--inner-dst-port",
        "2",
      ],
      ...["--size", "1000", "--no-outer-checksum"],
    ];
    const file = join(directory, "flags.pcap");
    const { code } = await genevescope([
      "encode",
      "-w",
      file,
      "--inner",
      "udp",
      ...GUESTS,
      ...outer,
      ...geneve,
      ...inner,
    ]);
    expect(code).toBe(0);
    // A control packet's payload is not looked into.
    expect(decodeAll(file, "--geneve-port", "6082")).toMatchObject([
      {
        status: "ok",
        outer: {
          eth: {
            ...{ src: "0a:00:27:00:00:01", dst: "0a:00:27:00:00:02" },
            vlans: [
              { vlan: 7, priority: 0 },
              { vlan: 16, priority: 5 },
            ],
          },
          ip: { src: "fd00::1", dst: "fd00::2", ttl: 3, tos: 46 << 2 },
          udp: { src: 7549, dst: 6082, checksum: "absent" },
        },
        geneve: {
          ...{ oam: true, critical: true, vni: 9 },
          options: [
            { class: 0x103, type: 1, critical: false, data: "" },
            { class: 0x103, type: 0x81, critical: true, data: "c0ffee00" },
          ],
        },
      },
    ]);
    const [plain] = await encoded("--inner", "udp", ...FRAME, ...inner, "--no-outer-df");
    expect(plain.outer?.ip.dontFragment).toBe(false);
    expect(plain.inner).toMatchObject({
      eth: { vlans: [{ vlan: 100 }] },
      ip: { ttl: 4, tos: 8 << 2 },
      udp: { src: 1, dst: 2, length: 1008, checksum: "good" },
    });
  });

  test("C follows from the options", async () => {
    const critical = async (...flags: string[]) =>
      (await encoded("--inner", "udp", ...ENDS, ...GUESTS, "--vni", "1", ...flags))[0].geneve?.critical;
    expect(await critical()).toBe(false);
    expect(await critical("--option", "1:127:")).toBe(false);
    expect(await critical("--option", "1:128:")).toBe(true);
  });

  test.each(Object.keys(innerKinds))("--inner %s, over IPv4 and IPv6", async (kind) => {
    const v6 = ["--inner-src", "fd00::11", "--inner-dst", "fd00::12"];
    const all = [await encoded("--inner", kind, ...FRAME)];
    if (!kind.startsWith("arp")) all.push(await encoded("--inner", kind, ...FRAME, ...v6));
    const expected: Record<string, string> = {
      arp: "ARP, Request who-has 192.168.0.12 tell 192.168.0.11",
      "arp-reply": "ARP, Reply 192.168.0.11 is-at 40:44:00:00:00:01",
      icmp: "echo request, id 1, seq 1, length 64",
      "icmp-reply": "echo reply, id 1, seq 1, length 64",
      udp: "UDP, length 0",
      "tcp-syn": "Flags [S], seq 0",
    };
    for (const [packet] of all) {
      expect(packet.status).toBe("ok");
      expect(packet.inner?.summary).toContain(expected[kind]);
    }
    expect(all[0][0].inner?.eth.dst).toBe("40:44:00:00:00:02");
  });

  test("an ARP request goes to all where no flag says to whom", async () => {
    const flags = [...GUESTS];
    flags.splice(2, 2);
    const [packet] = await encoded("--inner", "arp", ...ENDS, ...KEYS, ...flags);
    expect(packet.inner).toMatchObject({
      eth: { dst: "ff:ff:ff:ff:ff:ff" },
      arp: { targetMac: "00:00:00:00:00:00" },
    });
  });

  test("-c, --interval and --time: echoes count on, times go on", async () => {
    const when = ["--time", "2026-11-21T07:20:59.9Z", "--interval", "50ms", "--seq", "65534"];
    const packets = await encoded("--inner", "icmp", ...FRAME, ...when, "-c", "300");
    expect(packets).toHaveLength(300);
    const start = Date.parse("2026-11-21T07:20:59.900Z");
    packets.forEach(({ time, inner, outer }, index) => {
      expect(Date.parse(time)).toBe(start + 50 * index);
      expect(inner?.icmp).toMatchObject({ seq: (65_534 + index) % 65_536, checksum: "good" });
      // It is one flow.
      expect(outer?.udp.src).toBe(packets[0].outer?.udp.src);
    });
  });

  test("--inner-hex carries any bytes", async () => {
    const [packet] = await encoded(
      "--inner-hex",
      "ff ff ff ff ff ff 02:00:00:00:00:09 88b5 cafe",
      ...ENDS,
      ...KEYS,
    );
    expect(packet.inner).toMatchObject({ eth: { src: "02:00:00:00:00:09", type: 0x88b5 }, payload: "cafe" });
  });

  test("--inner-pcap carries each frame of a capture at its time, or at that of a clock", async () => {
    const capture = "captures/routed-ping/hv1.pcap";
    const frames = decodeAll(capture);
    const packets = await encoded("--inner-pcap", capture, ...ENDS, ...KEYS);
    expect(packets.map(({ time, capturedBytes }) => [time, capturedBytes])).toEqual(
      frames.map(({ time, capturedBytes }) => [time, capturedBytes + 58]),
    );
    expect(packets.map(({ inner }) => inner?.udp?.src)).toEqual(frames.map(({ outer }) => outer?.udp.src));
    const three = await encoded(
      "--inner-pcap",
      capture,
      ...ENDS,
      ...KEYS,
      "-c",
      "3",
      "--time",
      "1000",
      "--interval",
      "1m",
    );
    expect(three.map(({ time }) => Date.parse(time) / 1000)).toEqual([1000, 1060, 1120]);
  });

  test.each(Object.keys(corruptKinds))("--corrupt %s", async (kind) => {
    const [packet] = await encoded("--inner", "icmp", ...FRAME, "--corrupt", kind);
    const right = ["critical-flag", "reserved-bits", "udp-checksum", "ip-checksum"];
    const status = right.includes(kind)
      ? "ok"
      : ["version", "protocol-type"].includes(kind)
        ? "unsupported"
        : "malformed";
    expect(packet.status).toBe(status);
    expect(packet.outer?.udp?.checksum === "bad").toBe(kind === "udp-checksum");
    expect(packet.outer?.ip.checksum === "bad").toBe(kind === "ip-checksum");
  });

  test("--help lists the kinds", async () => {
    const { stdout } = await genevescope(["encode", "--help"]);
    const help = stdout.replace(/\s+/g, " ");
    for (const [kind, words] of Object.entries({ ...innerKinds, ...corruptKinds }))
      expect(help).toContain(`${kind} (${words})`);
  });

  test("hexadecimal digits and arrays of C are of the same bytes", async () => {
    const flags = ["--inner", "udp", ...FRAME, "--time", "0"];
    const [hex, c] = await Promise.all(
      [[], ["-o", "c"]].map(async (more) => (await genevescope(["encode", ...flags, ...more])).stdout),
    );
    expect(hex).toMatch(/^020000000002020000000001080045[\da-f]+\n$/);
    expect((c.match(/0x[\da-f]{2}(?=,)/g) ?? []).map((byte) => byte.slice(2)).join("")).toBe(hex.trim());
  });
});

describe("encode refuses", () => {
  const frame = ["--inner", "icmp", ...FRAME];
  test.each([
    [
      "a VNI over 24 bits",
      [...frame, "--vni", "16777216"],
      "--vni 16777216 is no number from 0 to 16777215 (decimal, or 0xffffff at most)",
    ],
    [
      "an ingress key over 15 bits",
      [...frame, "--inport", "32768"],
      "--inport 32768 is no number from 0 to 32767 (decimal, or 0x7fff at most)",
    ],
    [
      "an egress key over 16 bits",
      [...frame, "--outport", "65536"],
      "--outport 65536 is no number from 0 to 65535 (decimal, or 0xffff at most)",
    ],
    [
      "data that is not words",
      [...frame, "--option", "1:2:c0ffee"],
      '--option "1:2:c0ffee" has 3 bytes of data, not a multiple of 4 up to 124',
    ],
    [
      "data over 124 bytes",
      [...frame, "--option", `1:2:${"00".repeat(128)}`],
      /^--option ".*" has 128 bytes of data, not a multiple of 4 up to 124$/,
    ],
    [
      "a header over 260 bytes",
      [...frame, "--option", `1:2:${"00".repeat(124)}`, "--option", `1:2:${"00".repeat(116)}`],
      "geneve options: 256 bytes, not a multiple of 4 up to 252",
    ],
    [
      "a frame over what IP can say",
      [...frame, "--size", "65500"],
      /^ipv4 total length: \d+ bytes, 65535 at most$/,
    ],
    [
      "an option's class over 16 bits",
      [...frame, "--option", "65536:1:"],
      /^--option: class 65536 is no number from 0 to 65535/,
    ],
    [
      "an option's type over 8 bits",
      [...frame, "--option", "1:256:"],
      /^--option: type 256 is no number from 0 to 255/,
    ],
    ["an option of other shape", [...frame, "--option", "1:2"], /^--option "1:2" is not CLASS:TYPE:HEX/],
    ["a DSCP over 6 bits", [...frame, "--outer-dscp", "64"], /^--outer-dscp 64 is no number from 0 to 63/],
    [
      "a VLAN over 12 bits",
      [...frame, "--inner-vlan", "4096"],
      /^--inner-vlan: VLAN id 4096 is no number from 0 to 4095/,
    ],
    [
      "what is no MAC address",
      [...frame, "--inner-src-mac", "nobody"],
      /^--inner-src-mac "nobody" is no MAC address/,
    ],
    [
      "what is no IP address",
      [...frame, "--outer-src", "10.0.0.256"],
      '--outer-src "10.0.0.256" is no IP address',
    ],
    [
      "ends of two versions",
      [...frame, "--outer-src", "fd00::1"],
      /^outer addresses: "fd00::1" and "10.0.0.2" are not IP addresses of one version$/,
    ],
    ["an unknown kind", ["--inner", "igmp", ...FRAME], /^--inner "igmp" is none of arp, arp-reply, icmp/],
    [
      "an unknown way to be wrong",
      [...frame, "--corrupt", "all"],
      /^--corrupt "all" is none of version, opt-len/,
    ],
    [
      "being wrong where that cannot be",
      [...frame, "--corrupt", "udp-checksum", "--no-outer-checksum"],
      "corrupt udp-checksum: there is none",
    ],
    [
      "digits that are none",
      ["--inner-hex", "0g", ...ENDS, ...KEYS],
      /^--inner-hex "0g" is not hexadecimal digits/,
    ],
    [
      "frames of nothing",
      FRAME,
      /^--inner-src-mac describes frames; say what they carry, with one of --inner, --inner-hex and --inner-pcap$/,
    ],
    [
      "frames of two things",
      [...frame, "--inner-hex", "00"],
      /^--inner describes frames; say what they carry, with one of/,
    ],
    [
      "frames besides those of a file",
      [...frame, "packets.json"],
      /^--inner describes frames, and packets.json has some/,
    ],
    ["no VNI", ["--inner", "icmp", ...ENDS, ...GUESTS], /^--vni is missing/],
    ["no ends", ["--inner", "icmp", ...KEYS, ...GUESTS], /^--outer-dst is missing/],
    ["no inner addresses", ["--inner", "icmp", ...KEYS, ...ENDS], /^--inner-src-mac is missing/],
    ["a capture that is not there", ["--inner-pcap", "nothing.pcap", ...ENDS, ...KEYS], /^nothing.pcap: /],
    [
      "a capture without Ethernet",
      ["--inner-pcap", "captures/cooked/any-v1.pcap", ...ENDS, ...KEYS],
      /^captures\/cooked\/any-v1.pcap: packet 1 is no Ethernet frame/,
    ],
    ["--send without a rate", [...frame, "--send", "lo", "-c", "1"], /^--send takes --rate and --count/],
    ["--send without a count", [...frame, "--send", "lo", "--rate", "1"], /^--send takes --rate and --count/],
    ["a rate of nothing", [...frame, "--rate", "1"], "--rate is for --send"],
    [
      "--send and a file",
      [...frame, "--send", "lo", "--rate", "1", "-c", "1", "-w", "x.pcap"],
      /cannot be used with/,
    ],
  ])("%s", async (_, flags, expected) => {
    const text = await refusal(...flags);
    if (typeof expected === "string") expect(text).toBe(expected);
    else expect(text).toMatch(expected);
  });

  test.each([
    ["cut", 100, 200, /: packet 3 is cut to 100 of its 200 bytes/],
    ["too large", 65_500, 65_500, /: packet 3: ipv4 total length/],
  ])("frames of a capture before one that is %s are written", async (name, captured, original, said) => {
    const [given, out] = [`${name} in`, `${name} out`].map((each) => join(directory, `${each}.pcap`));
    const frame = { seconds: 1_700_000_000, microseconds: 0 };
    const whole = { ...frame, bytes: Buffer.alloc(60, 2) };
    const bad = { ...frame, bytes: Buffer.alloc(captured, 2), originalBytes: original };
    writePcap(given, [whole, whole, bad, whole]);
    expect(await refusal("--inner-pcap", given, ...ENDS, ...KEYS, "-w", out)).toMatch(said);
    expect(decodeAll(out)).toHaveLength(2);
  });

  test("and begins no file", async () => {
    const file = join(directory, "none.pcap");
    await refusal(...frame, "--size", "65500", "-w", file);
    expect(existsSync(file)).toBe(false);
  });
});

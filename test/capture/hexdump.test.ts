import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { summaryTime } from "../../src/capture/hexdump-text.js";
import { type Collected, chunks, collect, failure, temporary } from "./helper.js";

/** Two packets of a published capture, as `tcpdump -xx` printed them. */
const REQUEST = `0x0000:  5254 00ac 675b 5254 0013 e0a2 0800 4500
0x0010:  008e f9b0 4000 4011 5a94 c0a8 3264 c0a8
0x0020:  3265 1d7d 17c1 007a e6a5 0240 6558 0000
0x0030:  0100 0102 8001 0001 0002 4044 0000 0002
0x0040:  4044 0000 0001 0800 4500 0054 a3f0 4000
0x0050:  4001 1551 c0a8 000b c0a8 000c 0800 c67b
0x0060:  04e3 1af1 94d9 6e5c 0000 0000 41a7 0e00
0x0070:  0000 0000 1011 1213 1415 1617 1819 1a1b
0x0080:  1c1d 1e1f 2021 2223 2425 2627 2829 2a2b
0x0090:  2c2d 2e2f 3031 3233 3435 3637
`;
const REPLY = `0x0000:  5254 0013 e0a2 5254 00ac 675b 0800 4500
0x0010:  008e b465 4000 4011 9fdf c0a8 3265 c0a8
0x0020:  3264 25d3 17c1 007a e6a5 0240 6558 0000
0x0030:  0100 0102 8001 0002 0001 4044 0000 0001
0x0040:  4044 0000 0002 0800 4500 0054 4026 0000
0x0050:  4001 b91b c0a8 000c c0a8 000b 0000 ce7b
0x0060:  04e3 1af1 94d9 6e5c 0000 0000 41a7 0e00
0x0070:  0000 0000 1011 1213 1415 1617 1819 1a1b
0x0080:  1c1d 1e1f 2021 2223 2425 2627 2829 2a2b
0x0090:  2c2d 2e2f 3031 3233 3435 3637
`;
const plainHex = (dump: string): string => dump.replace(/0x[0-9a-f]+:|\s/g, "");
const request = plainHex(REQUEST);
const reply = plainHex(REPLY);

/** `hex` as tcpdump prints it, with the text column of -X and -XX or without. */
function dump(hex: string, text = false): string {
  let out = "";
  for (let at = 0; at < hex.length; at += 32) {
    const line = hex.slice(at, at + 32);
    const groups = line
      .replace(/.{4}/g, " $&")
      .replace(/ ?([^ ]{2})$/, (all) => (all.length === 2 ? ` ${all}` : all));
    const shown = Buffer.from(line, "hex")
      .toString("latin1")
      .replace(/[^!-~]/g, ".");
    const padded = text ? `${groups.padEnd(40)}  ${shown}` : groups;
    out += `\t0x${(at / 2).toString(16).padStart(4, "0")}: ${padded}\n`;
  }
  return out;
}

async function read(text: string, options = {}) {
  return collect(Buffer.from(text), options);
}

const hexOf = (got: { packets: { data: string }[] }): string[] => got.packets.map((one) => one.data);

/** The link type of each packet. */
const linkTypes = (got: Collected): number[] =>
  got.packets.map((one) => got.interfaces[one.interface].linkType);

describe("hex dump", () => {
  it.each([
    ["one", REQUEST, [request]],
    ["both", REQUEST + REPLY, [request, reply]],
    [
      "fenced",
      `Echo request:\n\`\`\`\n${REQUEST}\`\`\`\nEcho reply:\n\n\`\`\`text\n${REPLY}\`\`\`\n`,
      [request, reply],
    ],
    ["CRLF", (REQUEST + REPLY).replaceAll("\n", "\r\n"), [request, reply]],
    ["tabs", (REQUEST + REPLY).replaceAll(/^/gm, "\t").replaceAll(":  ", ":\t"), [request, reply]],
    ["quoted mail", (REQUEST + REPLY).replaceAll(/^(?=0)/gm, "> "), [request, reply]],
    ["double spaced", (REQUEST + REPLY).replaceAll("\n", "\n\n"), [request, reply]],
    ["without a last newline", REQUEST.trimEnd(), [request]],
    ["a text column behind a tab", REQUEST.replaceAll("\n", "\tabcd 1234\n"), [request]],
    ["upper case", REQUEST.replaceAll(/[a-f]/g, (digit) => digit.toUpperCase()), [request]],
    ["trailing blanks", REQUEST.replaceAll("\n", "   \n"), [request]],
    ["a byte-order mark", `\ufeff${REQUEST}`.replace("0x0000", "\n0x0000"), [request]],
  ])("reads the published packets: %s", async (_, text, expected) => {
    const got = await read(text);
    expect(hexOf(got)).toEqual(expected);
    expect(got).toMatchObject({ format: "hexdump", damage: null, odd: 0 });
    for (const one of got.packets) {
      expect(one).toMatchObject({ original: 156, interface: 0, sec: 0, nsec: 0 });
      expect(one.data.length).toBe(2 * 156);
    }
    expect(got.interfaces.map((one) => one.linkType)).toEqual([1]);
  });

  it.each([
    ["-xx", dump(request), request, 0],
    ["-XX", dump(request, true), request, 0],
    ["-x", dump(request.slice(28)), request.slice(28), 1],
    ["-X", dump(request.slice(28), true), request.slice(28), 1],
  ])("tells what tcpdump %s begins with", async (_, text, expected, index) => {
    const got = await read(`07:20:17.646279 IP a > b: Geneve\n${text}`);
    expect(hexOf(got)).toEqual([expected]);
    expect(got.packets[0]).toMatchObject({ sec: 26_417, nsec: 646_279_000 });
    expect(linkTypes(got)).toEqual([index === 1 ? 101 : 1]);
  });

  it("reads packets of any length, with and without the text column", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.uint8Array({ minLength: 1, maxLength: 100 }), { minLength: 1, maxLength: 6 }),
        fc.boolean(),
        fc.boolean(),
        fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1, maxLength: 4 }),
        fc.integer({ min: 1, max: 5 }),
        fc.integer({ min: 1, max: 300 }),
        async (all, text, newline, sizes, batchCapacity, blockBytes) => {
          const hex = all.map((bytes) => Buffer.from(bytes).toString("hex"));
          const lines = hex
            .map((one) => dump(one, text))
            .join(batchCapacity > 3 ? "12:00:00.000001 IP x\n" : "");
          const file = Buffer.from(newline ? lines : lines.trimEnd());
          const got = await collect(chunks(file, sizes), { batchCapacity, blockBytes });
          expect(hexOf(got)).toEqual(hex);
          expect(got).toMatchObject({ odd: 0, damage: null });
        },
      ),
      { numRuns: 200 },
    );
  });

  it("recognises IPv6, VLAN, ARP and cards whose address looks like IP", async () => {
    const ip6 = `60000000000811ff${"fe80".padEnd(32, "0")}${"ff02".padEnd(32, "0")}1234567800080000`;
    const tagged = `${"525400ac675b525400130001"}81000005${request.slice(24)}`;
    const arp = `ffffffffffff5254001300010806${"00010800060400015254001300010a0000010000000000000a000002"}`;
    // The destination address reads as an IPv4 header of 20 bytes with a fitting length.
    const lookalike = `4500009c0001${request.slice(12)}`;
    // A source address whose first two bytes read as an EtherType: 129.0.0.1 and 8.0.69.1.
    const vlan = "45000014000000004011efd7810000010a000001";
    const ip4 = "4500001400000000401123d8080045010a000001";
    for (const [hex, link] of [
      [vlan, 101],
      [ip4, 101],
      [`${vlan}0000`, 101],
    ] as const)
      expect(linkTypes(await read(dump(hex))), hex).toEqual([link]);
    const got = await read(
      [ip6, `525400ac675b52540013000186dd${ip6}`, tagged, arp, lookalike].map((x) => dump(x)).join(""),
    );
    expect(linkTypes(got)).toEqual([101, 1, 1, 1, 1]);
  });

  it("lets the link type be given", async () => {
    const forced = await read(REQUEST, { hexDumpLink: "ip" });
    expect(linkTypes(forced)).toEqual([101]);
    const other = await read(dump(request.slice(28)), { hexDumpLink: "ethernet" });
    expect(linkTypes(other)).toEqual([1]);
  });

  it("takes the original length from the IP header where the dump is shorter", async () => {
    const got = await read(
      dump(request.slice(0, 128)) + dump(request.slice(28, 128)) + dump(`${request}0000`),
    );
    expect(got.packets.map((one) => [one.data.length / 2, one.original])).toEqual([
      [64, 156],
      [50, 142],
      [158, 158],
    ]);
  });

  it("ends a packet where a line does not continue it, and counts that", async () => {
    const lines = REQUEST.trimEnd().split("\n");
    const cases: [string, string[], number][] = [
      // A line is missing: what follows it cannot be placed.
      [[...lines.slice(0, 3), ...lines.slice(4)].join("\n"), [request.slice(0, 96)], 1],
      // A line twice.
      [[...lines.slice(0, 3), ...lines.slice(2)].join("\n"), [request.slice(0, 96)], 1],
      // The first line is missing.
      [`${lines.slice(1).join("\n")}\n${REPLY}`, [reply], 1],
      // No hexadecimal digit; half a byte.
      [REQUEST.replace("3265 1d7d", "3265 1dzd") + REPLY, [`${request.slice(0, 64)}32651d`, reply], 1],
      [REQUEST.replace("3265 1d7d", "3265 1d7") + REPLY, [`${request.slice(0, 64)}32651d`, reply], 1],
      // Other text in between.
      [[...lines.slice(0, 3), "and then", ...lines.slice(3)].join("\n"), [request.slice(0, 96)], 1],
      // A line without bytes.
      [`0x0000:\n${REQUEST}`, [request], 1],
    ];
    for (const [text, expected, odd] of cases) {
      const got = await read(text);
      expect(hexOf(got), text).toEqual(expected);
      expect(got.odd, text).toBe(odd);
    }
  });

  it.each([
    ["07:20:17.646279 IP", { seconds: 26_417, nanoseconds: 646_279_000 }],
    ["  12  07:20:17.646279123 IP", { seconds: 26_417, nanoseconds: 646_279_123 }],
    ["2026-11-21 07:20:17.5 IP", { seconds: 1_795_245_617, nanoseconds: 500_000_000 }],
    ["1795249492.401674 IP", { seconds: 1_795_249_492, nanoseconds: 401_674_000 }],
    ["> 07:20:17.646279 eth0  In  IP", { seconds: 26_417, nanoseconds: 646_279_000 }],
    ["25:20:17.646279 IP", null],
    ["2026-13-21 07:20:17.5 IP", null],
    ["at 07:20:17.646279", null],
    ["10.0.0.1 > 10.0.0.2", null],
    ["tcpdump: listening on eth1", null],
    ["", null],
  ])("finds the time in %j", (line, expected) => {
    expect(summaryTime(line)).toEqual(expected);
  });

  it("gives each packet the time of its own summary line only", async () => {
    const got = await read(
      `$ tcpdump -xx -r x\nreading from file x\n\n2026-11-21 07:20:17.000001 IP a > b\n    inner line\n${REQUEST}${REPLY}07:20:18.5 IP\n${REQUEST}`,
    );
    expect(got.packets.map((one) => [one.sec, one.nsec])).toEqual([
      [1_795_245_617, 1000],
      [0, 0],
      [26_418, 500_000_000],
    ]);
  });

  it("passes over long lines and packets longer than any", async () => {
    const long = `${"prose ".repeat(5000)}\n`;
    expect(hexOf(await read(`${long}${REQUEST}${long}${REPLY}`))).toEqual([request, reply]);
    for (const blockBytes of [1, 3000]) {
      const got = await read(`${long}${REQUEST}${long}${REPLY}`, { blockBytes });
      expect(hexOf(got)).toEqual([request, reply]);
    }
    const endless = dump("ab".repeat(300_000)) + REPLY;
    const got = await read(endless);
    expect(got.odd).toBe(1);
    expect(got.packets.length).toBe(2);
    expect(got.packets[0].data.length / 2).toBeLessThanOrEqual(262_144 + 16);
    expect(got.packets[1].data).toBe(reply);
  });

  it("refuses text without a packet and what is no text", async () => {
    const prose = await failure(Buffer.from("Dear all,\nno packets today.\n"));
    expect(prose.code).toBe("ERR_CAPTURE_FORMAT");
    expect(prose.message).toContain("nor text with a hex dump");
    const binary = await failure(Buffer.from("some text\n and a \x00 byte\n"));
    expect(binary).toMatchObject({ code: "ERR_CAPTURE_FORMAT", offset: 17 });
    expect((await failure(Buffer.alloc(3_000_000, "lorem ipsum\n"))).message).toContain(
      "nor text with a hex dump",
    );
    expect((await failure(Buffer.from("024065580000010001028001"))).message).toContain(
      "nor text with a hex dump",
    );
  });

  it("reads a large dump from a file as from a pipe", async () => {
    const text = `${REQUEST}${REPLY}`.repeat(3000);
    const path = temporary(text);
    const got = await collect(path);
    expect(got.packets.length).toBe(6000);
    expect(got.packets.every((one, index) => one.data === (index % 2 ? reply : request))).toBe(true);
    expect((await collect(path, { batchCapacity: 7 })).packets.length).toBe(6000);
  });
});

/* tcpdump's verdicts on checksums, and its words for what is inside, against ours. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { findCommand, peer } from "../setup/peer.js";
import { captures } from "./captures.js";
import { decodeAll, type Packet } from "./genevescope.js";
import { offsets, type Record as PcapRecord, readPcap, writePcap } from "./pcap.js";

const describeTcpdump = peer("tcpdump", ["tcpdump"]);

/** What tcpdump prints of each packet, however many lines it takes. */
function tcpdump(capture: string, ...options: string[]): string[] {
  const text = execFileSync(findCommand("tcpdump") ?? "tcpdump", ["-nn", "-tt", ...options, "-r", capture], {
    encoding: "utf8",
    maxBuffer: 1 << 28,
    stdio: ["ignore", "pipe", "ignore"],
  });
  // A packet's first line alone begins with the time.
  return text.split(/\n(?=\d+\.\d{6} )/).map((packet) => packet.replace(/^\S+ /, "").trimEnd());
}

/** Of one depth: the verdict on each checksum it has. */
type Verdicts = { [header: string]: string | undefined };

function verdicts(text: string): Verdicts {
  const found: Verdicts = {};
  if (/\bIP \(tos/.test(text))
    found.ip = /, bad cksum [\da-f]+ \(->[\da-f]+\)!\)/.test(text) ? "bad" : "good";
  if (/\[udp sum ok\]/.test(text)) found.udp = "good";
  else if (/\[bad udp cksum /.test(text)) found.udp = "bad";
  else if (/\[no cksum\]/.test(text)) found.udp = "absent";
  const tcp = /Flags \[[^\]]*\], cksum 0x[\da-f]+ \((correct|incorrect)/.exec(text);
  if (tcp !== null) found.tcp = tcp[1] === "correct" ? "good" : "bad";
  if (/: ICMP /.test(text)) found.icmp = /\(wrong icmp cksum /.test(text) ? "bad" : "good";
  if (/\[icmp6 sum ok\]/.test(text)) found.icmpv6 = "good";
  else if (/\[bad icmp6 cksum /.test(text)) found.icmpv6 = "bad";
  return found;
}

/** What tcpdump -vvv says of a packet: outside and inside the tunnel. */
function theirs(text: string) {
  // What an ICMP error quotes is no packet of its own.
  const [packet] = text.split(/(?<=: ICMP [^\n]* unreachable, [^\n]*)\n/);
  const [outer, inner = ""] = packet.split(/Geneve, Flags|VXLAN, flags/);
  return { outer: verdicts(outer), inner: verdicts(inner) };
}

function ours({ outer, inner }: Packet) {
  const depth = (headers: Packet["outer"]): Verdicts => {
    const found: Verdicts = {};
    for (const [name, fields] of Object.entries(headers ?? {}))
      if (typeof fields === "object" && "checksum" in fields) found[name] = fields.checksum as string;
    return found;
  };
  return { outer: depth(outer), inner: depth(inner) };
}

function compare(capture: string) {
  const said = tcpdump(capture, "-vvv").map(theirs);
  const packets = decodeAll(capture);
  expect(packets.map(ours)).toEqual(said);
  return { packets, said };
}

/** All frames of the lab on Ethernet; of the long transfer its beginning. */
function frames(): PcapRecord[] {
  return captures
    .filter(({ name, scenario }) => !name.includes("nano") && scenario !== "cooked")
    .flatMap(({ path, scenario }) => {
      const { records } = readPcap(path);
      return scenario === "tcp-transfer" ? records.slice(0, 60) : records;
    });
}

/** A copy with the byte at `at` of those frames flipped that have one. */
function flipped(records: PcapRecord[], at: (frame: Buffer) => number): PcapRecord[] {
  return records.flatMap((record, index) => {
    const place = at(record.bytes);
    if (place < 0 || place >= record.bytes.length) return [];
    const bytes = Buffer.from(record.bytes);
    bytes[place] ^= 1 << (index % 8);
    return [{ ...record, bytes }];
  });
}

/** Offset of the checksum in a transport header. */
const CHECKSUM_AT: { [protocol: number]: number } = { 1: 2, 6: 16, 17: 6, 58: 2 };

function innerChecksum(frame: Buffer): number {
  const { innerTransport, innerProtocol } = offsets(frame);
  return innerTransport < 0 ? -1 : innerTransport + CHECKSUM_AT[innerProtocol];
}

/** The sum of an IPv4 pseudo header, folded: what Linux leaves in a checksum that the card is to fill in. */
function pseudoSum(frame: Buffer, ip: number, transport: number): number {
  const end = ip + frame.readUInt16BE(ip + 2);
  let sum = frame[ip + 9] + (end - transport);
  for (let at = ip + 12; at < ip + 20; at += 2) sum += frame.readUInt16BE(at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return sum;
}

/** The text behind the tunnel's header, without what tcpdump alone tells. */
function innerText(line: string): string | null {
  const match =
    /: Geneve, Flags \[[^\]]*\], vni 0x[\da-f]+(?:, options \[\d+ bytes\])?: (?:IP6? )?(.*)$/.exec(line) ??
    /: VXLAN, flags \[I\] \(0x08\), vni \d+\n(?:IP6? )?(.*)$/.exec(line);
  if (match === null) return null;
  return match[1]
    .replace(/: HBH /, ": ")
    .replace(/ \(ff:ff:ff:ff:ff:ff\) tell/, " tell")
    .replace(/, \d+ group record\(s\)/, "")
    .replace(/, options \[[^\]]*\]/, "")
    .replace(/seq (\d+):\d+/, "seq $1");
}

describeTcpdump("tcpdump agrees", () => {
  let directory = "";
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), "genevescope-tcpdump-"));
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  for (const capture of captures)
    test(`on every checksum: ${capture.title}`, () => {
      const { said } = compare(capture.path);
      const all = said.flatMap(({ outer, inner }) => [...Object.values(outer), ...Object.values(inner)]);
      expect(all.length).toBeGreaterThanOrEqual(said.length);
      expect(all).not.toContain("bad");
    });

  const variants: {
    what: string;
    at: (frame: Buffer) => number;
    bad: (said: ReturnType<typeof theirs>) => unknown;
  }[] = [
    {
      what: "the outer IPv4 header's checksum",
      at: (frame) => (frame.readUInt16BE(12) === 0x0800 ? 24 : -1),
      bad: ({ outer }) => outer.ip,
    },
    {
      what: "the outer UDP checksum",
      at: (frame) => (offsets(frame).innerIp < 0 ? -1 : offsets(frame).outerTransport + 7),
      bad: ({ outer }) => outer.udp,
    },
    {
      what: "the inner IPv4 header's checksum",
      at: (frame) => {
        const { innerIp } = offsets(frame);
        return innerIp >= 0 && frame[innerIp] >>> 4 === 4 ? innerIp + 11 : -1;
      },
      bad: ({ inner }) => inner.ip,
    },
    {
      what: "the inner transport's checksum",
      // BFD has none.
      at: (frame) =>
        innerChecksum(frame) > 0 && frame.readUInt16BE(innerChecksum(frame)) !== 0
          ? innerChecksum(frame)
          : -1,
      bad: ({ inner }) => inner.tcp ?? inner.udp ?? inner.icmp ?? inner.icmpv6,
    },
    {
      what: "the last byte",
      at: (frame) => (innerChecksum(frame) > 0 ? frame.length - 1 : -1),
      bad: ({ outer }) => outer.udp,
    },
    {
      what: "the checksum of underlay TCP and ICMPv6",
      at: (frame) => {
        const { outerIp, outerTransport, innerIp } = offsets(frame);
        if (outerIp < 0 || innerIp >= 0) return -1;
        if (frame.readUInt16BE(12) === 0x0800) return frame[outerIp + 9] === 6 ? outerTransport + 17 : -1;
        return outerTransport + 3;
      },
      bad: ({ outer }) => outer.tcp ?? outer.icmpv6 ?? "bad",
    },
  ];

  for (const { what, at, bad } of variants)
    test(`where ${what} is damaged`, () => {
      const path = join(directory, "damaged.pcap");
      const records = flipped(frames(), at);
      expect(records.length).toBeGreaterThan(50);
      writePcap(path, records);
      const { said } = compare(path);
      expect(said.map(bad)).toEqual(said.map(() => "bad"));
    });

  test("where the outer UDP checksum is left out", () => {
    const path = join(directory, "absent.pcap");
    const records = frames().filter(
      ({ bytes }) => bytes.readUInt16BE(12) === 0x0800 && offsets(bytes).innerIp >= 0,
    );
    writePcap(
      path,
      records.map((record) => {
        const bytes = Buffer.from(record.bytes);
        bytes.writeUInt16BE(0, offsets(bytes).outerTransport + 6);
        return { ...record, bytes };
      }),
    );
    const { said } = compare(path);
    expect(said.map(({ outer }) => outer.udp)).toEqual(records.map(() => "absent"));
  });

  test("where a sender left checksums to its network card; we say so", () => {
    const path = join(directory, "unfilled.pcap");
    const records = frames().filter(({ bytes }) => {
      const { innerIp, innerProtocol } = offsets(bytes);
      return innerProtocol === 6 && bytes[innerIp] >>> 4 === 4;
    });
    expect(records.length).toBeGreaterThan(50);
    writePcap(
      path,
      records.map((record) => {
        const bytes = Buffer.from(record.bytes);
        const { innerIp, innerTransport } = offsets(bytes);
        bytes.writeUInt16BE(pseudoSum(bytes, innerIp, innerTransport), innerTransport + 16);
        return { ...record, bytes };
      }),
    );
    const { packets } = compare(path);
    for (const { inner } of packets) expect(inner?.tcp).toMatchObject({ checksum: "bad", unfilled: true });
    writePcap(
      path,
      flipped(records, (frame) => innerChecksum(frame) + 1),
    );
    for (const { inner } of decodeAll(path)) {
      expect(inner?.tcp).toMatchObject({ checksum: "bad" });
      expect(inner?.tcp).not.toHaveProperty("unfilled");
    }
  });

  for (const capture of captures)
    test(`on what is inside: ${capture.title}`, () => {
      const packets = decodeAll(capture.path);
      const lines = tcpdump(capture.path, "-S").map(innerText);
      expect(lines).toHaveLength(packets.length);
      const pairs = packets
        // tcpdump takes the BFD of the tunnels for something else.
        .map(({ inner, ovn }, index) => ({
          bfd: ovn?.bfd === true,
          ours: inner?.summary ?? null,
          theirs: lines[index],
        }))
        .filter(({ bfd }) => !bfd);
      expect(pairs.filter(({ ours }) => ours !== null).length).toBeGreaterThan(0);
      // It leaves out the sequence number of a segment without data.
      const normalised = pairs.map(({ ours, theirs }) =>
        theirs?.includes("seq ") ? ours : (ours?.replace(/seq \d+, /, "") ?? null),
      );
      expect(normalised).toEqual(pairs.map(({ theirs }) => theirs));
    });
});

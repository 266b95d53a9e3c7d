/* Built frames, all fields at random, as other programs read them. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { buildFrame, type GeneveContents, type OuterHeaders } from "../../src/encode/build.js";
import { entropyPort } from "../../src/encode/entropy.js";
import { buildInner, type InnerFields } from "../../src/encode/inner.js";
import { type CorruptKind, corruptKinds, type InnerKind } from "../../src/encode/kinds.js";
import type { VlanTag } from "../../src/wire/index.js";
import { contents, inners, outers } from "../encode/arbitrary.js";
import { findCommand, peer } from "../setup/peer.js";
import { writePcap } from "./pcap.js";
import { describeTshark, type Protocol, tshark } from "./pdml.js";

const FRAMES = 300;
const directory = mkdtempSync(join(tmpdir(), "genevescope-built-"));
const file = join(directory, "built.pcap");

interface Built {
  outer: OuterHeaders;
  geneve: GeneveContents;
  kind: InnerKind;
  fields: InnerFields;
  inner: Uint8Array;
}

/** Tags as they are stacked in the field: a service's outside, if at all. */
const stack = (tags: readonly VlanTag[]) =>
  tags.map((tag, index) => (index === 0 && tags.length > 1 ? tag : { ...tag, tpid: 0x8100 }));

/** Ports at which other programs find protocols of their own. */
const isPlain = (port: number | null) => port === null || port > 49_152;

const built: Built[] = fc
  .sample(fc.record({ outer: outers, geneve: contents, inner: inners }), { numRuns: 4 * FRAMES, seed: 6 })
  .filter(
    ({ outer, inner }) =>
      isPlain(outer.sourcePort) && (isPlain(inner.sourcePort) || !["udp", "tcp-syn"].includes(inner.kind)),
  )
  .slice(0, FRAMES)
  .map(({ outer, geneve, inner: { kind, ...rest } }) => {
    // Nothing at the other end, either, and no bytes that could be anything.
    const fields = { ...rest, tags: stack(rest.tags), destinationPort: 9 };
    return {
      outer: { ...outer, tags: stack(outer.tags) },
      geneve: { ...geneve, oam: false },
      kind,
      fields,
      inner: buildInner(kind, fields),
    };
  });

const write = (path: string, frames: readonly Uint8Array[]) =>
  writePcap(
    path,
    frames.map((bytes, i) => ({ seconds: i, microseconds: 0, bytes: Buffer.from(bytes) })),
  );

beforeAll(() =>
  write(
    file,
    built.map(({ outer, geneve, inner }) => buildFrame(outer, geneve, inner)),
  ),
);
afterAll(() => rmSync(directory, { recursive: true }));

const isV6 = (address: string) => address.includes(":");
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
/** A tag as priority, drop-eligible and id. */
const tagOf = ({ priority, dropEligible, vlan }: VlanTag) => [priority, dropEligible ? 1 : 0, vlan];

/** The options of a frame: class, type and data. */
function optionsOf({ keys, options }: GeneveContents): [number, number, string][] {
  const word = keys === null ? 0 : keys.ingress * 0x10000 + keys.egress;
  const own: [number, number, string][] =
    keys === null ? [] : [[0x102, 0x80, word.toString(16).padStart(8, "0")]];
  return [
    ...own,
    ...options.map(
      ({ optionClass, type, data }) => [optionClass, type, hex(data)] as [number, number, string],
    ),
  ];
}

const isCritical = (geneve: GeneveContents) => optionsOf(geneve).some(([, type]) => type >= 0x80);

/** Type, identifier and sequence number of an echo. */
function echoOf({ kind, fields }: Built): number[] | null {
  const { source, identifier, sequence } = fields;
  if (kind !== "icmp" && kind !== "icmp-reply") return null;
  const types = isV6(source) ? [128, 129] : [8, 0];
  return [types[kind === "icmp" ? 0 : 1], identifier, sequence];
}

const isArp = ({ kind }: Built) => kind === "arp" || kind === "arp-reply";

describe("built frames", () => {
  test("are of all kinds", () => {
    expect(built).toHaveLength(FRAMES);
    expect(new Set(built.map(({ kind }) => kind)).size).toBe(6);
    expect(
      new Set(built.map(({ outer, fields }) => `${isV6(outer.source)} ${isV6(fields.source)}`)).size,
    ).toBe(4);
  });
});

describeTshark("tshark reads built frames", () => {
  // Over IPv6 none is illegal to it, but for tunnels it is not (RFC 6935).
  const CHECKSUM = ["bad", "good", "unverified", "absent", "absent"];
  const tags = (protocols: readonly Protocol[]) =>
    protocols
      .filter(({ name }) => name === "vlan" || name === "ieee8021ad")
      .map((each) => ["priority", "dei", "id"].map((field) => each.number(`${each.name}.${field}`)));

  function link(protocols: readonly Protocol[]) {
    const eth = protocols.find(({ name }) => name === "eth") as Protocol;
    return { sourceMac: eth.show("eth.src"), destinationMac: eth.show("eth.dst") };
  }

  function ip(protocols: readonly Protocol[]) {
    const layer = protocols.find(({ name }) => name === "ip" || name === "ipv6") as Protocol;
    const { name } = layer;
    const v4 = name === "ip";
    return {
      source: layer.show(`${name}.src`),
      destination: layer.show(`${name}.dst`),
      ttl: layer.number(v4 ? "ip.ttl" : "ipv6.hlim"),
      dscp: layer.number(v4 ? "ip.dsfield" : "ipv6.tclass") >> 2,
      ...(v4
        ? {
            dontFragment: layer.show("ip.flags.df") === "1",
            checksum: CHECKSUM[layer.number("ip.checksum.status")],
          }
        : {}),
    };
  }

  function meantIp({ source, destination, ttl, dscp, dontFragment }: OuterHeaders | InnerFields) {
    const v4 = isV6(source) ? {} : { dontFragment, checksum: "good" };
    return { source, destination, ttl, dscp, ...v4 };
  }

  test("field by field, and finds nothing wrong", () => {
    tshark(file).forEach(({ protocols }, index) => {
      const each = built[index];
      const { outer, geneve, kind, fields } = each;
      const at = protocols.findIndex(({ name }) => name === "geneve");
      const [outside, inside] = [protocols.slice(0, at), protocols.slice(at + 1)];
      const { sourceMac, destinationMac } = outer;
      expect(link(outside)).toEqual({ sourceMac, destinationMac });
      expect(link(inside)).toEqual({ sourceMac: fields.sourceMac, destinationMac: fields.destinationMac });
      expect(tags(outside)).toEqual(outer.tags.map(tagOf));
      expect(tags(inside)).toEqual(fields.tags.map(tagOf));
      expect(ip(outside)).toEqual(meantIp(outer));
      const udp = outside.find(({ name }) => name === "udp") as Protocol;
      expect(udp.number("udp.srcport")).toBe(outer.sourcePort ?? entropyPort(each.inner));
      expect(CHECKSUM[udp.number("udp.checksum.status")]).toBe(outer.checksum ? "good" : "absent");
      const header = protocols[at];
      expect(header.number("geneve.vni")).toBe(geneve.vni);
      expect(header.show("geneve.flags.critical") === "1").toBe(isCritical(geneve));
      const data = header.all("geneve.option.unknown.data").map(({ value }) => value);
      expect(
        header
          .all("geneve.option.class")
          .map(({ show }, i) => [Number(show), Number(header.all("geneve.option.type")[i].show)]),
      ).toEqual(optionsOf(geneve).map(([optionClass, type]) => [optionClass, type]));
      expect(data).toEqual(optionsOf(geneve).map(([, , bytes]) => bytes));
      if (isArp(each)) {
        const arp = inside.find(({ name }) => name === "arp") as Protocol;
        expect([arp.show("arp.src.proto_ipv4"), arp.show("arp.dst.proto_ipv4")]).toEqual([
          fields.source,
          fields.destination,
        ]);
        expect(arp.number("arp.opcode")).toBe(kind === "arp" ? 1 : 2);
        return;
      }
      expect(ip(inside)).toEqual(meantIp(fields));
      const echo = inside.find(({ name }) => name === "icmp" || name === "icmpv6");
      if (echo?.name === "icmp")
        expect([echo.number("icmp.type"), echo.number("icmp.ident"), echo.number("icmp.seq")]).toEqual(
          echoOf(each),
        );
      if (echo?.name === "icmpv6")
        expect([
          echo.number("icmpv6.type"),
          echo.number("icmpv6.echo.identifier"),
          echo.number("icmpv6.echo.sequence_number"),
        ]).toEqual(echoOf(each));
      const transport = inside.find(({ name }) => name === "udp" || name === "tcp");
      if (transport !== undefined) {
        const { name } = transport;
        expect(transport.number(`${name}.srcport`)).toBe(fields.sourcePort);
        expect(transport.number(`${name}.dstport`)).toBe(fields.destinationPort);
      }
      const above = echo ?? transport;
      expect(above, kind).toBeDefined();
      expect(CHECKSUM[above?.number(`${above.name}.checksum.status`) ?? -1]).toBe("good");
    });
  });

  /** Malformed, or a warning or error of its expert's. */
  const COMPLAINT = "_ws.malformed || _ws.expert.severity >= 0x600000";
  /** What tshark has to say of each kind, by its filters. */
  const shown: Record<CorruptKind, string> = {
    version: "geneve.version == 1",
    "opt-len": COMPLAINT,
    "opt-len-beyond": COMPLAINT,
    "option-length": COMPLAINT,
    "ovn-option": "geneve.option.length == 12",
    "critical-flag": "geneve.flags.critical == 0 && geneve.option.type.critical == 1",
    "reserved-bits": "geneve.flags.reserved != 0",
    "protocol-type": "geneve.proto_type == 0x88b5",
    "inner-truncated": COMPLAINT,
    "udp-length": COMPLAINT,
    "ip-length": COMPLAINT,
    "udp-checksum": "udp.checksum.status == 0",
    "ip-checksum": "ip.checksum.status == 0",
  };

  test("and sees what is wrong with those that are wrong on purpose", () => {
    const outer: OuterHeaders = {
      ...built[0].outer,
      ...{ sourceMac: "02:00:00:00:00:01", destinationMac: "02:00:00:00:00:02", tags: [], ttl: 64 },
      ...{ source: "10.0.0.1", destination: "10.0.0.2", sourcePort: null, checksum: true },
    };
    const fields: InnerFields = {
      ...built[0].fields,
      ...{ sourceMac: "02:00:00:00:00:03", destinationMac: "02:00:00:00:00:04", tags: [], ttl: 64 },
      ...{ source: "10.1.0.1", destination: "10.1.0.2", sourcePort: 50_000, size: 100 },
    };
    const inner = buildInner("udp", fields);
    const geneve = { vni: 7, keys: { ingress: 1, egress: 2 }, options: [], oam: false };
    const kinds = Object.keys(corruptKinds) as CorruptKind[];
    const path = join(directory, "wrong.pcap");
    write(
      path,
      [null, ...kinds].map((kind) => buildFrame(outer, geneve, inner, kind)),
    );
    const preferences = ["udp.check_checksum:TRUE", "ip.check_checksum:TRUE"].flatMap((each) => ["-o", each]);
    kinds.forEach((kind, index) => {
      const args = [
        "-n",
        "-r",
        path,
        ...preferences,
        "-T",
        "fields",
        "-e",
        "frame.number",
        "-Y",
        shown[kind],
      ];
      const text = execFileSync(findCommand("tshark") ?? "tshark", args, {
        encoding: "utf8",
        stdio: ["ignore", "pipe", "ignore"],
      });
      const numbers = text.trim().split("\n").map(Number);
      expect(numbers, kind).toContain(index + 2);
      expect(numbers, kind).not.toContain(1);
    });
  });
});

peer("tcpdump", ["tcpdump"])("tcpdump reads built frames", () => {
  test("line by line, and finds every checksum right", () => {
    const args = ["-nn", "-t", "-vvv", "-r", file];
    const text = execFileSync(findCommand("tcpdump") ?? "tcpdump", args, {
      encoding: "utf8",
      maxBuffer: 1 << 26,
      stdio: ["ignore", "pipe", "ignore"],
    });
    const packets = text.trimEnd().split(/\n(?=\S)/);
    expect(packets).toHaveLength(FRAMES);
    packets.forEach((packet, index) => {
      const each = built[index];
      const { outer, geneve, fields } = each;
      // Over IPv6 none is wrong to it, but for tunnels it is not (RFC 6935).
      const none = isV6(outer.source) ? /\[bad udp cksum 0x0000 -> 0x[\da-f]+!\] (?=Geneve)/ : /\[no cksum\]/;
      const rest = outer.checksum ? packet : packet.replace(none, "");
      expect(rest === packet).toBe(outer.checksum);
      expect(rest).not.toMatch(/\b(bad|wrong|incorrect|invalid)\b|\[\|/);
      const port = outer.sourcePort ?? entropyPort(each.inner);
      expect(packet).toContain(`${outer.source}.${port} > ${outer.destination}.6081: `);
      if (outer.checksum) expect(packet).toContain("[udp sum ok]");
      expect(packet).toContain(`vni 0x${geneve.vni.toString(16)}`);
      const options = optionsOf(geneve);
      for (const [optionClass, type, data] of options)
        expect(packet).toMatch(
          new RegExp(
            `\\(0x${optionClass.toString(16)}\\) type 0x${type.toString(16)}${type >= 0x80 ? "\\(C\\)" : ""} len ${data.length / 2 + 4}`,
          ),
        );
      if (!isArp(each)) expect(packet).toContain(`${fields.source}`);
      const echo = echoOf(each);
      if (echo !== null) expect(packet).toContain(`id ${echo[1]}, seq ${echo[2]}`);
    });
  });
});

const PYTHON = "/usr/bin/python3";
peer("scapy", [PYTHON, "/usr/lib/python3/dist-packages/scapy/contrib/geneve.py"])(
  "scapy reads built frames",
  () => {
    test("field by field, and works out the same checksums", () => {
      const text = execFileSync(PYTHON, [join(import.meta.dirname, "built.py"), file], {
        encoding: "utf8",
        maxBuffer: 1 << 26,
      });
      const found = text
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as unknown);
      expect(found).toHaveLength(FRAMES);
      const ip = ({ source, destination, ttl, dscp, dontFragment }: OuterHeaders | InnerFields) => {
        const own = isV6(source) ? { version: 6 } : { version: 4, dontFragment };
        return { source, destination, ttl, dscp, ...own, checksums: true };
      };
      found.forEach((one, index) => {
        const each = built[index];
        const { outer, geneve, kind, fields } = each;
        const echo = echoOf(each);
        const isTcp = kind === "tcp-syn";
        const network = isArp(each)
          ? {
              operation: kind === "arp" ? 1 : 2,
              sender: [fields.sourceMac, fields.source],
              target: [kind === "arp" ? "00:00:00:00:00:00" : fields.destinationMac, fields.destination],
            }
          : {
              ...ip(fields),
              ...(echo !== null ? { echo } : { ports: [fields.sourcePort, fields.destinationPort] }),
              ...(isTcp ? { flags: "S" } : {}),
            };
        const link = ({ sourceMac, destinationMac, tags }: OuterHeaders | InnerFields) => ({
          sourceMac,
          destinationMac,
          tags: tags.map(tagOf),
        });
        expect(one).toEqual({
          outer: {
            ...link(outer),
            ...ip(outer),
            ports: [outer.sourcePort ?? entropyPort(each.inner), 6081],
            hasChecksum: outer.checksum,
          },
          geneve: {
            version: 0,
            vni: geneve.vni,
            oam: false,
            critical: isCritical(geneve),
            options: optionsOf(geneve),
          },
          inner: { ...link(fields), ...network, size: fields.size },
        });
      });
    });
  },
);

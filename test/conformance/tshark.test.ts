/* Every shipped capture packet by packet, and its sums, against tshark. */
import { basename } from "node:path";
import { expect, test } from "vitest";
import { captures } from "./captures.js";
import { analyze, decodeAll, nanoseconds, type Packet } from "./genevescope.js";
import { type Dissection, describeTshark, type Protocol, tshark } from "./pdml.js";

type Fields = Record<string, unknown>;

/** tshark's words for a checksum, by the number it gives them. */
const CHECKSUM = ["bad", "good", "unverified", "absent"];
const TCP_FLAGS = ["fin", "syn", "rst", "psh", "ack", "urg", "ece", "cwr", "ae"];
const BFD_STATES = ["AdminDown", "Down", "Init", "Up"];

const checksum = (layer: Protocol) => CHECKSUM[layer.number(`${layer.name}.checksum.status`)];

/** A header as `decode -o json` shows it, of what tshark found. */
const headers: Record<string, (layer: Protocol) => [name: string, fields: Fields]> = {
  eth: (layer) => ["eth", { src: layer.show("eth.src"), dst: layer.show("eth.dst"), vlans: [] }],
  sll: (layer) => [
    layer.has("sll.ifindex") ? "sll2" : "sll",
    {
      ...(layer.has("sll.ifindex") ? { interfaceIndex: layer.number("sll.ifindex") } : {}),
      packetType: layer.number("sll.pkttype"),
      address: layer.show("sll.src.eth"),
      type: layer.number("sll.etype"),
    },
  ],
  ip: (layer) => [
    "ip",
    {
      version: 4,
      src: layer.show("ip.src"),
      dst: layer.show("ip.dst"),
      ttl: layer.number("ip.ttl"),
      tos: layer.number("ip.dsfield"),
      id: layer.number("ip.id"),
      length: layer.number("ip.len"),
      protocol: layer.number("ip.proto"),
      dontFragment: layer.show("ip.flags.df") === "1",
      checksum: checksum(layer),
    },
  ],
  ipv6: (layer) => [
    "ip",
    {
      version: 6,
      src: layer.show("ipv6.src"),
      dst: layer.show("ipv6.dst"),
      ttl: layer.number("ipv6.hlim"),
      tos: layer.number("ipv6.tclass"),
      flowLabel: layer.number("ipv6.flow"),
      length: layer.number("ipv6.plen"),
      protocol: layer.number("ipv6.nxt"),
    },
  ],
  udp: (layer) => [
    "udp",
    {
      src: layer.number("udp.srcport"),
      dst: layer.number("udp.dstport"),
      length: layer.number("udp.length"),
      checksum: checksum(layer),
    },
  ],
  tcp: (layer) => {
    const bits = layer.number("tcp.flags");
    return [
      "tcp",
      {
        src: layer.number("tcp.srcport"),
        dst: layer.number("tcp.dstport"),
        seq: layer.number("tcp.seq"),
        ack: layer.number("tcp.ack"),
        flags: TCP_FLAGS.filter((_, bit) => (bits & (1 << bit)) !== 0),
        window: layer.number("tcp.window_size_value"),
        urgent: layer.number("tcp.urgent_pointer"),
        ...(layer.has("tcp.options") ? { options: layer.hex("tcp.options") } : {}),
        checksum: checksum(layer),
      },
    ];
  },
  icmp: (layer) => [
    "icmp",
    {
      type: layer.number("icmp.type"),
      code: layer.number("icmp.code"),
      ...(layer.has("icmp.ident") ? { id: layer.number("icmp.ident"), seq: layer.number("icmp.seq") } : {}),
      checksum: checksum(layer),
    },
  ],
  icmpv6: (layer) => {
    const fields: Fields = {
      type: layer.number("icmpv6.type"),
      code: layer.number("icmpv6.code"),
      checksum: checksum(layer),
    };
    if (layer.has("icmpv6.echo.identifier")) {
      fields.id = layer.number("icmpv6.echo.identifier");
      fields.seq = layer.number("icmpv6.echo.sequence_number");
    }
    for (const kind of ["ns", "na"])
      if (layer.has(`icmpv6.nd.${kind}.target_address`))
        fields.target = layer.show(`icmpv6.nd.${kind}.target_address`);
    return ["icmpv6", fields];
  },
  arp: (layer) => [
    "arp",
    {
      operation: layer.number("arp.opcode"),
      senderMac: layer.show("arp.src.hw_mac"),
      senderIp: layer.show("arp.src.proto_ipv4"),
      targetMac: layer.show("arp.dst.hw_mac"),
      targetIp: layer.show("arp.dst.proto_ipv4"),
    },
  ],
  bfd: (layer) => [
    "bfd",
    {
      version: layer.number("bfd.version"),
      state: BFD_STATES[layer.number("bfd.sta")],
      diag: layer.number("bfd.diag"),
      // The two uppermost bits of that byte are the state.
      flags: layer.number("bfd.flags") & 0x3f,
      multiplier: layer.number("bfd.detect_time_multiplier"),
      myDiscriminator: layer.number("bfd.my_discriminator"),
      yourDiscriminator: layer.number("bfd.your_discriminator"),
      desiredMinTxUsec: layer.number("bfd.desired_min_tx_interval"),
      requiredMinRxUsec: layer.number("bfd.required_min_rx_interval"),
      requiredMinEchoRxUsec: layer.number("bfd.required_min_echo_interval"),
    },
  ],
};

/** What our line must hold. */
function expected({ protocols }: Dissection) {
  const frame = protocols.find(({ name }) => name === "frame") as Protocol;
  const geneve = protocols.find(({ name }) => name === "geneve");
  const at = geneve === undefined ? protocols.length : protocols.indexOf(geneve);
  const depth = (list: Protocol[]) => {
    const layers = list.filter(({ name }) => name in headers);
    return layers.length === 0 ? null : Object.fromEntries(layers.map((each) => headers[each.name](each)));
  };
  const outer = depth(protocols.slice(0, at));
  const inner = geneve === undefined ? null : depth(protocols.slice(at + 1));
  const innerEthernet = protocols.slice(at).find(({ name }) => name === "eth");
  if (innerEthernet !== undefined) (inner?.eth as Fields).type = innerEthernet.number("eth.type");
  return {
    number: frame.number("frame.number"),
    time: BigInt(frame.show("frame.time_epoch").replace(".", "")),
    capturedBytes: frame.number("frame.cap_len"),
    originalBytes: frame.number("frame.len"),
    status: geneve === undefined ? "not-geneve" : "ok",
    outer,
    geneve: geneve === undefined ? null : geneveHeader(geneve),
    inner,
  };
}

function geneveHeader(layer: Protocol) {
  return {
    version: layer.number("geneve.version"),
    oam: layer.show("geneve.flags.oam") === "1",
    critical: layer.show("geneve.flags.critical") === "1",
    protocolType: layer.number("geneve.proto_type"),
    vni: layer.number("geneve.vni"),
    options: layer.all("geneve.option.class").map((optionClass, index) => ({
      class: Number(optionClass.show),
      type: Number(layer.all("geneve.option.type")[index].show),
      critical: layer.all("geneve.option.type.critical")[index].show === "1",
      data: layer.all("geneve.option.unknown.data")[index].value,
    })),
  };
}

/** The names of the headers that are there: none may be ours alone. */
function headerNames(depth: object | null): string[] {
  return Object.keys(depth ?? {})
    .filter((name) => name !== "summary")
    .sort();
}

const withExactTime = (packet: Packet) => ({ ...packet, time: nanoseconds(packet.time) });
const sum = (numbers: number[]) => numbers.reduce((total, each) => total + each, 0);

/** Packets by a key, with what `analyze` says of such a group. */
function grouped(packets: Dissection[], key: (geneve: Protocol, ip: Protocol) => string | null) {
  const groups = new Map<
    string,
    { packets: number; bytes: number; first: bigint; last: bigint; ip: number[] }
  >();
  for (const packet of packets) {
    const { protocols } = packet;
    const geneve = protocols.find(({ name }) => name === "geneve");
    const ip = protocols.find(({ name }) => name === "ip" || name === "ipv6");
    const word = geneve === undefined ? null : key(geneve, ip as Protocol);
    if (word === null) continue;
    const { time, originalBytes } = expected(packet);
    const length = ip?.name === "ip" ? ip.number("ip.len") : Number(ip?.number("ipv6.plen")) + 40;
    const group = groups.get(word) ?? { packets: 0, bytes: 0, first: time, last: time, ip: [] };
    group.packets++;
    group.bytes += originalBytes;
    if (time < group.first) group.first = time;
    if (time > group.last) group.last = time;
    group.ip.push(length);
    groups.set(word, group);
  }
  return groups;
}

describeTshark("tshark agrees", () => {
  test("on every shipped capture, so there are some", () => {
    expect(captures.length).toBeGreaterThan(15);
  });

  for (const capture of captures) {
    test(`packet by packet: ${capture.title}`, () => {
      const theirs = tshark(capture.path).map(expected);
      const ours = decodeAll(capture.path, "--sb", capture.sb);
      expect(ours.map(withExactTime)).toMatchObject(theirs);
      for (const depth of ["outer", "inner"] as const)
        expect(ours.map((packet) => headerNames(packet[depth]))).toEqual(
          theirs.map((packet) => headerNames(packet[depth])),
        );
    });

    test(`on the sums: ${capture.title}`, () => {
      const packets = tshark(capture.path);
      const theirs = packets.map(expected);
      const geneve = theirs.filter((packet) => packet.geneve !== null);
      const ours = analyze(capture.path);
      const bytes = sum(theirs.map(({ originalBytes }) => originalBytes));
      expect(ours).toMatchObject({
        packets: theirs.length,
        bytes,
        geneve: geneve.length,
        ovn: geneve.filter((packet) => packet.geneve?.options.some((option) => option.class === 0x102))
          .length,
        bfd: geneve.filter((packet) => packet.inner !== null && "bfd" in packet.inner).length,
        notGeneve: theirs.length - geneve.length,
        malformed: 0,
        truncated: 0,
        unsupported: 0,
      });
      expect(ours.files).toHaveLength(1);
      const [file] = ours.files;
      expect(basename(file.name)).toBe(capture.name);
      expect(file).toMatchObject({ packets: theirs.length, bytes });
      expect([nanoseconds(file.firstTime), nanoseconds(file.lastTime)]).toEqual([
        theirs[0].time,
        theirs[theirs.length - 1].time,
      ]);

      const flows = grouped(packets, (header) =>
        header.has("geneve.option.unknown.data")
          ? `${header.number("geneve.vni")} ${header.hex("geneve.option.unknown.data")}`
          : null,
      );
      const hex4 = (key: number) => key.toString(16).padStart(4, "0");
      expect(
        ours.flows.map((flow) => [
          `${flow.datapathKey} ${hex4(flow.ingressKey)}${hex4(flow.egressKey)}`,
          flow.packets,
          flow.bytes,
          nanoseconds(flow.firstTime),
          nanoseconds(flow.lastTime),
        ]),
      ).toEqual(
        [...flows]
          .map(([key, { packets, bytes, first, last }]) => [key, packets, bytes, first, last] as const)
          // By bytes, then by the keys: numbers of fixed width but the first, of which there are few.
          .sort((a, b) => b[2] - a[2] || (a[0] < b[0] ? -1 : 1)),
      );
      expect(ours.flowCount).toBe(flows.size);

      const tunnels = grouped(
        packets,
        (_, ip) => `${ip.show(`${ip.name}.src`)} ${ip.show(`${ip.name}.dst`)}`,
      );
      expect(
        new Map(
          ours.tunnels.map(({ source, destination, packets, bytes, largestOuterBytes }) => [
            `${source} ${destination}`,
            { packets, bytes, largestOuterBytes },
          ]),
        ),
      ).toEqual(
        new Map(
          [...tunnels].map(([key, { packets, bytes, ip }]) => [
            key,
            { packets, bytes, largestOuterBytes: Math.max(...ip) },
          ]),
        ),
      );
    });
  }
});

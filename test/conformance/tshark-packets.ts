/* Packets as tshark sees them, in the words of `decode -o json`. */
import type { Dissection, Protocol } from "./pdml.js";

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
export function expected({ protocols }: Dissection) {
  const frame = protocols.find(({ name }) => name === "frame") as Protocol;
  const tunnel = protocols.find(({ name }) => name === "geneve" || name === "vxlan");
  const at = tunnel === undefined ? protocols.length : protocols.indexOf(tunnel);
  const depth = (list: Protocol[]) => {
    const layers = list.filter(({ name }) => name in headers);
    return layers.length === 0 ? null : Object.fromEntries(layers.map((each) => headers[each.name](each)));
  };
  const outer = depth(protocols.slice(0, at));
  const inner = tunnel === undefined ? null : depth(protocols.slice(at + 1));
  const innerEthernet = protocols.slice(at).find(({ name }) => name === "eth");
  if (innerEthernet !== undefined) (inner?.eth as Fields).type = innerEthernet.number("eth.type");
  return {
    number: frame.number("frame.number"),
    time: BigInt(frame.show("frame.time_epoch").replace(".", "")),
    capturedBytes: frame.number("frame.cap_len"),
    originalBytes: frame.number("frame.len"),
    status: tunnel === undefined ? "not-geneve" : "ok",
    outer,
    geneve: tunnel?.name === "geneve" ? geneveHeader(tunnel) : null,
    ...(tunnel?.name === "vxlan" ? { vxlan: vxlanHeader(tunnel) } : {}),
    inner,
  };
}

function vxlanHeader(layer: Protocol) {
  // Of its sixteen bits of flags the upper eight are RFC 7348's.
  return { flags: layer.number("vxlan.flags") >>> 8, vni: layer.number("vxlan.vni") };
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

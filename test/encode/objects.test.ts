/* Any object that encode takes is what decode says of the packet it makes: object, bytes, object. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { packetFromJson } from "../../src/encode/from-json.js";
import { FrameDecoder } from "../../src/frame/decode.js";
import { JsonPrinter } from "../../src/output/decode-json.js";
import { batchOf } from "../frame/batch.js";
import { decoded, printed } from "../output/printed.js";

const below = (bits: number): fc.Arbitrary<number> => fc.integer({ min: 0, max: 2 ** bits - 1 });
const byte = below(8);
const short = below(16);
const long = below(32);
const hex = (min: number, max: number, unit = 1): fc.Arbitrary<string> =>
  fc
    .array(fc.uint8Array({ minLength: unit, maxLength: unit }), {
      minLength: min / unit,
      maxLength: max / unit,
    })
    .map((parts) => parts.map((part) => Buffer.from(part).toString("hex")).join(""));
const mac = hex(6, 6).map((digits) => (digits.match(/../g) ?? []).join(":"));
const ipv4Address = fc.tuple(byte, byte, byte, byte).map((octets) => octets.join("."));
/** Addresses as RFC 5952 writes them: no zeros that could be shortened. */
const ipv6Address = fc
  .array(fc.integer({ min: 1, max: 0xffff }), { minLength: 8, maxLength: 8 })
  .map((groups) => groups.map((group) => group.toString(16)).join(":"));

const vlans = fc.array(
  fc.record({
    tpid: fc.constantFrom(0x8100, 0x88a8, 0x9100),
    vlan: below(12),
    priority: below(3),
    dropEligible: fc.boolean(),
  }),
  { maxLength: 3 },
);
const eth = fc.record({ src: mac, dst: mac, vlans });
const cooked = {
  packetType: byte,
  address: fc.oneof(mac, hex(0, 5), hex(7, 8)),
  hardwareType: fc.integer({ min: 2, max: 0xffff }),
};
const links: fc.Arbitrary<object> = fc.oneof(
  fc.record({ eth }),
  fc.record({ sll: fc.record(cooked) }),
  fc.record({
    sll2: fc.record({ ...cooked, interfaceIndex: long, reserved: fc.integer({ min: 1, max: 0xffff }) }),
  }),
  fc.record({ null: fc.record({ littleEndian: fc.constant(true) }) }),
  fc.constant({}),
);
const ipv4 = fc.record({
  version: fc.constant(4),
  src: ipv4Address,
  dst: ipv4Address,
  ttl: byte,
  tos: byte,
  id: short,
  dontFragment: fc.boolean(),
  reservedFlag: fc.constant(true),
  options: hex(4, 40, 4),
});
const ipv6 = fc.record({
  version: fc.constant(6),
  src: ipv6Address,
  dst: ipv6Address,
  ttl: byte,
  tos: byte,
  flowLabel: below(20),
});
/** The same without what is left out of usual ones. */
const plainIpv4 = ipv4.map(({ reservedFlag: _, options: __, ...plain }) => plain);
const ips = fc.oneof(ipv4, plainIpv4, ipv6);

const option = fc
  .record({ class: short, type: byte, data: hex(0, 12, 4), reserved: fc.integer({ min: 1, max: 7 }) })
  .filter((each) => each.class !== 0x102)
  .map((each) => ({ ...each, critical: each.type >= 0x80 }));
const ovn = fc.record({ datapathKey: below(24), ingressKey: below(15), egressKey: short });

const udp = fc.record({
  udp: fc.record({ src: short, dst: short.filter((port) => ![3784, 4784, 4789, 6081].includes(port)) }),
});
const tcp = fc.record({
  tcp: fc.record({
    src: short,
    dst: short.filter((port) => port !== 7471),
    seq: long,
    ack: long,
    reserved: fc.integer({ min: 1, max: 7 }),
    // In the order they are shown.
    flags: fc.subarray(["fin", "syn", "rst", "psh", "ack", "urg", "ece", "cwr", "ae"]),
    window: short,
    urgent: short,
    options: hex(4, 40, 4),
  }),
});
const sctp = fc.record({ sctp: fc.record({ src: short, dst: short, verificationTag: long }) });
const bfd = fc.record({
  udp: fc.record({ src: short, dst: fc.constantFrom(3784, 4784) }),
  bfd: fc.record({
    state: fc.constantFrom("AdminDown", "Down", "Init", "Up"),
    diag: below(5),
    flags: below(6),
    multiplier: byte,
    myDiscriminator: long,
    yourDiscriminator: long,
    desiredMinTxUsec: long,
    requiredMinRxUsec: long,
    requiredMinEchoRxUsec: long,
    authentication: hex(1, 40),
  }),
});
const echo = { code: byte, id: short, seq: short };
const icmp: fc.Arbitrary<object> = fc.oneof(
  fc.record({ icmp: fc.record({ type: fc.constantFrom(0, 8), ...echo }) }),
  fc.record({ icmp: fc.record({ type: fc.constantFrom(3, 5, 11, 13), code: byte, rest: long }) }),
);
const ndOptions = fc.array(fc.record({ type: byte, data: hex(6, 6) }), { minLength: 1, maxLength: 3 });
const icmpv6: fc.Arbitrary<object> = fc
  .oneof<fc.Arbitrary<object>[]>(
    fc.record({ type: fc.constantFrom(128, 129), ...echo }),
    fc.record({ type: fc.constant(2), code: byte, mtu: long }),
    fc.record({ type: fc.constantFrom(1, 3, 200), code: byte, rest: long }),
    fc.record({ type: fc.constantFrom(130, 131, 132), rest: long, target: ipv6Address }),
    fc.record({ type: fc.constantFrom(135, 136), rest: long, target: ipv6Address, options: ndOptions }),
    fc.record({
      type: fc.constant(134),
      rest: long,
      reachableTime: long,
      retransTimer: long,
      options: ndOptions,
    }),
    fc.record({ type: fc.constant(137), target: ipv6Address, destination: ipv6Address, options: ndOptions }),
  )
  .map((fields) => ({ icmpv6: fields }));
const arp = fc.record({
  eth,
  arp: fc.record({
    hardwareType: fc.integer({ min: 2, max: 0xffff }),
    protocolType: fc.integer({ min: 1, max: 0x7ff }),
    operation: short,
    senderMac: mac,
    senderIp: ipv4Address,
    targetMac: mac,
    targetIp: ipv4Address,
  }),
  trailers: fc.tuple(fc.record({ of: fc.constant("arp"), data: hex(1, 18) })),
});

/** What is carried, with payload but for messages that would take it for options of theirs. */
const carried: fc.Arbitrary<object> = fc
  .tuple(ips, fc.oneof(udp, tcp, sctp, bfd), icmp, icmpv6, fc.nat(2), hex(1, 60))
  .map(([ip, upper, four, six, which, payload]) => {
    if (which > 0) return { ip, ...upper, payload };
    const isNd = [134, 135, 136, 137].includes((six as { icmpv6: { type: number } }).icmpv6.type);
    return ip.version === 4 ? { ip, ...four, payload } : { ip, ...six, ...(isNd ? {} : { payload }) };
  });
const inner: fc.Arbitrary<object> = fc.oneof(
  fc.tuple(eth, carried).map(([header, rest]) => ({ eth: header, ...rest })),
  carried,
  arp,
);

const tunnelled = fc
  .record({
    links,
    ip: ips,
    src: short,
    ovn,
    inner,
    options: fc.array(option, { maxLength: 3 }),
    isKeyed: fc.boolean(),
  })
  .map(({ links, ip, src, ovn, inner, options, isKeyed }) => ({
    outer: { ...links, ip, udp: { src, dst: 6081 } },
    inner,
    ...(isKeyed ? { ovn } : { geneve: { vni: ovn.datapathKey, options } }),
  }));
/** What VXLAN and STT carry. */
const ethernetInner = inner.filter((each) => "eth" in each);
const vxlanTunnelled = fc
  .record({
    links,
    ip: ips,
    src: short,
    inner: ethernetInner,
    datapathKey: fc.integer({ min: 1, max: 0xfff }),
    egressKey: fc.oneof(fc.integer({ min: 1, max: 0x7ff }), fc.integer({ min: 0x8000, max: 0x87ff })),
    header: fc.record({ vni: below(24), reserved: below(24), reserved2: fc.integer({ min: 1, max: 0xff }) }),
    isKeyed: fc.boolean(),
  })
  .map(({ links, ip, src, inner, datapathKey, egressKey, header, isKeyed }) => ({
    outer: { ...links, ip, udp: { src } },
    inner,
    ...(isKeyed ? { vxlan: {}, ovn: { datapathKey, egressKey, ingressKey: null } } : { vxlan: header }),
  }));
const sttTunnelled = fc
  .record({
    links,
    ip: ips,
    src: short,
    inner: ethernetInner,
    ovn: ovn.map((keys) => ({ ...keys, datapathKey: keys.datapathKey || 1 })),
    header: fc.record({
      flags: byte,
      l4Offset: byte,
      mss: short,
      vlan: short,
      contextId: hex(8, 8).map((digits) => `0x${digits}`),
      reserved: byte,
      padding: fc.integer({ min: 1, max: 0xffff }),
    }),
    isKeyed: fc.boolean(),
  })
  .map(({ links, ip, src, inner, ovn, header, isKeyed }) => ({
    outer: { ...links, ip, tcp: { src, flags: ["ack"] } },
    inner,
    ...(isKeyed ? { stt: {}, ovn } : { stt: header }),
  }));
const alone = fc.tuple(links, carried).map(([link, rest]) => ({ outer: { ...link, ...rest } }));

test("object, bytes, object", () => {
  const decoder = new FrameDecoder();
  fc.assert(
    fc.property(fc.oneof(tunnelled, vxlanTunnelled, sttTunnelled, alone), (given) => {
      const { packet } = packetFromJson(given);
      const { packets, interfaces } = batchOf([packet]);
      const printer = new JsonPrinter(null, decoder);
      printer.startFile({ name: "given", interfaces });
      const [line] = printed(printer, packets, decoded(packets, interfaces)).split("\n");
      const found = JSON.parse(line as string);
      expect(found).toMatchObject(given);
      // Everything that was worked out is right.
      expect(line).not.toContain('"checksum":"bad"');
      expect(found.status).toBe("inner" in given ? "ok" : "not-geneve");
      expect(found).not.toHaveProperty("frame");
    }),
    { numRuns: 3000 },
  );
});

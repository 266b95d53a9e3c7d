/* Descriptions of frames, for properties. */
import fc from "fast-check";
import type { GeneveContents, OuterHeaders } from "../../src/encode/build.js";
import { type InnerKind, innerKinds } from "../../src/encode/kinds.js";
import { formatIpv4, formatIpv6, formatMac } from "../../src/wire/index.js";

const mac = fc.integer({ min: 0, max: 2 ** 48 - 1 }).map(formatMac);
const tags = fc.array(
  fc.record({
    tpid: fc.constantFrom(0x8100, 0x88a8),
    priority: fc.nat(7),
    dropEligible: fc.boolean(),
    vlan: fc.nat(4095),
  }),
  { maxLength: 2 },
);
const ipv4 = fc.integer({ min: 0, max: 0xffff_ffff }).map(formatIpv4);
const ipv6 = fc.uint8Array({ minLength: 16, maxLength: 16 }).map(formatIpv6);
const addresses = fc.oneof(fc.tuple(ipv4, ipv4), fc.tuple(ipv6, ipv6));
const port = fc.integer({ min: 0, max: 0xffff });
const options = fc.array(
  fc.record({
    optionClass: port,
    type: fc.nat(255),
    reserved: fc.constant(0),
    data: fc
      .integer({ min: 0, max: 15 })
      .chain((words) => fc.uint8Array({ minLength: 4 * words, maxLength: 4 * words })),
  }),
  { maxLength: 3 },
);

export const outers: fc.Arbitrary<OuterHeaders> = fc
  .record({
    sourceMac: mac,
    destinationMac: mac,
    tags,
    addresses,
    sourcePort: fc.option(port),
    ttl: fc.nat(255),
    dscp: fc.nat(63),
    dontFragment: fc.boolean(),
    checksum: fc.boolean(),
  })
  .map(({ addresses: [source, destination], ...rest }) => ({
    ...rest,
    source,
    destination,
    destinationPort: 6081,
  }));
export const contents: fc.Arbitrary<GeneveContents> = fc.record({
  vni: fc.nat(0xffffff),
  keys: fc.option(fc.record({ ingress: fc.nat(0x7fff), egress: fc.nat(0xffff) })),
  options: options.filter((all) =>
    all.every(({ optionClass, type }) => optionClass !== 0x0102 || type !== 0x80),
  ),
  oam: fc.boolean(),
});
export const inners = fc
  .record({
    kind: fc.constantFrom(...(Object.keys(innerKinds) as InnerKind[])),
    sourceMac: mac,
    destinationMac: mac,
    tags,
    addresses,
    arpAddresses: fc.tuple(ipv4, ipv4),
    ttl: fc.nat(255),
    dscp: fc.nat(63),
    dontFragment: fc.boolean(),
    identifier: port,
    sequence: port,
    sourcePort: port,
    destinationPort: port.filter((each) => each !== 3784 && each !== 4784),
    size: fc.nat(1500),
  })
  .map(({ arpAddresses, addresses, ...rest }) => {
    const [source, destination] = rest.kind.startsWith("arp") ? arpAddresses : addresses;
    return { ...rest, source, destination };
  });

/* Frames of known fields, put together byte by byte. */
import fc from "fast-check";
import type { Fields } from "./language-model.js";

export interface ModelFrame {
  readonly bytes: Uint8Array;
  readonly fields: Fields;
}

/** Bytes and the fields that are in them. */
interface Part {
  readonly bytes: readonly number[];
  readonly fields: Readonly<Record<string, bigint | number>>;
}

const big = (value: bigint | number, bytes: number): number[] =>
  Array.from({ length: bytes }, (_, i) => Number((BigInt(value) >> BigInt(8 * (bytes - 1 - i))) & 0xffn));

const mac = fc.constantFrom(
  0x0a00_0000_0001n,
  0x4044_0000_0002n,
  0xffff_ffff_ffffn,
  0x0100_5e00_0001n,
  0x3333_0000_0001n,
);
const ip4 = fc.constantFrom(0x0a000001n, 0x0a0000ffn, 0xc0a8000bn, 0xe0000001n);
const ip6 = fc.constantFrom(
  0xfe80_0000_0000_0000_0000_0000_0000_0001n,
  0xfd00_0001_0000_0000_0000_0000_8000_0001n,
  0xff02_0000_0000_0000_0000_0001_ff00_0001n,
  0xff02_0000_0000_0000_0000_0000_0000_0001n,
  0xff02_0000_0000_0000_0000_0000_0000_0016n,
  0xff05_0000_0000_0000_0000_0000_0000_0002n,
  0xff0e_0000_0000_0000_0000_0000_0000_0000n,
);
const port = fc.constantFrom(1, 53, 80, 443, 0x8000, 65535);

const tcp: fc.Arbitrary<Part> = fc
  .record({ src: port, dst: port, flags: fc.nat(0xfff) })
  .map(({ src, dst, flags }) => ({
    bytes: [...big(src, 2), ...big(dst, 2), ...big(7, 8), ...big(0x5000 | flags, 2), ...big(0, 6)],
    fields: { "tcp.src": src, "tcp.dst": dst, "tcp.flags": flags },
  }));
const udp: fc.Arbitrary<Part> = fc.record({ src: port, dst: port }).map(({ src, dst }) => ({
  bytes: [...big(src, 2), ...big(dst, 2), ...big(8, 2), ...big(0, 2)],
  fields: { "udp.src": src, "udp.dst": dst },
}));
const sctp: fc.Arbitrary<Part> = fc.record({ src: port, dst: port }).map(({ src, dst }) => ({
  bytes: [...big(src, 2), ...big(dst, 2), ...big(0, 8)],
  fields: { "sctp.src": src, "sctp.dst": dst },
}));
const icmp = (symbol: "icmp4" | "icmp6", type: fc.Arbitrary<number>): fc.Arbitrary<Part> =>
  fc.record({ type, code: fc.constantFrom(0, 1, 255) }).map(({ type, code }) => ({
    bytes: [type, code, ...big(0, 6)],
    fields: { [`${symbol}.type`]: type, [`${symbol}.code`]: code },
  }));
/** Of Neighbor Discovery where `hops` say that nobody forwarded it. */
const neighbor = (hops: number): fc.Arbitrary<Part> =>
  fc
    .record({ isSolicitation: fc.boolean(), target: ip6, address: mac, isOther: fc.boolean() })
    .map(({ isSolicitation, target, address, isOther }) => ({
      bytes: [
        ...[isSolicitation ? 135 : 136, 0, ...big(0, 6), ...big(target, 16)],
        ...(isOther ? [14, 1, ...big(0, 6)] : []),
        ...[isSolicitation ? 1 : 2, 1, ...big(address, 6)],
      ],
      fields: {
        "icmp6.type": isSolicitation ? 135 : 136,
        "icmp6.code": 0,
        ...(hops === 255 ? { "nd.target": target, [isSolicitation ? "nd.sll" : "nd.tll"]: address } : {}),
      },
    }));

/** An upper header by its protocol; 47 has none that is looked into. */
const upper = (version: 4 | 6, hops: number): fc.Arbitrary<readonly [protocol: number, part: Part]> => {
  const nothing: Part = { bytes: big(0, 4), fields: {} };
  return fc.oneof(
    tcp.map((part) => [6, part] as const),
    udp.map((part) => [17, part] as const),
    sctp.map((part) => [132, part] as const),
    fc.constant([47, nothing] as const),
    ...(version === 4
      ? [
          icmp("icmp4", fc.constantFrom(0, 3, 8)).map((part) => [1, part] as const),
          fc.constant([2, nothing] as const),
        ]
      : [
          icmp("icmp6", fc.constantFrom(1, 128, 130, 133, 134, 143)).map((part) => [58, part] as const),
          neighbor(hops).map((part) => [58, part] as const),
        ]),
  );
};

const header = fc.record({
  service: fc.nat(255),
  hops: fc.constantFrom(1, 64, 255),
  // Of any three packets one is a fragment, the first or another one.
  fragment: fc.constantFrom(0, 0, 0, 0, 1, 3),
  label: fc.nat(0xfffff),
  ends4: fc.tuple(ip4, ip4),
  ends6: fc.tuple(ip6, ip6),
});

const ip = (version: 4 | 6): fc.Arbitrary<Part> =>
  header.chain(({ service, hops, fragment, label, ends4, ends6 }) =>
    upper(version, hops).map(([protocol, part]) => {
      const place = fragment === 3 ? 8 : 0;
      const body = part.bytes;
      const ends = version === 4 ? ends4 : ends6;
      const extension = fragment === 0 ? [] : [protocol, 0, ...big(place | 1, 2), ...big(9, 4)];
      const bytes =
        version === 4
          ? [
              ...[0x45, service, ...big(20 + body.length, 2), ...big(9, 2)],
              ...big((fragment === 0 ? 0 : 0x2000) | (place / 8), 2),
              ...[hops, protocol, 0, 0, ...ends.flatMap((each) => big(each, 4))],
            ]
          : [
              ...big((0x60000000 + service * 0x100000 + label) >>> 0, 4),
              ...[...big(extension.length + body.length, 2), fragment === 0 ? protocol : 44, hops],
              ...[...ends.flatMap((each) => big(each, 16)), ...extension],
            ];
      return {
        bytes: [...bytes, ...body],
        fields: {
          "eth.type": version === 4 ? 0x800 : 0x86dd,
          "ip.proto": protocol,
          "ip.dscp": service >> 2,
          "ip.ecn": service & 3,
          "ip.ttl": hops,
          "ip.frag": fragment,
          [`ip${version}.src`]: ends[0],
          [`ip${version}.dst`]: ends[1],
          ...(version === 6 ? { "ip6.label": label } : {}),
          ...(fragment === 3 ? {} : part.fields),
        },
      };
    }),
  );

const arp: fc.Arbitrary<Part> = fc
  .record({
    isReverse: fc.boolean(),
    op: fc.constantFrom(1, 2, 3),
    hardware: fc.tuple(mac, mac),
    ends: fc.tuple(ip4, ip4),
  })
  .map(({ isReverse, op, hardware, ends }) => {
    const name = isReverse ? "rarp" : "arp";
    return {
      bytes: [
        ...[0, 1, 8, 0, 6, 4, ...big(op, 2)],
        ...[...big(hardware[0], 6), ...big(ends[0], 4), ...big(hardware[1], 6), ...big(ends[1], 4)],
      ],
      fields: {
        "eth.type": isReverse ? 0x8035 : 0x806,
        [`${name}.op`]: op,
        [`${name}.sha`]: hardware[0],
        [`${name}.spa`]: ends[0],
        [`${name}.tha`]: hardware[1],
        [`${name}.tpa`]: ends[1],
      },
    };
  });

const other: fc.Arbitrary<Part> = fc.constant({ bytes: big(0, 20), fields: { "eth.type": 0x88cc } });

/** Frames of all kinds that the language has words for. */
export const frames: fc.Arbitrary<ModelFrame> = fc
  .record({
    dst: mac,
    src: mac,
    tag: fc.option(fc.nat(0xffff)),
    part: fc.oneof(
      { weight: 4, arbitrary: ip(4) },
      { weight: 4, arbitrary: ip(6) },
      { weight: 2, arbitrary: arp },
      { weight: 1, arbitrary: other },
    ),
  })
  .map(({ dst, src, tag, part }) => {
    const type = Number(part.fields["eth.type"]);
    const tags = tag === null ? [] : [0x81, 0, ...big(tag, 2)];
    const fields = {
      "eth.dst": dst,
      "eth.src": src,
      "vlan.tci": tag === null ? 0 : tag | 0x1000,
      ...(tag === null ? {} : { "vlan.vid": tag & 0xfff, "vlan.pcp": tag >> 13 }),
      ...part.fields,
    };
    return {
      bytes: Uint8Array.from([...big(dst, 6), ...big(src, 6), ...tags, ...big(type, 2), ...part.bytes]),
      fields: new Map(Object.entries(fields).map(([name, value]) => [name, BigInt(value)])),
    };
  });

/* What `decode -o json` prints of a packet, `encode` takes back to the same packet, whatever its bytes are. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { packetFromJson } from "../../src/encode/from-json.js";
import { FrameBatch, TunnelKind } from "../../src/frame/columns.js";
import { FrameDecoder, type OtherTunnels } from "../../src/frame/decode.js";
import { JsonPrinter } from "../../src/output/decode-json.js";
import { FrameCheck } from "../../src/output/frame-check.js";
import { mutated, noise } from "../frame/arbitrary.js";
import { batchOf, type TestPacket } from "../frame/batch.js";
import { printed } from "../output/printed.js";
import { packetBytes, packetNames, packets as vectors } from "../vectors/packets.js";
import { usualFrames } from "../vectors/shapes.js";

type Fields = Record<string, unknown>;

/** The lines of packets, of interfaces with these names, decoded with Geneve at `ports`. */
function lines(
  given: readonly TestPacket[],
  name: string | null = null,
  ports?: number[],
  isBare = false,
  others?: OtherTunnels,
) {
  const { packets, interfaces } = batchOf(given);
  const named = interfaces.map((one) => ({ ...one, name }));
  const decoder = new FrameDecoder(ports, others);
  const printer = new JsonPrinter(null, decoder);
  printer.startFile({ name: "given", interfaces: named });
  const frames = new FrameBatch(packets.capacity);
  if (isBare) decoder.decodeInner(packets, named, frames);
  else decoder.decode(packets, named, frames);
  return printed(printer, packets, frames)
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Fields);
}

const check = new FrameCheck();

/** Takes the objects of packets back; returns them. */
function roundTrip(
  given: readonly TestPacket[],
  ports?: number[],
  isBare = false,
  others?: OtherTunnels,
): Fields[] {
  const objects = lines(given, "eth0", ports, isBare, others);
  expect(objects).toHaveLength(given.length);
  objects.forEach((object, index) => {
    const { packet, isGiven } = packetFromJson(object);
    const {
      bytes,
      original = bytes.length,
      linkType = 1,
      sec = 1000,
      nsec = index,
    } = given[index] as TestPacket;
    expect(Buffer.from(packet.bytes).toString("hex")).toBe(Buffer.from(bytes).toString("hex"));
    expect(packet).toMatchObject({ originalBytes: original, linkType, sec, nsec, interface: "eth0" });
    expect(isGiven).toBe("frame" in object);
    if (isGiven) expect(check.difference(object, packet)).toBeNull();
  });
  return objects;
}

/** The names of the vectors whose objects have to have all bytes. */
const GIVEN = ["shortOptions"];

describe("the object of a packet makes the packet", () => {
  test("of every vector", () => {
    const objects = roundTrip(
      packetNames.map((name) => ({ bytes: packetBytes(name), linkType: vectors[name].linkType })),
    );
    expect(packetNames.filter((_, index) => "frame" in (objects[index] as Fields))).toEqual(GIVEN);
  });

  test("of every usual frame, none of them with all its bytes", () => {
    const objects = roundTrip(Object.values(usualFrames).map((bytes) => ({ bytes })));
    expect(objects.filter((object) => "frame" in object)).toEqual([]);
  });

  test("of every vector cut after any byte; in what it carries without all bytes", () => {
    for (const name of packetNames) {
      const bytes = packetBytes(name);
      const { linkType } = vectors[name];
      const cut = Array.from({ length: bytes.length }, (_, length) => ({
        bytes: bytes.slice(0, length),
        original: bytes.length,
        linkType,
      }));
      roundTrip(cut);
      // As many, but of packets that never had more.
      roundTrip(cut.map((packet) => ({ ...packet, original: packet.bytes.length })));
    }
    const bytes = packetBytes("echoRequest");
    const snapped = roundTrip([{ bytes: bytes.slice(0, 128), original: bytes.length }]);
    expect(snapped[0]).toMatchObject({ status: "truncated", inner: { payload: expect.any(String) } });
    expect(snapped[0]).not.toHaveProperty("frame");
  });

  test("of packets near to real ones, and of any bytes", () => {
    const moment = fc.tuple(
      fc.oneof(fc.constantFrom(0, 1, 0xffffffff, 1e12), fc.nat(2 ** 31 - 1)),
      fc.nat(999_999_999),
    );
    const any = fc
      .tuple(fc.oneof({ weight: 4, arbitrary: mutated }, noise), moment)
      .map(([packet, [sec, nsec]]) => ({ ...packet, sec, nsec }));
    fc.assert(
      fc.property(fc.array(any, { minLength: 1, maxLength: 10 }), (given) => {
        roundTrip(given);
      }),
      { numRuns: 800 },
    );
  });

  test("of one shape with any byte of its headers changed to anything", () => {
    const shapes = Object.entries(usualFrames).filter(([name]) => !name.includes("tagged"));
    for (const [, frame] of shapes)
      for (let offset = 12; offset < Math.min(frame.length, 140); offset++)
        roundTrip(
          [0, 1, 2, 4, 6, 8, 17, 58, 64, 69, 127, 128, 132, 134, 221, 255].map((value) => {
            const bytes = frame.slice();
            bytes[offset] = value;
            return { bytes };
          }),
        );
  });

  test("of packets with all checksums that are both zeros", () => {
    // Two bytes of the payload make up for whatever the sum is: then 0 is right, and so is 0xffff.
    for (const [name, at, field, payload] of [
      ["icmp", 92, 94, 100],
      ["tcp", 92, 108, 112],
    ] as const) {
      const frame = (usualFrames[name] as Uint8Array).slice();
      const view = new DataView(frame.buffer);
      for (const stored of [0, 0xffff]) {
        view.setUint16(payload, 0);
        view.setUint16(field, 0);
        const [object] = lines([{ bytes: frame }]) as [{ inner: Record<string, Fields> }];
        const wanted = packetFromJson({ ...object, inner: right(object.inner, name) }).packet.bytes;
        view.setUint16(payload, new DataView(wanted.buffer).getUint16(field));
        view.setUint16(field, stored);
        const [zero] = roundTrip([{ bytes: frame }]) as [{ inner: Record<string, Fields> }];
        expect(zero.inner[name]?.checksum).toBe("good");
        expect("frame" in zero).toBe(stored === 0xffff);
        expect(at).toBeGreaterThan(0);
      }
    }
  });

  test("of Geneve at another port, and of what is Geneve only by its port", () => {
    const bytes = packetBytes("echoRequest");
    new DataView(bytes.buffer).setUint16(36, 5001);
    const other = roundTrip([{ bytes }, { bytes: bytes.slice(0, 60), original: 60 }], [5001]);
    expect(other[0]?.geneve).not.toBeNull();
    expect(other[1]).toHaveProperty("frame");
    const none = roundTrip(
      packetNames.map((name) => ({ bytes: packetBytes(name), linkType: vectors[name].linkType })),
      [5001],
    );
    expect(none.filter(({ geneve }) => geneve !== null)).toEqual([]);
  });

  test("of VXLAN and STT at other ports, cut after any byte, whoever is at their ends", () => {
    for (const kind of [
      TunnelKind.vxlan,
      TunnelKind.vxlanVtep,
      TunnelKind.vxlanAssumed,
      TunnelKind.vxlanOther,
    ])
      for (const name of ["vxlanRequest", "vxlanWhole", "sttRequest"] as const) {
        const bytes = packetBytes(name);
        new DataView(bytes.buffer).setUint16(36, 5002);
        const cut = Array.from({ length: bytes.length + 1 }, (_, length) => ({
          bytes: bytes.slice(0, length),
        }));
        const others =
          name === "sttRequest" ? { stt: [5002] } : { vxlan: [5002], ends: { kindOf: () => kind } };
        const objects = roundTrip(cut, [], false, others);
        expect(objects.at(-1)).not.toHaveProperty("frame");
        // From behind the tunnel's header on all are cut in what it carries, and yet not alike.
        const tunnel = name === "sttRequest" ? "stt" : "vxlan";
        expect(objects.filter((object) => tunnel in object && "frame" in object).length).toBeGreaterThan(60);
      }
  });

  test("of frames without their tunnels", () => {
    const inner = Object.values(usualFrames)
      .filter((frame) => frame[12] === 8)
      .map((frame) => frame.slice(58));
    const cut = inner.map((bytes) => ({ bytes: bytes.slice(0, 20), original: bytes.length }));
    const objects = roundTrip([...inner.map((bytes) => ({ bytes })), ...cut], undefined, true);
    expect(objects[0]).toMatchObject({ outer: null, geneve: null, ovn: { keysFrom: "nothing" } });
  });
});

/** The inner headers with a transport header of which the checksum is to be worked out. */
function right(inner: Record<string, Fields>, name: string): Record<string, Fields> {
  const { checksum: _, checksumValue: __, unfilled: ___, ...rest } = inner[name] as Fields;
  return { ...inner, [name]: rest };
}

import { PacketBatch } from "../../src/capture/batch.js";
import { FrameBatch, FrameFlag, TunnelKind } from "../../src/frame/columns.js";
import { FrameDecoder } from "../../src/frame/decode.js";
import { layerName, statusName } from "../../src/frame/status.js";
import { reasonText } from "../../src/wire/reason.js";

/** One packet for a batch; `original` defaults to the captured length. */
export interface TestPacket {
  bytes: Uint8Array;
  original?: number;
  linkType?: number;
  sec?: number;
  nsec?: number;
}

/** A batch that holds the packets back to back behind a few odd bytes, with an interface a link type. */
export function batchOf(given: readonly TestPacket[]) {
  const total = given.reduce((sum, packet) => sum + packet.bytes.length, 0);
  const lead = 3;
  const bytes = new Uint8Array(lead + total + 64).fill(0xa5);
  const packets = new PacketBatch(Math.max(1, given.length));
  const linkTypes: number[] = [];
  packets.bytes = bytes;
  packets.view = new DataView(bytes.buffer);
  packets.count = given.length;
  let at = lead;
  given.forEach((packet, i) => {
    bytes.set(packet.bytes, at);
    packets.offset[i] = at;
    packets.capturedBytes[i] = packet.bytes.length;
    packets.originalBytes[i] = packet.original ?? packet.bytes.length;
    packets.tsSec[i] = packet.sec ?? 1000;
    packets.tsNsec[i] = packet.nsec ?? i;
    const linkType = packet.linkType ?? 1;
    if (!linkTypes.includes(linkType)) linkTypes.push(linkType);
    packets.interfaceIndex[i] = linkTypes.indexOf(linkType);
    at += packet.bytes.length;
  });
  const interfaces = linkTypes.map((linkType) => ({ linkType, name: null, snapLength: 0 }));
  return { packets, interfaces };
}

function tunnelName(kind: number): string {
  return Object.entries(TunnelKind).find(([, value]) => value === kind)?.[0] ?? `${kind}`;
}

/** Everything a decoder says of one packet, offsets counted from its start, as a plain object. */
export function rowOf(packets: PacketBatch, frames: FrameBatch, i: number) {
  const relative = (offset: number): number => (offset < 0 ? -1 : offset - packets.offset[i]);
  const ok = frames.status[i] === 0;
  return {
    status: statusName(frames.status[i]),
    stop: ok
      ? null
      : `${layerName(frames.stopLayer[i])}@${frames.stopOffset[i]}: ${reasonText(frames.stopReason[i])}`,
    // Whether the shape is the usual one is the decoder's own affair.
    flags: frames.flags[i] & ~FrameFlag.usual,
    outerIp: relative(frames.outerIp[i]),
    outerBytes: frames.outerBytes[i],
    udp: relative(frames.udp[i]),
    geneve: relative(frames.geneve[i]),
    vni: frames.vni[i],
    ovnKeys: frames.ovnKeys[i] >>> 0,
    tunnel: (frames.flags[i] & FrameFlag.otherTunnel) === 0 ? "geneve" : tunnelName(frames.tunnel[i]),
    inner: relative(frames.inner[i]),
    innerEnd: relative(frames.innerEnd[i]),
    innerType: frames.innerType[i],
    innerNetwork: relative(frames.innerNetwork[i]),
    innerProtocol: frames.innerProtocol[i],
    innerTransport: relative(frames.innerTransport[i]),
  };
}

/** A batch of the packets, decoded. */
export function decodedBatch(given: readonly TestPacket[], ports?: number[]) {
  const { packets, interfaces } = batchOf(given);
  const frames = new FrameBatch(packets.capacity);
  new FrameDecoder(ports).decode(packets, interfaces, frames);
  return { packets, interfaces, frames };
}

/** Decodes the packets and gives a row for each. */
export function decodeAll(given: readonly TestPacket[], ports?: number[]) {
  const { packets, frames } = decodedBatch(given, ports);
  return given.map((_, i) => rowOf(packets, frames, i));
}

/** Decodes one packet. */
export function decodeOne(packet: TestPacket | Uint8Array, ports?: number[]) {
  return decodeAll([packet instanceof Uint8Array ? { bytes: packet } : packet], ports)[0];
}

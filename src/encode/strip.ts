/* Packets without what their innermost headers carry. */

import type { CaptureInterface, PacketBatch } from "../capture/batch.js";
import { ABSENT, type FrameBatch } from "../frame/columns.js";
import { readLayers } from "../frame/layers.js";
import type { TunnelPorts } from "../frame/other-tunnels.js";
import { FrameStatus } from "../frame/status.js";
import { BFD_MULTIHOP_PORT, BFD_PORT } from "../wire/bfd.js";
import { IpProtocol } from "../wire/ethertype.js";
import { ICMP_HEADER_BYTES } from "../wire/icmp.js";
import { Reason } from "../wire/reason.js";
import { UDP_HEADER_BYTES } from "../wire/udp.js";
import type { Rewrite } from "./rewrite.js";

// Numbers of the module's own: what is imported is looked up at each use, which shows here.
const OK = FrameStatus.ok;
const NONE = ABSENT;
const { tcp: TCP, udp: UDP, icmp: ICMP } = IpProtocol;
const DATA_OFFSET_AT = 12;
const PORT_AT = 2;
const UDP_BYTES = UDP_HEADER_BYTES;
const ICMP_BYTES = ICMP_HEADER_BYTES;
const BFD = BFD_PORT;
const BFD_MULTIHOP = BFD_MULTIHOP_PORT;
/** Bytes looked at for headers: more than a chain of them takes that is no attack. */
const HEADERS_BYTES = 2048;

/**
 * Cuts packets behind their last header: the innermost one of TCP, UDP, ICMP, SCTP, ARP or BFD, or whichever is the
 * last that is known. Original lengths stay.
 */
export class PayloadStrip implements Rewrite {
  readonly #ports: TunnelPorts;
  #interfaces: readonly CaptureInterface[] = [];

  constructor(ports: TunnelPorts) {
    this.#ports = ports;
  }

  begin(interfaces: readonly CaptureInterface[]): void {
    this.#interfaces = interfaces;
  }

  rewrite(packets: PacketBatch, frames: FrameBatch, rows: Int32Array, count: number): number {
    const { view, offset, capturedBytes } = packets;
    const { status, innerProtocol, innerTransport } = frames;
    for (let row = 0; row < count; row++) {
      const i = rows[row];
      const transport = innerTransport[i];
      const protocol = innerProtocol[i];
      let header = 0;
      if (status[i] === OK && transport !== NONE) {
        if (protocol === TCP) header = 4 * (view.getUint8(transport + DATA_OFFSET_AT) >> 4);
        else if (protocol === ICMP) header = ICMP_BYTES;
        else if (protocol === UDP) {
          const port = view.getUint16(transport + PORT_AT);
          if (port !== BFD && port !== BFD_MULTIHOP) header = UDP_BYTES;
        }
      }
      // Of any other packet columns do not say where its headers end.
      const bytes = header > 0 ? transport + header - offset[i] : this.#headerBytes(packets, i);
      if (bytes < capturedBytes[i]) capturedBytes[i] = bytes;
    }
    return count;
  }

  #headerBytes({ view, offset, capturedBytes, interfaceIndex }: PacketBatch, i: number): number {
    const start = offset[i];
    const end = start + Math.min(capturedBytes[i], HEADERS_BYTES);
    const linkType = this.#interfaces[interfaceIndex[i]]?.linkType ?? -1;
    const { layers, stop } = readLayers(view, start, end, linkType, { ports: this.#ports });
    // What is too short for a header is a part of one.
    const isCut = stop?.reason === Reason.short;
    const behind = layers.find(({ layer }) => layer === "trailer" || (layer === "payload" && !isCut));
    return behind?.offset ?? end - start;
  }
}

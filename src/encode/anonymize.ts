import type { CaptureInterface, PacketBatch } from "../capture/batch.js";
import type { FrameBatch } from "../frame/columns.js";
import { type TunnelPorts, USUAL_PORTS } from "../frame/other-tunnels.js";
import type { AddressMap } from "./address-map.js";
import { AddressWalk } from "./address-walk.js";
import type { Rewrite } from "./rewrite.js";

/**
 * Replaces the addresses of packets by those of a map. A packet that is cut within an address is cut before it; one
 * with headers that are not read here is left out and counted, for nobody knows whose addresses are in them.
 */
export class Anonymization implements Rewrite {
  unread = 0;
  /** The source's interfaces without names. */
  readonly interfaces: CaptureInterface[] = [];
  readonly #walk: AddressWalk;
  #source: readonly CaptureInterface[] = [];
  #bytes = new Uint8Array(0);
  #view = new DataView(this.#bytes.buffer);

  constructor(map: AddressMap, ports: TunnelPorts) {
    this.#walk = new AddressWalk(map, withUsual(ports));
  }

  begin(interfaces: readonly CaptureInterface[]): void {
    this.#source = interfaces;
    this.#describe();
  }

  /** Takes over what the source has come to know. */
  #describe(): void {
    for (let index = this.interfaces.length; index < this.#source.length; index++) {
      const { linkType, snapLength, fcsBytes } = this.#source[index];
      this.interfaces.push({ linkType, snapLength, name: null, ...(fcsBytes !== undefined && { fcsBytes }) });
    }
  }

  rewrite(packets: PacketBatch, _frames: FrameBatch, rows: Int32Array, count: number): number {
    this.#describe();
    this.#copy(packets, rows, count);
    const view = this.#view;
    const { offset, capturedBytes, interfaceIndex } = packets;
    const walk = this.#walk;
    let left = 0;
    for (let row = 0; row < count; row++) {
      const i = rows[row];
      const start = offset[i];
      const linkType = this.interfaces[interfaceIndex[i]]?.linkType ?? -1;
      if (walk.replace(view, start, start + capturedBytes[i], linkType)) {
        capturedBytes[i] = walk.cut - start;
        rows[left++] = i;
      } else this.unread++;
    }
    return left;
  }

  /** The source's bytes are not ours to change: the packets go on with a copy, at the same offsets. */
  #copy(packets: PacketBatch, rows: Int32Array, count: number): void {
    const { bytes, offset, capturedBytes } = packets;
    if (this.#bytes.length < bytes.length) {
      this.#bytes = new Uint8Array(bytes.length);
      this.#view = new DataView(this.#bytes.buffer);
    }
    let first = bytes.length;
    let last = 0;
    for (let row = 0; row < count; row++) {
      const i = rows[row];
      first = Math.min(first, offset[i]);
      last = Math.max(last, offset[i] + capturedBytes[i]);
    }
    if (first < last) this.#bytes.set(bytes.subarray(first, last), first);
    packets.bytes = this.#bytes;
    packets.view = this.#view;
  }
}

/** The ports given and the usual ones: guests have tunnels of their own, wherever those of the underlay go. */
function withUsual({ geneve, vxlan, stt }: TunnelPorts): TunnelPorts {
  const usual = (kind: keyof TunnelPorts, others: ReadonlySet<number>) =>
    [...USUAL_PORTS[kind]].filter((port) => !others.has(port));
  return {
    geneve: new Set([...geneve, ...usual("geneve", vxlan)]),
    vxlan: new Set([...vxlan, ...usual("vxlan", geneve)]),
    stt: new Set([...stt, ...USUAL_PORTS.stt]),
  };
}

/*
 * A whole frame, outer link to inner transport, in one pass into columns.
 *
 * Two ways lead through a packet: the usual OVN frame is recognised with a few word compares (usual.ts), any
 * other goes through the general walk (walk.ts). Both fill the same columns with the same values.
 */
import type { CaptureInterface, PacketBatch } from "../capture/batch.js";
import { EtherType } from "../wire/ethertype.js";
import { LinkType } from "../wire/linktype.js";
import { type FrameBatch, FrameFlag } from "./columns.js";
import { PortUse, type TunnelPorts, USUAL_PORTS, type VxlanEnds } from "./other-tunnels.js";
import { FrameStatus } from "./status.js";
import { IPV6_LEAD, leadOf, USUAL_MIN_BYTES, UsualOffset, usualLength } from "./usual.js";
import { FrameWalk } from "./walk.js";

/** What a decoder is to know of tunnels besides Geneve. */
export interface OtherTunnels {
  /** Their destination ports; by default those that IANA assigned. */
  vxlan?: Iterable<number>;
  stt?: Iterable<number>;
  /** Who knows the end points of VXLAN; without, all VXLAN is read as OVN's between hypervisors. */
  ends?: VxlanEnds | null;
}

/**
 * Decodes batches of packets into columns. One decoder serves any number of captures; it keeps no packet.
 * `geneve`: UDP destination ports taken as Geneve (the source port is entropy and never looked at).
 */
export class FrameDecoder {
  /** By which destination ports it tells tunnels. */
  readonly ports: TunnelPorts;
  /** The PortUse of each UDP destination port, in 65,536 entries. Shared, not to be written. */
  readonly portTable = new Uint8Array(65536);
  readonly #walk: FrameWalk;

  constructor(
    geneve: Iterable<number> = USUAL_PORTS.geneve,
    { vxlan = USUAL_PORTS.vxlan, stt = USUAL_PORTS.stt, ends = null }: OtherTunnels = {},
  ) {
    this.ports = {
      geneve: portsOf("Geneve", geneve),
      vxlan: portsOf("VXLAN", vxlan),
      stt: portsOf("STT", stt),
    };
    for (const port of this.ports.vxlan) this.portTable[port] = PortUse.vxlan;
    for (const port of this.ports.geneve) this.portTable[port] = PortUse.geneve;
    this.#walk = new FrameWalk(this.portTable, this.ports.stt, ends);
  }

  /**
   * Fills every column of `frames` for every packet of `packets`. `frames` must have at least the capacity
   * of `packets`; `interfaces` are the source's.
   */
  decode(packets: PacketBatch, interfaces: readonly CaptureInterface[], frames: FrameBatch): void {
    this.decodeKeys(packets, interfaces, frames);
    const { flags, outerIp, outerBytes, udp, geneve, inner, innerEnd } = frames;
    const { innerType, innerNetwork, innerProtocol, innerTransport } = frames;
    const { view, count } = packets;
    for (let i = 0; i < count; i++) {
      if ((flags[i] & FrameFlag.usual) === 0) continue;
      const ip = outerIp[i];
      const at = ip - ((flags[i] & FrameFlag.outerIpv6) === 0 ? UsualOffset.ipv4 : UsualOffset.ipv6);
      const type = view.getUint16(at + UsualOffset.innerType);
      const v4 = type === EtherType.ipv4;
      udp[i] = at;
      geneve[i] = at + UsualOffset.geneve;
      inner[i] = at + UsualOffset.inner;
      innerEnd[i] = ip + outerBytes[i];
      innerType[i] = type;
      innerNetwork[i] = at + UsualOffset.innerIp;
      innerProtocol[i] = view.getUint8(
        at + (v4 ? UsualOffset.innerIpv4Protocol : UsualOffset.innerIpv6Protocol),
      );
      innerTransport[i] = at + (v4 ? UsualOffset.innerIpv4Transport : UsualOffset.innerIpv6Transport);
    }
  }

  /**
   * As decode, for packets that are inner Ethernet frames themselves: those of a tunnel's or a guest's device
   * (`genev_sys_6081`, `vxlan_sys_4789`, `tap...`). Only the columns of the inner packet are filled; `inner` is the
   * packet's first byte, and every column of the outer headers says that there are none. Keys are for others to fill
   * in (`KeysFrom`).
   */
  decodeInner(packets: PacketBatch, interfaces: readonly CaptureInterface[], frames: FrameBatch): void {
    const { count, offset, capturedBytes, originalBytes, interfaceIndex } = packets;
    hold(frames, count);
    this.#walk.bind(packets, frames);
    for (let i = 0; i < count; i++) {
      const at = offset[i];
      const captured = capturedBytes[i];
      const linkType = interfaces[interfaceIndex[i]]?.linkType ?? -1;
      this.#walk.walkInner(i, linkType, at, at + captured, at + Math.max(captured, originalBytes[i]));
    }
  }

  /**
   * As decode, but leaves the columns from `udp` to `innerTransport` undefined: enough to sum up packets, at
   * half the cost.
   */
  decodeKeys(packets: PacketBatch, interfaces: readonly CaptureInterface[], frames: FrameBatch): void {
    const { view, count, offset, capturedBytes, originalBytes, interfaceIndex } = packets;
    hold(frames, count);
    this.#walk.bind(packets, frames);
    const isPort = this.portTable;
    const { status, flags, outerIp, outerBytes, vni, ovnKeys } = frames;
    let lastInterface = -1;
    let ethernet = false;

    for (let i = 0; i < count; i++) {
      const at = offset[i];
      const captured = capturedBytes[i];
      if (interfaceIndex[i] !== lastInterface) {
        lastInterface = interfaceIndex[i];
        ethernet = interfaces[lastInterface]?.linkType === LinkType.ETHERNET;
      }

      if (ethernet && captured >= USUAL_MIN_BYTES && captured >= originalBytes[i]) {
        const lead = leadOf(view, at);
        const outer = lead === 0 ? 0 : usualLength(view, at, lead, captured, isPort);
        if (outer !== 0) {
          const udp = at + lead;
          const v6 = lead >= IPV6_LEAD;
          status[i] = FrameStatus.ok;
          flags[i] = FrameFlag.ovn | FrameFlag.usual | (v6 ? FrameFlag.outerIpv6 : 0);
          outerIp[i] = udp + (v6 ? UsualOffset.ipv6 : UsualOffset.ipv4);
          outerBytes[i] = outer;
          vni[i] = view.getInt32(udp + UsualOffset.vni) >>> 8;
          ovnKeys[i] = view.getInt32(udp + UsualOffset.keys);
          continue;
        }
      }
      const linkType = interfaces[lastInterface]?.linkType ?? -1;
      this.#walk.walk(i, linkType, at, at + captured, at + Math.max(captured, originalBytes[i]));
    }
  }
}

function portsOf(protocol: string, ports: Iterable<number>): Set<number> {
  const set = new Set(ports);
  for (const port of set)
    if (!Number.isInteger(port) || port < 0 || port > 0xffff)
      throw new RangeError(`${protocol} port ${port} is not an integer from 0 to 65535`);
  return set;
}

/** Makes `frames` hold `count` packets. */
function hold(frames: FrameBatch, count: number): void {
  if (count > frames.capacity)
    throw new RangeError(`${count} packets do not fit into ${frames.capacity} columns`);
  frames.count = count;
}

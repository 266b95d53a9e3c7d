/*
 * A whole frame, outer link to inner transport, in one pass into columns.
 *
 * Two ways lead through a packet. The usual OVN frame (Ethernet, IPv4 without options or fragment, UDP to a
 * Geneve port, the one OVN option, inner Ethernet with whole IPv4) is checked here with a few word compares;
 * any other goes through the general walk. Both fill the same columns with the same values.
 */
import type { CaptureInterface, PacketBatch } from "../capture/batch.js";
import { EtherType, IpProtocol } from "../wire/ethertype.js";
import { GENEVE_PORT } from "../wire/geneve.js";
import { LinkType } from "../wire/linktype.js";
import { type FrameBatch, FrameFlag } from "./columns.js";
import { FrameStatus } from "./status.js";
import { FrameWalk } from "./walk.js";

/** First four bytes of OVN's Geneve header: version 0, two option words, C without O, 0x6558. */
const OVN_GENEVE_WORD = 0x02406558;
const USUAL = FrameFlag.ovn | FrameFlag.usual;
/** Option header of class 0x0102, type 0x80, one data word. */
const OVN_OPTION_WORD = 0x01028001;

/**
 * Decodes batches of packets into columns. One decoder serves any number of captures; it keeps no packet.
 * `ports`: UDP destination ports taken as Geneve (the source port is entropy and never looked at).
 */
export class FrameDecoder {
  readonly #ports = new Set<number>();
  readonly #isPort = new Uint8Array(65536);

  readonly #walk = new FrameWalk(this.#isPort);

  constructor(ports: Iterable<number> = [GENEVE_PORT]) {
    for (const port of ports) this.addPort(port);
  }

  /** Takes a further UDP destination port, 0 to 65535, as Geneve. */
  addPort(port: number): void {
    if (!Number.isInteger(port) || port < 0 || port > 0xffff)
      throw new RangeError(`Geneve port ${port} is not an integer from 0 to 65535`);
    this.#isPort[port] = 1;
    this.#ports.add(port);
  }

  /** The UDP destination ports taken as Geneve. */
  get ports(): ReadonlySet<number> {
    return this.#ports;
  }

  /**
   * Fills every column of `frames` for every packet of `packets`. `frames` must have at least the capacity
   * of `packets`; `interfaces` are the source's.
   */
  decode(packets: PacketBatch, interfaces: readonly CaptureInterface[], frames: FrameBatch): void {
    this.decodeKeys(packets, interfaces, frames);
    const { flags, udp, geneve, inner, innerEnd, innerType, innerNetwork, innerProtocol, innerTransport } =
      frames;
    const { view, offset, count } = packets;
    for (let i = 0; i < count; i++) {
      if ((flags[i] & FrameFlag.usual) === 0) continue;
      const at = offset[i];
      udp[i] = at + 34;
      geneve[i] = at + 42;
      inner[i] = at + 58;
      innerEnd[i] = at + 14 + frames.outerBytes[i];
      innerType[i] = EtherType.ipv4;
      innerNetwork[i] = at + 72;
      innerProtocol[i] = view.getUint8(at + 81);
      innerTransport[i] = at + 92;
    }
  }

  /**
   * As decode, but leaves the columns from `udp` to `innerTransport` undefined: enough to sum up packets, at
   * half the cost.
   */
  decodeKeys(packets: PacketBatch, interfaces: readonly CaptureInterface[], frames: FrameBatch): void {
    const { view, count, offset, capturedBytes, originalBytes, interfaceIndex } = packets;
    if (count > frames.capacity)
      throw new RangeError(`${count} packets do not fit into ${frames.capacity} columns`);
    frames.count = count;
    this.#walk.bind(view, frames);
    const isPort = this.#isPort;
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

      // The usual OVN frame: 14 Ethernet, 20 IPv4, 8 UDP, 16 Geneve, 14 Ethernet, 20 IPv4, 8 and more.
      if (ethernet && captured >= 100 && captured >= originalBytes[i]) {
        const outerLength = view.getInt32(at + 16) >>> 16;
        const udpPortLength = view.getInt32(at + 36);
        if (
          // EtherType 0x0800, version 4, 5 header words; any TOS.
          (view.getInt32(at + 12) & 0xffffff00) === 0x08004500 &&
          // No fragment, UDP; any TTL.
          (view.getInt32(at + 20) & 0x3fff00ff) === IpProtocol.udp &&
          isPort[udpPortLength >>> 16] === 1 &&
          (udpPortLength & 0xffff) === outerLength - 20 &&
          14 + outerLength <= captured &&
          view.getInt32(at + 42) === OVN_GENEVE_WORD &&
          view.getInt32(at + 50) === OVN_OPTION_WORD &&
          (view.getInt32(at + 70) & 0xffffff00) === 0x08004500
        ) {
          const innerLength = view.getInt32(at + 74) >>> 16;
          const fragmentProtocol = view.getInt32(at + 78) & 0x3fff00ff;
          if (
            innerLength + 58 <= outerLength &&
            (fragmentProtocol === IpProtocol.icmp
              ? innerLength >= 28
              : // TCP's own header and UDP's own length can contradict it: the general walk says how.
                fragmentProtocol === IpProtocol.tcp
                ? view.getUint8(at + 104) >= 0x50 && (view.getUint8(at + 104) >> 4) * 4 + 20 <= innerLength
                : fragmentProtocol === IpProtocol.udp &&
                  innerLength >= 28 &&
                  view.getUint16(at + 96) === innerLength - 20)
          ) {
            status[i] = FrameStatus.ok;
            flags[i] = USUAL;
            outerIp[i] = at + 14;
            outerBytes[i] = outerLength;
            vni[i] = view.getInt32(at + 46) >>> 8;
            ovnKeys[i] = view.getInt32(at + 54);
            continue;
          }
        }
      }
      const linkType = interfaces[lastInterface]?.linkType ?? -1;
      this.#walk.walk(i, linkType, at, at + captured, at + Math.max(captured, originalBytes[i]));
    }
  }
}

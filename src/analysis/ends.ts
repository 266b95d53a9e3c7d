import type { PacketBatch } from "../capture/batch.js";
import type { FrameBatch } from "../frame/columns.js";
import type { HeaderLayer, Layer } from "../frame/layers.js";
import { IPV4_BYTES, MAC_BYTES, readIpv4, readIpv6, readMac } from "../wire/address.js";
import { ArpOffset } from "../wire/arp.js";
import { EthernetOffset } from "../wire/ethernet.js";
import { EtherType } from "../wire/ethertype.js";
import { Ipv4Offset } from "../wire/ipv4.js";
import { Ipv6Offset } from "../wire/ipv6.js";

/** One end of an inner packet: its addresses as text, null where it has none of that kind. */
export interface End {
  readonly ip: string | null;
  readonly mac: string | null;
}

/** Where an inner packet is from and for. */
export interface Ends {
  readonly source: End;
  readonly destination: End;
}

/** Protocol type 0x0800, six bytes of hardware address, four of protocol address. */
const ARP_ETHERNET_IPV4 = 0x08000604;

const NOWHERE: End = { ip: null, mac: null };

/** Who an inner packet is from and for, by its headers; of ARP the sender and, unless it is broadcast, the target. */
export function innerEnds(layers: readonly Layer[]): Ends {
  const find = <L extends "ethernet" | "ipv4" | "ipv6" | "arp">(name: L) =>
    layers.find((each) => each.depth === 1 && each.layer === name) as HeaderLayer<L> | undefined;
  const eth = find("ethernet");
  if (eth === undefined) return { source: NOWHERE, destination: NOWHERE };
  const ip = find("ipv4") ?? find("ipv6");
  const arp = find("arp");
  const group = (Number.parseInt(eth.destination.slice(0, 2), 16) & 1) === 1;
  return {
    source: { ip: ip?.source ?? arp?.senderProtocol ?? null, mac: eth.source },
    destination: {
      ip: ip?.destination ?? (group ? null : (arp?.targetProtocol ?? null)),
      mac: group ? null : eth.destination,
    },
  };
}

/** The same of packet `i` of a decoded batch, by its columns; only where its inner Ethernet header is there. */
export function innerEndsAt({ view }: PacketBatch, frames: FrameBatch, i: number): Ends {
  const at = frames.inner[i];
  const network = frames.innerNetwork[i];
  const group = (view.getUint8(at) & 1) === 1;
  let source: string | null = null;
  let destination: string | null = null;
  if (network >= 0)
    switch (frames.innerType[i]) {
      case EtherType.ipv4:
        source = readIpv4(view, network + Ipv4Offset.source);
        destination = readIpv4(view, network + Ipv4Offset.destination);
        break;
      case EtherType.ipv6:
        source = readIpv6(view, network + Ipv6Offset.source);
        destination = readIpv6(view, network + Ipv6Offset.destination);
        break;
      case EtherType.arp: {
        if (view.getUint32(network + ArpOffset.protocolType) !== ARP_ETHERNET_IPV4) break;
        const sender = network + ArpOffset.addresses + MAC_BYTES;
        source = readIpv4(view, sender);
        destination = group ? null : readIpv4(view, sender + IPV4_BYTES + MAC_BYTES);
      }
    }
  return {
    source: { ip: source, mac: readMac(view, at + EthernetOffset.source) },
    destination: { ip: destination, mac: group ? null : readMac(view, at + EthernetOffset.destination) },
  };
}

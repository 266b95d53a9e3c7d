import type { HeaderLayer, Layer } from "../frame/layers.js";

/** One end of an inner packet: its addresses as text, null where it has none of that kind. */
export interface End {
  readonly ip: string | null;
  readonly mac: string | null;
}

const NOWHERE: End = { ip: null, mac: null };

/** Who an inner packet is from and for, by its headers; of ARP the sender and, unless it is broadcast, the target. */
export function innerEnds(layers: readonly Layer[]): { source: End; destination: End } {
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

/*
 * What `sb resolve` answers, and how Open vSwitch writes the same keys.
 */
import type { AddressResolution, Chassis, Datapath, Port, Resolution } from "../southbound/index.js";
import { traceWords } from "./port-words.js";

/** Keys and what they mean. A key that was not asked for is null. */
export interface KeysAnswer {
  readonly kind: "keys";
  readonly vni: number;
  readonly ingress: number | null;
  readonly egress: number | null;
  /** The VNI of VXLAN that they were in, where it was asked for so. */
  readonly vxlan?: number;
  readonly resolution: Resolution;
}

/** An outer address and whose it is. */
export interface AddressAnswer {
  readonly kind: "address";
  readonly address: string;
  readonly resolution: AddressResolution;
}

/** All that has a name. */
export interface NameAnswer {
  readonly kind: "name";
  readonly name: string;
  readonly ports: readonly Port[];
  readonly chassis: readonly Chassis[];
  readonly datapaths: readonly Datapath[];
}

export type SbAnswer = KeysAnswer | AddressAnswer | NameAnswer;

const hex = (value: number): string => `0x${value.toString(16)}`;

/**
 * Keys in Open vSwitch's words. `pipeline` matches the packet in the receiver's egress pipeline (ovn-controller
 * puts the keys into metadata, reg14 and reg15), `tunnel` in the tunnel, as in `ovs-ofctl dump-flows` (OVN's
 * option is tun_metadata0), `datapath` is how `ovs-appctl dpctl/dump-flows` writes that.
 */
export interface OpenFlowWords {
  readonly pipeline: string;
  readonly tunnel: string;
  readonly datapath: string;
}

/** Null for a key that may be anything. `vxlan`: the VNI in which they are. */
export function openFlowWords(
  vni: number,
  ingress: number | null,
  egress: number | null,
  vxlan?: number,
): OpenFlowWords {
  const registers = [
    `metadata=${hex(vni)}`,
    ingress === null ? "" : `reg14=${hex(ingress)}`,
    egress === null ? "" : `reg15=${hex(egress)}`,
  ];
  const pipeline = registers.filter((text) => text !== "").join(",");
  if (vxlan !== undefined)
    return { pipeline, tunnel: `tun_id=${hex(vxlan)}`, datapath: `tunnel(tun_id=${hex(vxlan)})` };
  const option = optionText(ingress, egress);
  return {
    pipeline,
    tunnel: `tun_id=${hex(vni)}${option === null ? "" : `,tun_metadata0=${option}`}`,
    datapath: `tunnel(tun_id=${hex(vni)}${option === null ? "" : `,geneve({class=0x102,type=0x80,len=4,${option}})`})`,
  };
}

/** The option's word, with a mask where one of its keys may be anything; null where both may. */
function optionText(ingress: number | null, egress: number | null): string | null {
  const word = hex((ingress ?? 0) * 0x10000 + (egress ?? 0));
  if (ingress === null) return egress === null ? null : `${word}/0xffff`;
  return egress === null ? `${word}/0x7fff0000` : word;
}

/** The hop in ovn-trace's words. Null without an egress key, which says where to. */
export function traceOf({ ingress, egress, resolution }: KeysAnswer): string | null {
  return egress === null ? null : traceWords(resolution, ingress !== null);
}

/* What the keys of a packet are whose tunnel is none of Geneve, in words. */
import { type FrameBatch, FrameFlag, TunnelKind } from "../frame/columns.js";
import { egressOf, ingressOf } from "../wire/ovn-option.js";
import { VXLAN_HEADER_BYTES, VxlanMask, VxlanOffset } from "../wire/vxlan.js";

/** What bracketed keys end in, by TunnelKind. */
const KINDS: Readonly<Record<number, string>> = {
  [TunnelKind.vxlan]: "vxlan",
  [TunnelKind.vxlanVtep]: "vxlan vtep",
  [TunnelKind.vxlanAssumed]: "vxlan?",
  [TunnelKind.vxlanOther]: "vxlan, not OVN's",
  [TunnelKind.stt]: "stt",
};

/** `vni 2 out 1 vxlan`, `vni 2 in 3 out 1 stt`: the keys of packet `i` as they stand in its line. */
export function otherKeys(view: DataView, frames: FrameBatch, i: number): string {
  const { flags, tunnel, vni, ovnKeys } = frames;
  const kind = tunnel[i];
  const isStt = kind === TunnelKind.stt;
  // Tunnel BFD has no keys and yet is OVN's.
  if (vni[i] === 0)
    return `vni 0 ${isStt ? "stt" : "vxlan"}${(flags[i] & FrameFlag.bfd) !== 0 ? " bfd" : ""}`;
  const parts: string[] = [];
  if ((flags[i] & FrameFlag.ovn) !== 0) {
    parts.push(`vni ${vni[i]}`);
    if (isStt) parts.push(`in ${ingressOf(ovnKeys[i])}`);
    if (isStt || egressOf(ovnKeys[i]) !== 0) parts.push(`out ${egressOf(ovnKeys[i])}`);
  } else if (!isStt) parts.push(`vni ${vniAt(view, frames.inner[i] - VXLAN_HEADER_BYTES)}`);
  return [...parts, KINDS[kind]].join(" ");
}

/** As otherKeys, a line below the header; nothing where there are none. */
export function otherKeysLine({ flags, tunnel, vni, ovnKeys }: FrameBatch, i: number): string {
  if ((flags[i] & FrameFlag.ovn) === 0) return "";
  const kind = tunnel[i];
  const parts = [`datapath ${vni[i]}`];
  if (kind === TunnelKind.stt) parts.push(`ingress ${ingressOf(ovnKeys[i])}`);
  if (kind === TunnelKind.vxlanVtep) parts.push("all of the VNI: a VTEP gateway's tunnel");
  else parts.push(`egress ${egressOf(ovnKeys[i])}`);
  if (kind === TunnelKind.vxlanAssumed) parts.push("if it is OVN's between hypervisors");
  return `      OVN ${parts.join(", ")}\n`;
}

function vniAt(view: DataView, header: number): number {
  return view.getUint32(header + VxlanOffset.vni) >>> VxlanMask.vniShift;
}

/* By which ports tunnels are told, and what the identifiers of those other than Geneve say, put into columns. */
import type { PacketBatch } from "../capture/batch.js";
import { GENEVE_PORT } from "../wire/geneve.js";
import {
  contextDatapathOf,
  contextKeysOf,
  contextReservedOf,
  vniDatapathOf,
  vniEgressOf,
} from "../wire/ovn-tunnel-id.js";
import { STT_PORT } from "../wire/stt.js";
import { TcpFlag } from "../wire/tcp.js";
import { VXLAN_PORT } from "../wire/vxlan.js";
import { type FrameBatch, FrameFlag, TunnelKind } from "./columns.js";

/** Destination ports: UDP's of Geneve and VXLAN, and those of STT, which looks like TCP. Where both are told, it is Geneve. */
export interface TunnelPorts {
  readonly geneve: ReadonlySet<number>;
  readonly vxlan: ReadonlySet<number>;
  readonly stt: ReadonlySet<number>;
}

/** The ports that IANA assigned. */
export const USUAL_PORTS: TunnelPorts = {
  geneve: new Set([GENEVE_PORT]),
  vxlan: new Set([VXLAN_PORT]),
  stt: new Set([STT_PORT]),
};

/** Flags of TCP that no segment of STT has. */
export const CONNECTION_FLAGS = TcpFlag.syn | TcpFlag.fin | TcpFlag.rst;

/** What a UDP destination port is taken for; the number stands in a table of ports, 0 for any other. */
export const PortUse = { geneve: 1, vxlan: 2 } as const;

/** Who tells what VXLAN between two end points is: a packet does not say whether OVN sent it. */
export interface VxlanEnds {
  /** Of packet `i`, whose columns of the outer IP header are filled in: one of VXLAN's kinds. */
  kindOf(packets: PacketBatch, frames: FrameBatch, i: number): TunnelKind;
}

/** Whether packet `i` came through VXLAN, whose keys, where there are any, have no ingress port's. */
export function isVxlan({ flags, tunnel }: FrameBatch, i: number): boolean {
  return (flags[i] & FrameFlag.otherTunnel) !== 0 && tunnel[i] !== TunnelKind.stt;
}

/** Fills in what a VXLAN VNI says to end points of this kind: two keys, or the datapath's alone. */
export function putVniKeys(frames: FrameBatch, i: number, vni: number, kind: TunnelKind): void {
  const isWhole = kind === TunnelKind.vxlanVtep;
  const datapath = isWhole ? vni : vniDatapathOf(vni);
  if (vni === 0) frames.vni[i] = 0;
  // No datapath has the key 0.
  if (kind === TunnelKind.vxlanOther || datapath === 0) return;
  frames.tunnel[i] = kind;
  putKeys(frames, i, datapath, isWhole ? 0 : vniEgressOf(vni));
}

/** Fills in what the two words of an STT context id say. */
export function putContextKeys(frames: FrameBatch, i: number, high: number, low: number): void {
  const datapath = contextDatapathOf(low);
  if ((high | low) === 0) frames.vni[i] = 0;
  if (datapath !== 0 && contextReservedOf(high) === 0) putKeys(frames, i, datapath, contextKeysOf(high, low));
}

function putKeys(frames: FrameBatch, i: number, datapath: number, keys: number): void {
  frames.vni[i] = datapath;
  frames.ovnKeys[i] = keys;
  frames.flags[i] |= FrameFlag.ovn;
}

/*
 * OVN's keys in the identifiers of VXLAN and STT tunnels, which have no options (ovn-architecture(7), "Tunnel
 * Encapsulations"; controller/physical.c, put_encapsulation; STT until OVN 25.03).
 *
 * The VNI of VXLAN between hypervisors. The ingress key is not there. An egress key from 2048 on is a multicast
 * group: of its 16-bit key, 32768 and more, the low eleven bits.
 *
 *   0                   1                   2
 *   0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |      Egress key       |     Datapath key      |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *
 * To and from a VTEP gateway ("ramp" tunnels) all of the VNI is the datapath key.
 *
 * The context id of STT:
 *
 *   0                   1                   2                   3
 *   0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |    Reserved     |         Ingress key         |  Egress key ...
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  ... Egress key  |                 Datapath key                  |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 */
import { ranged, WireError } from "./error.js";
import { OVN_MULTICAST_MIN, OvnOptionMask } from "./ovn-option.js";

/** Masks and shifts in a VXLAN VNI. */
export const OvnVniMask = {
  datapath: 0xfff,
  egressShift: 12,
  egress: 0xfff,
  /** Set in the egress key of a multicast group, whose other bits are `group`. */
  multicast: 0x800,
  group: 0x7ff,
} as const;

/** The datapath key in the VNI of a tunnel between hypervisors, 0 to 4095. */
export function vniDatapathOf(vni: number): number {
  return vni & OvnVniMask.datapath;
}

/** The egress key in it, as the southbound has it: a port's, 0 to 2047, or a multicast group's, 32768 to 34815. */
export function vniEgressOf(vni: number): number {
  const egress = (vni >>> OvnVniMask.egressShift) & OvnVniMask.egress;
  return (egress & OvnVniMask.multicast) === 0 ? egress : OVN_MULTICAST_MIN | (egress & OvnVniMask.group);
}

/**
 * The VNI for a datapath key, 0 to 4095, and an egress key, 0 to 2047 or from 32768 on; of the latter only the low
 * eleven bits are kept, as OVN does it. Throws a WireError where a key does not fit.
 */
export function ovnVni(datapath: number, egress: number): number {
  const low = ranged("vxlan", "datapath key", datapath, OvnVniMask.datapath);
  const key = ranged("vxlan", "egress key", egress, OvnOptionMask.egress);
  if (key > OvnVniMask.group && key < OVN_MULTICAST_MIN)
    throw new WireError(
      "ERR_WIRE_RANGE",
      "vxlan",
      "egress key",
      `${key} is neither a port's, 0 to ${OvnVniMask.group}, nor a multicast group's, from ${OVN_MULTICAST_MIN} on`,
      OvnVniMask.group,
    );
  const high = key < OVN_MULTICAST_MIN ? key : OvnVniMask.multicast | (key & OvnVniMask.group);
  return (high << OvnVniMask.egressShift) | low;
}

/** Masks and shifts in the two 32-bit words of an STT context id. */
const CONTEXT_DATAPATH = 0xffffff;
const CONTEXT_EGRESS_SHIFT = 24;
const CONTEXT_INGRESS_SHIFT = 40;
/** Of the upper word, the reserved bits, and how far the keys in it are from where the option has them. */
const CONTEXT_RESERVED_SHIFT = 23;
const CONTEXT_KEYS_SHIFT = 8;
const CONTEXT_KEYS = 0x7fffff;

/** The datapath key in the lower word of a context id, signed or not: 0 to 2^24 - 1. */
export function contextDatapathOf(low: number): number {
  return low & CONTEXT_DATAPATH;
}

/** Ingress and egress key in the words of a context id, as the data word of OVN's Geneve option has them. */
export function contextKeysOf(high: number, low: number): number {
  return ((high & CONTEXT_KEYS) << CONTEXT_KEYS_SHIFT) | (low >>> CONTEXT_EGRESS_SHIFT);
}

/** The nine reserved bits in the upper word of a context id: 0 in OVN's. */
export function contextReservedOf(high: number): number {
  return high >>> CONTEXT_RESERVED_SHIFT;
}

/** The context id for three keys. Throws a WireError where one does not fit. */
export function ovnContextId(datapath: number, ingress: number, egress: number): bigint {
  return (
    BigInt(ranged("stt", "datapath key", datapath, CONTEXT_DATAPATH)) |
    (BigInt(ranged("stt", "egress key", egress, OvnOptionMask.egress)) << BigInt(CONTEXT_EGRESS_SHIFT)) |
    (BigInt(ranged("stt", "ingress key", ingress, OvnOptionMask.ingress)) << BigInt(CONTEXT_INGRESS_SHIFT))
  );
}

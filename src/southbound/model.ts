/*
 * What the southbound database says, as values. Every object here is one *version* of a thing: it never
 * changes, and holds from `from` to before `until`. Names follow the columns of ovn-sb(5).
 */

/**
 * The time a fact holds: `from <= t < until`, in milliseconds since 1970 (UTC). `-Infinity` where the source
 * has no beginning, `Infinity` where no later change is known.
 */
export interface Interval {
  readonly from: number;
  readonly until: number;
}

/** The SB_Global row: what holds for the whole database. */
export interface SouthboundGlobal extends Interval {
  readonly uuid: string;
  /** `max_tunid`, `northd_internal_version`, ... */
  readonly options: ReadonlyMap<string, string>;
  readonly externalIds: ReadonlyMap<string, string>;
}

/** A Datapath_Binding row: a logical switch or router. */
export interface Datapath extends Interval {
  readonly uuid: string;
  /** The VNI of its packets, 1 to 2^24 - 1. */
  readonly tunnelKey: number;
  /**
   * `external_ids:name`, else the uuid of its northbound switch or router, else null. As stored: may hold any
   * character, escape before printing.
   */
  readonly name: string | null;
  /** The uuid of its northbound switch or router, where the row says so. */
  readonly northUuid: string | null;
  /** From `type` (OVN 25.09 and later), else from which of the two keys `external_ids` has. */
  readonly kind: "switch" | "router" | "unknown";
  readonly externalIds: ReadonlyMap<string, string>;
}

/** An Encap row: one tunnel end point. */
export interface Encap extends Interval {
  readonly uuid: string;
  /** `geneve`, `vxlan` or `stt`. */
  readonly type: string;
  /** The address as stored, IPv4 or IPv6. */
  readonly ip: string;
  /** `csum`, `dst_port`, ... */
  readonly options: ReadonlyMap<string, string>;
  readonly chassisName: string;
}

/** A Chassis row: a hypervisor or gateway. */
export interface Chassis extends Interval {
  readonly uuid: string;
  /** Its system-id, unique among chassis. */
  readonly name: string;
  readonly hostname: string;
  /** Its tunnel end points; rows that are missing are left out. */
  readonly encaps: readonly Encap[];
  readonly otherConfig: ReadonlyMap<string, string>;
  /** `other_config:is-vtep`: its VXLAN carries nothing but the datapath key. */
  readonly isVtep: boolean;
}

/** A Port_Binding row: a logical port. */
export interface Port extends Interval {
  readonly kind: "port";
  readonly uuid: string;
  /** Null where the Datapath_Binding row is missing. */
  readonly datapath: Datapath | null;
  /** Its datapath's tunnel key; 0 where that row is missing. */
  readonly datapathKey: number;
  /** 1 to 32767, unique within the datapath. */
  readonly tunnelKey: number;
  /** `logical_port`, as stored. */
  readonly name: string;
  /** Empty for a VIF; otherwise `patch`, `chassisredirect`, `localnet`, ... */
  readonly type: string;
  /** Where it is bound; null where it is not, or where that chassis is gone. */
  readonly chassis: Chassis | null;
  /** Further chassis it is bound to while it migrates. */
  readonly additionalChassis: readonly Chassis[];
  readonly requestedChassis: Chassis | null;
  /** The end point of `chassis` to be used, where one is prescribed. */
  readonly encap: Encap | null;
  readonly additionalEncap: readonly Encap[];
  /** Entries of "MAC [IP...]", sorted. */
  readonly mac: readonly string[];
  readonly natAddresses: readonly string[];
  /** For a container port: the logical port that carries it. */
  readonly parentPort: string | null;
  /** For a `virtual` port: the logical port that has its address at present. */
  readonly virtualParent: string | null;
  /** `options:peer`: the port at the other end of a `patch` or `l3gateway` port. */
  readonly peer: string | null;
  /** `options:distributed-port`: the router port that a `chassisredirect` port stands for. */
  readonly distributedPort: string | null;
  readonly up: boolean | null;
  readonly options: ReadonlyMap<string, string>;
  readonly externalIds: ReadonlyMap<string, string>;
}

/** A Multicast_Group row, or a name OVN gives to a key by convention. */
export interface MulticastGroup extends Interval {
  readonly kind: "multicast";
  /** Null for a well-known group without a row. */
  readonly uuid: string | null;
  readonly name: string;
  /** 32768 to 65535. */
  readonly tunnelKey: number;
  /**
   * True where the name is OVN's convention for the key and no row says so. Such an object holds for all
   * time by itself: only a {@link Resolution} knows when a row takes its place.
   */
  readonly wellKnown: boolean;
}

/**
 * What the keys of a packet mean. The same object comes back as long as it holds, so it may be kept per flow
 * and used for every packet with `from <= t < until`. The interval is the time in which *nothing* here
 * changes: no name, no key, no chassis of a port, no address of such a chassis.
 */
export interface Resolution extends Interval {
  readonly datapath: Datapath | null;
  readonly inport: Port | null;
  readonly outport: Port | MulticastGroup | null;
  /** True where the time lies before all the source knows of: null then means "not recorded". */
  readonly beforeHistory: boolean;
}

/** Which row has a key of packets, whatever else changes. */
export interface KeyHold extends Interval {
  /** Of a Datapath_Binding, Port_Binding or Multicast_Group; null where no row has the key. */
  readonly uuid: string | null;
}

/** Whose an inner address is. */
export interface Endpoint extends Interval {
  /** The one port that had it in reach of the packet's network; null where there was none, or several. */
  readonly port: Port | null;
  /** Where there were several: which, by name, at most 16. Otherwise empty. */
  readonly candidates: readonly Port[];
  /**
   * Why: one of its own (`Port_Binding.mac`, or `options:virtual-ip`), one that a router translates for it
   * (`nat_addresses`), or a router's own. Null where there was none.
   */
  readonly how: "address" | "nat" | "router" | null;
}

/** Where frames from and to a MAC can be, whatever the datapath. Every port here has its datapath. */
export interface Stations extends Interval {
  /**
   * Ports of switches that frames from the MAC come in by, and frames to it leave by: those that have it, and the
   * peers of routers' ports that have it. By datapath key and tunnel key, as the next.
   */
  readonly ports: readonly Port[];
  /**
   * `chassisredirect` ports that stand for one that has it. A frame *from* the MAC may be on the way to one of a
   * router; a frame *to* it on the way to one of a switch.
   */
  readonly redirects: readonly Port[];
}

/** Whose an outer address is; held and reused like a {@link Resolution}. */
export interface AddressResolution extends Interval {
  readonly encap: Encap | null;
  readonly chassis: Chassis | null;
  readonly beforeHistory: boolean;
}

export type {
  SourceDamage as SouthboundDamage,
  SourceFormat as SouthboundFormat,
  SourceWarning as SouthboundWarning,
  WarningCode,
} from "./ovsdb/report.js";

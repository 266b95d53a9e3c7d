/*
 * A host's Open_vSwitch database: which of its devices is which logical port. ovn-controller(8) binds a port
 * where an Interface has its name as external_ids:iface-id.
 */
import { DatedRows } from "./dated-rows.js";
import { entryOf } from "./entry.js";
import type { Chassis } from "./model.js";
import type { SourceDescription } from "./ovsdb/sink.js";
import { type Datum, pairsOf, pairValue } from "./ovsdb/value.js";
import { Span } from "./span.js";
import type { RowValues } from "./store.js";
import { VswitchColumn } from "./vswitch-tables.js";

const INTERFACE = VswitchColumn.Interface;
const HOST = VswitchColumn.Open_vSwitch;
const BRIDGE = VswitchColumn.Bridge;
const PORT = VswitchColumn.Port;
/** The Open_vSwitch table has one row, and all bridges are looked at together. */
const THE_HOST = "";
const BRIDGES = "";

/** Types of interfaces that bring packets from outside: the kernel's devices, and those it does not see. */
const OUTSIDE: ReadonlyMap<string, boolean> = new Map([
  ["", true],
  ["system", true],
  ["dpdk", false],
  ["afxdp", false],
  ["afxdp-nonpmd", false],
]);

/** A device of a host. */
export interface VirtualInterface {
  /** Its name there: `vnet0`, `tap0d1e2f`, ... */
  readonly device: string;
  /** The VM (its uuid) or pod (`namespace/name`) it belongs to; null where the database does not say. */
  readonly instance: string | null;
}

/** A device below a bridge. */
export interface Uplink {
  readonly device: string;
  /** Whether the kernel has its packets, too. */
  readonly isKernels: boolean;
}

/** The Open_vSwitch database of one host, over time. */
export class VSwitch extends DatedRows {
  /** By a device's name: every logical port that it ever was. */
  readonly #ifaceIds = new Map<string, Set<string>>();

  constructor(description: SourceDescription) {
    super(description, {
      Open_vSwitch: () => THE_HOST,
      Interface: (values) => pairValue(values[INTERFACE.external_ids], "iface-id") ?? null,
      Bridge: () => BRIDGES,
    });
  }

  /** Whether it says whose it is; if not, its devices are no chassis's. */
  get isNamed(): boolean {
    return this.#host(new Span(), Number.MAX_VALUE).some((ids) => ids !== null);
  }

  /**
   * The addresses at which the host's tunnels end, as of the latest state: ovn-controller(8) takes them from
   * external_ids:ovn-encap-ip, or from one with the chassis's name behind, and several are separated by commas.
   */
  encapAddresses(): string[] {
    const [row] = this.byKey("Open_vSwitch", THE_HOST, new Span(), Number.MAX_VALUE);
    if (row === undefined) return [];
    const ids = pairsOf(row[HOST.external_ids]);
    const own = ids.get(`ovn-encap-ip-${ids.get("system-id") ?? ""}`) ?? ids.get("ovn-encap-ip") ?? "";
    return own
      .split(",")
      .map((address) => address.trim())
      .filter((address) => address !== "");
  }

  /**
   * The devices below the bridge that has `device` as a device of its own ("internal"), as of the latest state, all
   * members of a bond among them; null where there is no such bridge, or its packets are forwarded in the kernel,
   * where they pass `device`, too.
   */
  userspaceUplinks(device: string): Uplink[] | null {
    const span = new Span();
    for (const bridge of this.byKey("Bridge", BRIDGES, span, Number.MAX_VALUE)) {
      if (bridge[BRIDGE.datapath_type] !== "netdev") continue;
      const interfaces = this.#referred("Port", bridge[BRIDGE.ports]).flatMap((port) =>
        this.#referred("Interface", port[PORT.interfaces]),
      );
      const isOf = (row: RowValues) => row[INTERFACE.type] === "internal" && row[INTERFACE.name] === device;
      if (interfaces.some(isOf)) return interfaces.flatMap(uplinkOf);
    }
    return null;
  }

  /** The rows of a table whose uuids these are, as of the latest state. */
  #referred(table: string, uuids: Datum): RowValues[] {
    const span = new Span();
    return (uuids as readonly string[])
      .map((uuid) => this.byUuid(table, uuid, span, Number.MAX_VALUE))
      .filter((row) => row !== null);
  }

  /** Whether this is the database of `chassis`: by system-id, which names it; where there is none, by host name. */
  isOf(chassis: Chassis, span: Span, time: number): boolean {
    const [systemId, hostName] = this.#host(span, time);
    return systemId !== null ? systemId === chassis.name : hostName !== null && hostName === chassis.hostname;
  }

  /**
   * The device of the logical port `ifaceId`, with one of the addresses `macs` (entries of "MAC [IP...]") where
   * that makes the difference. Null where there is none, or still more than one.
   */
  interfaceOf(ifaceId: string, macs: readonly string[], span: Span, time: number): VirtualInterface | null {
    const usable = this.byKey("Interface", ifaceId, span, time).filter(isInUse);
    const own = usable.length > 1 ? usable.filter((row) => hasMac(row, macs)) : usable;
    if (own.length !== 1) return null;
    const [row] = own;
    return { device: row[INTERFACE.name] as string, instance: instanceOf(row[INTERFACE.external_ids]) };
  }

  /**
   * The logical port that the device of this name was at `at` (milliseconds since 1970; Infinity: now), by its
   * `iface-id`; null where it was none.
   */
  portOf(device: string, at: number): string | null {
    const time = Math.min(at, Number.MAX_VALUE);
    for (const ifaceId of this.#ifaceIds.get(device) ?? [])
      if (this.byKey("Interface", ifaceId, new Span(), time).some((row) => row[INTERFACE.name] === device))
        return ifaceId;
    return null;
  }

  protected override became(table: string, after: RowValues): void {
    if (table !== "Interface") return;
    const ifaceId = pairValue(after[INTERFACE.external_ids], "iface-id");
    if (ifaceId !== undefined)
      entryOf(this.#ifaceIds, after[INTERFACE.name] as string, () => new Set<string>()).add(ifaceId);
  }

  #host(span: Span, time: number): readonly (string | null)[] {
    const [row] = this.byKey("Open_vSwitch", THE_HOST, span, time);
    if (row === undefined) return [null, null];
    const ids = row[HOST.external_ids];
    return [pairValue(ids, "system-id") ?? null, pairValue(ids, "hostname") ?? null];
  }
}

/** ofport -1: the device could not be opened. iface-status: of several for one port, which counts. */
function isInUse(row: RowValues): boolean {
  return (
    row[INTERFACE.ofport] !== -1 && pairValue(row[INTERFACE.external_ids], "iface-status") !== "inactive"
  );
}

/** What an interface is of its bridge's way out: nothing, where it is a VM's or leads to another bridge or host. */
function uplinkOf(row: RowValues): Uplink[] {
  const isKernels = OUTSIDE.get(row[INTERFACE.type] as string);
  if (isKernels === undefined || pairValue(row[INTERFACE.external_ids], "iface-id") !== undefined) return [];
  return [{ device: row[INTERFACE.name] as string, isKernels }];
}

function hasMac(row: RowValues, macs: readonly string[]): boolean {
  const mac = pairValue(row[INTERFACE.external_ids], "attached-mac")?.toLowerCase();
  return mac !== undefined && macs.some((entry) => entry.toLowerCase().split(" ", 1)[0] === mac);
}

/**
 * Who writes what: libvirt `vm-id` (ovs-vswitchd.conf.db(5)), OpenStack's os-vif `vm-uuid`, Kube-OVN
 * `pod_namespace` and `pod_name`. ovn-kubernetes names the pod in iface-id itself.
 */
function instanceOf(externalIds: Datum): string | null {
  const ids = pairsOf(externalIds);
  const vm = ids.get("vm-id") ?? ids.get("vm-uuid");
  if (vm !== undefined) return vm;
  const namespace = ids.get("pod_namespace");
  const pod = ids.get("pod_name");
  return namespace === undefined || pod === undefined ? null : `${namespace}/${pod}`;
}

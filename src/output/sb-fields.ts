/*
 * Southbound entities as JSON records for the verbs of `sb` (docs/cli.md).
 */
import {
  type Chassis,
  type Datapath,
  type Encap,
  type MulticastGroup,
  type Port,
  portEncaps,
} from "../southbound/index.js";

export function encapJson({ type, ip, options, uuid }: Encap): object {
  return { type, ip, options: Object.fromEntries(options), uuid };
}

/** Tunnel end points without what is told of them elsewhere. */
export function tunnelsJson(encaps: readonly Encap[]): object[] {
  return encaps.map(({ type, ip }) => ({ type, ip }));
}

export function chassisJson({ name, hostname, encaps, otherConfig, isVtep, uuid }: Chassis): object {
  return {
    name,
    hostname,
    encaps: encaps.map(encapJson),
    isVtep,
    otherConfig: Object.fromEntries(otherConfig),
    uuid,
  };
}

export function datapathJson({ tunnelKey, name, kind, uuid, externalIds }: Datapath): object {
  return { datapathKey: tunnelKey, name, kind, uuid, externalIds: Object.fromEntries(externalIds) };
}

/** A port without its datapath. */
export function portJson(port: Port): object {
  return {
    name: port.name,
    type: port.type,
    tunnelKey: port.tunnelKey,
    chassis: port.chassis?.name ?? null,
    tunnels: tunnelsJson(portEncaps(port)),
    additionalChassis: port.additionalChassis.map(({ name }) => name),
    requestedChassis: port.requestedChassis?.name ?? null,
    up: port.up,
    mac: port.mac,
    natAddresses: port.natAddresses,
    parentPort: port.parentPort,
    virtualParent: port.virtualParent,
    options: Object.fromEntries(port.options),
    externalIds: Object.fromEntries(port.externalIds),
    uuid: port.uuid,
  };
}

export function groupJson({ name, tunnelKey, wellKnown, uuid }: MulticastGroup): object {
  return { name, type: "multicast", tunnelKey, wellKnown, uuid };
}

/** A port or multicast group, or null for neither. */
export function portOrGroupJson(owner: Port | MulticastGroup | null): object | null {
  if (owner === null) return null;
  return owner.kind === "port" ? portJson(owner) : groupJson(owner);
}

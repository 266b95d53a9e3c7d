/* Where tunnels end: the chassis of ports, and their end points. */
import { type EncapKind, encapKinds } from "../encode/kinds.js";
import { type Chassis, type Encap, type Port, portEncaps } from "../southbound/index.js";
import { quoted } from "../text.js";
import { canonicalAddress } from "../wire/address.js";
import { GENEVE_PORT } from "../wire/geneve.js";
import { STT_PORT } from "../wire/stt.js";
import { VXLAN_PORT } from "../wire/vxlan.js";
import { CliError } from "./fault.js";

/** The end of a tunnel. */
export interface TunnelEnd {
  address: string;
  /** Destination port, and whether a checksum is wanted, as the end point says. */
  port: number | null;
  checksum: boolean;
}

/** The chassis that have one of the ports, by name, and the end points to be used there. */
export function boundTo(ports: readonly Port[]): Map<string, readonly Encap[]> {
  const bound = new Map<string, readonly Encap[]>();
  for (const port of ports) {
    if (port.chassis !== null) bound.set(port.chassis.name, portEncaps(port));
    for (const { name, encaps } of port.additionalChassis) {
      const own = port.additionalEncap.filter(({ chassisName }) => chassisName === name);
      bound.set(name, own.length > 0 ? own : encaps);
    }
  }
  return bound;
}

/** Destination ports of tunnels where an end point says no other. */
export const encapPorts: Readonly<Record<EncapKind, number>> = {
  geneve: GENEVE_PORT,
  vxlan: VXLAN_PORT,
  stt: STT_PORT,
};

export function ofKind(kind: EncapKind, encaps: readonly Encap[]): Encap[] {
  return encaps.filter(({ type }) => type === kind);
}

/** The first of a chassis' end points for tunnels of a kind. */
export function endOf(chassis: string, encaps: readonly Encap[], kind: EncapKind): TunnelEnd {
  const [first] = ofKind(kind, encaps);
  if (first === undefined)
    throw new CliError(
      `chassis ${quoted(chassis)} has no tunnel end point for ${encapKinds[kind]}; give --outer-dst`,
    );
  return tunnelEnd(first);
}

/** What an end point says of itself. */
export function tunnelEnd({ ip, options }: Encap): TunnelEnd {
  const port = options.get("dst_port") ?? "";
  return {
    address: canonicalAddress(ip),
    port: /^\d{1,5}$/.test(port) && Number(port) <= 0xffff ? Number(port) : null,
    checksum: options.get("csum") !== "false",
  };
}

/** Throws where a frame with keys of ports is to go between others and a chassis that knows none. */
export function checkGateway(kind: EncapKind, chassis: Chassis | null, remedy: string): void {
  if (kind === "vxlan" && chassis?.isVtep)
    throw new CliError(
      `chassis ${quoted(chassis.name)} is a VTEP gateway, whose VXLAN carries the datapath's key alone: ${remedy}`,
    );
}

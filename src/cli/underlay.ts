/* The devices that carry a host's tunnels. */
import { networkInterfaces } from "node:os";
import { openKnownNames } from "../southbound/open-names.js";
import { shown } from "../text.js";
import { canonicalAddress } from "../wire/address.js";
import { CliError } from "./fault.js";
import { tlsFiles } from "./names.js";
import type { PacketOptions } from "./options.js";

const ASK = "name the device that carries the tunnels with -i";

/** Where a host's Open_vSwitch database is served. */
export function localVswitch(): string {
  return `unix:${process.env.OVS_RUNDIR || "/var/run/openvswitch"}/db.sock`;
}

/**
 * The devices of this machine that have the addresses at which its tunnels end: as the Open_vSwitch databases of
 * `--ovs` say, or the local one. Throws a {@link CliError} where there are none.
 */
export async function underlayDevices(options: PacketOptions): Promise<string[]> {
  const sources = options.ovs ?? [localVswitch()];
  const wanted = new Map<string, string>();
  for (const vswitch of await opened(sources, options))
    for (const address of vswitch.encapAddresses()) wanted.set(canonicalAddress(address), vswitch.source);
  if (wanted.size === 0)
    throw new CliError(
      `${sources.map((source) => shown(source)).join(", ")}: no external_ids:ovn-encap-ip there; ${ASK}`,
    );
  const devices = Object.entries(networkInterfaces()).filter(([, addresses]) =>
    addresses?.some(({ address }) => wanted.has(canonicalAddress(address))),
  );
  if (devices.length > 0) return devices.map(([device]) => device);
  const [[address, source]] = wanted;
  throw new CliError(
    `${shown(address)} (ovn-encap-ip of ${shown(source)}) is no address of this machine; ${ASK}`,
  );
}

async function opened(sources: readonly string[], options: PacketOptions) {
  try {
    const { vswitches } = await openKnownNames({ vswitches: sources }, tlsFiles(options));
    return vswitches;
  } catch (error) {
    throw new CliError(`no device given, and ${(error as Error).message}; ${ASK}`);
  }
}

/* The devices that carry a host's tunnels. */
import { networkInterfaces } from "node:os";
import type { Uplink, VSwitch } from "../southbound/vswitch.js";
import { shown } from "../text.js";
import { canonicalAddress } from "../wire/address.js";
import { CliError } from "./fault.js";
import type { HostSwitches } from "./host-switches.js";
import { writeError } from "./stderr.js";

const ASK = "name the device that carries the tunnels with -i";

/**
 * The devices of this machine that carry its tunnels: those that have the addresses at which the tunnels end, as its
 * Open_vSwitch databases say; where such a device is a bridge's that forwards in user
 * space, those below the bridge. Throws a {@link CliError} where there are none.
 */
export async function underlayDevices(switches: HostSwitches): Promise<string[]> {
  const wanted = new Map<string, string>();
  const vswitches = await opened(switches);
  for (const vswitch of vswitches)
    for (const address of vswitch.encapAddresses()) wanted.set(canonicalAddress(address), vswitch.source);
  if (wanted.size === 0)
    throw new CliError(
      `${switches.sources.map((source) => shown(source)).join(", ")}: no external_ids:ovn-encap-ip there; ${ASK}`,
    );
  const devices = Object.entries(networkInterfaces()).filter(([, addresses]) =>
    addresses?.some(({ address }) => wanted.has(canonicalAddress(address))),
  );
  if (devices.length > 0) return [...new Set(devices.flatMap(([device]) => carriers(device, vswitches)))];
  const [[address, source]] = wanted;
  throw new CliError(
    `${shown(address)} (ovn-encap-ip of ${shown(source)}) is no address of this machine; ${ASK}`,
  );
}

/** The devices that show the tunnels of `device`. */
function carriers(device: string, vswitches: readonly VSwitch[]): string[] {
  const uplinks = vswitches.map((vswitch) => vswitch.userspaceUplinks(device)).find((each) => each !== null);
  if (uplinks === undefined) return [device];
  const seen = uplinks.filter(({ isKernels }) => isKernels);
  const unseen = uplinks.filter(({ isKernels }) => !isKernels);
  const forwards = `OVS forwards the tunnels of ${shown(device)} in user space`;
  if (uplinks.length === 0)
    throw new CliError(`${forwards}, and its bridge has no port to the outside; ${ASK}`);
  const hidden = `${forwards}, by ${listOf(unseen)}, whose packets the kernel does not see`;
  if (seen.length === 0)
    throw new CliError(
      `${hidden}; have OVS mirror them to a device, as ovs-tcpdump does, and name that with -i`,
    );
  if (unseen.length > 0) writeError(`genevescope: ${hidden}: captured is what comes by ${listOf(seen)}\n`);
  return seen.map(({ device: below }) => below);
}

function listOf(uplinks: readonly Uplink[]): string {
  return uplinks.map(({ device }) => shown(device)).join(", ");
}

async function opened(switches: HostSwitches): Promise<readonly VSwitch[]> {
  try {
    return await switches.all();
  } catch (error) {
    throw new CliError(`no device given, and ${(error as Error).message}; ${ASK}`);
  }
}

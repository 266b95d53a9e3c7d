/* Devices that show frames without their tunnels: those of tunnels themselves, and those of guests. */
import type { VSwitch } from "../southbound/vswitch.js";
import { shown } from "../text.js";
import { CliError } from "./fault.js";
import type { Report } from "./following.js";
import type { HostSwitches } from "./host-switches.js";
import type { PacketOptions } from "./options.js";
import { underlayDevices } from "./underlay.js";

/** Devices of Open vSwitch's tunnels, by the names that it gives them, and of guests, by those of libvirt and Nova. */
const OF_TUNNELS = /^(genev|vxlan|gre|stt)_sys/;
const OF_GUESTS = /^(tap|vnet)/;

/** A device's name, and the logical port that it belongs to; null where none is known, as of a tunnel's. */
export type BareDevices = ReadonlyMap<string, string | null>;

/** Whether a device shows bare frames by its name alone. */
export function isBareName(device: string): boolean {
  return OF_TUNNELS.test(device) || OF_GUESTS.test(device);
}

/** Which of `devices` show bare frames. The host's databases tell whose guests' devices are. */
export async function bareDevices(devices: readonly string[], switches: HostSwitches): Promise<BareDevices> {
  const bare = new Map<string, string | null>();
  const others = devices.filter((device) => !OF_TUNNELS.test(device));
  const ports = others.length === 0 ? new Map<string, string>() : await portsOf(others, switches);
  for (const device of devices) {
    const port = ports.get(device) ?? null;
    if (port !== null || isBareName(device)) bare.set(device, port);
  }
  return bare;
}

/** The logical ports of devices, as far as a database knows them. */
async function portsOf(devices: readonly string[], switches: HostSwitches): Promise<Map<string, string>> {
  const ports = new Map<string, string>();
  let vswitches: readonly VSwitch[];
  try {
    vswitches = await switches.all();
  } catch (error) {
    // Not every host has one.
    if (!switches.isNamed) return ports;
    throw error;
  }
  for (const vswitch of vswitches)
    for (const device of devices) {
      const port = vswitch.portOf(device, Number.POSITIVE_INFINITY);
      if (port !== null) ports.set(device, port);
    }
  return ports;
}

/** Throws a {@link CliError} where flags do not go with devices that show frames without their tunnels. */
export function checkBare(
  bare: BareDevices,
  {
    tunnelKeys,
    write,
    annotate,
    filters,
  }: PacketOptions & { tunnelKeys?: boolean; write?: string; annotate?: boolean },
): void {
  const [device] = bare.keys();
  if (device === undefined) {
    if (tunnelKeys === true)
      throw new CliError(
        "--tunnel-keys is about devices whose frames have lost their tunnel headers, such as genev_sys_6081; give one with -i",
      );
    return;
  }
  if (filters?.some(({ kind }) => kind === "chassis"))
    throw new CliError(
      `--chassis is about outer addresses, which frames of ${shown(device)} do not have; filter by ports, or capture on the underlay`,
    );
  if (tunnelKeys === true && write !== undefined && annotate !== true)
    throw new CliError(
      "-w writes frames as they are, and --tunnel-keys is about what is said of them; add --annotate, or give one of them",
    );
}

/** The devices from which keys of bare frames are to be had. */
export async function devicesForKeys(
  given: readonly string[],
  bare: BareDevices,
  switches: HostSwitches,
  report: Report,
): Promise<readonly string[]> {
  const others = given.filter((device) => !bare.has(device));
  if (others.length > 0) return others;
  try {
    return await underlayDevices(switches);
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    await report(`keys are not looked for on the underlay: ${error.message}`);
    return [];
  }
}

/*
 * Wireshark's view of `live`: a capture interface, which it asks for in several calls what it is and can, and then
 * has capture into a pipe (extcap(4)).
 */
import { loadNative } from "../native.js";
import { fieldText, sentence } from "../output/extcap.js";
import { printable } from "../text.js";
import { isBareName } from "./bare-devices.js";
import { CliError, Exit } from "./fault.js";
import type { FilterArgument } from "./filter-options.js";
import { HostSwitches } from "./host-switches.js";
import { live } from "./live.js";
import { NAMELESS, sourceOf } from "./names.js";
import type { SourceOptions } from "./options.js";
import { dropHeld, holdErrors } from "./stderr.js";
import { print } from "./stdout.js";
import { underlayDevices } from "./underlay.js";
import { version } from "./version.js";
import { formatOf } from "./written-file.js";

export interface ExtcapOptions extends SourceOptions {
  extcapInterfaces?: boolean;
  extcapInterface?: string;
  extcapDlts?: boolean;
  extcapConfig?: boolean;
  extcapCaptureFilter?: string;
  capture?: boolean;
  fifo?: string;
  device?: string;
  filters?: FilterArgument[];
  all?: boolean;
  promiscuous?: boolean;
  annotate?: boolean;
}

/** The name of the interface. */
const INTERFACE = "ovn";
/** In the place of a device: those that carry this host's tunnels. */
const TUNNELS = "*";
/** How long the host's database is waited for while Wireshark waits for the options, in milliseconds. */
const PATIENCE_MS = 1000;

/** The verb `extcap`: does what Wireshark asks for. Returns the exit status. */
export async function extcap(options: ExtcapOptions): Promise<number> {
  if (options.extcapInterfaces === true) return answer(interfaces());
  if (options.extcapInterface !== INTERFACE)
    throw new CliError(`extcap: Wireshark starts it, with --extcap-interface ${INTERFACE}`);
  if (options.extcapDlts === true)
    return answer([sentence("dlt", { number: 1, name: "EN10MB", display: "Ethernet" })]);
  if (options.extcapConfig === true) {
    await answer(await config());
    // A database that does not answer would keep the process, and Wireshark waits for its end.
    process.exit(Exit.done);
  }
  if (options.capture === true) return capture(options);
  if (options.extcapCaptureFilter !== undefined) return answer(filterFault(options.extcapCaptureFilter));
  throw new CliError("extcap: nothing is asked for; Wireshark knows how to");
}

async function answer(lines: readonly string[]): Promise<number> {
  await print(lines);
  return Exit.done;
}

function interfaces(): string[] {
  return [
    sentence("extcap", { version: version(), display: "genevescope" }),
    sentence("interface", { value: INTERFACE, display: "OVN overlay" }),
  ];
}

/** Nothing where the filter is one: what is said is why it is none. */
function filterFault(filter: string): string[] {
  const fault = loadNative().native?.checkFilter(filter) ?? null;
  return fault === null ? [] : [`${printable(fault.message)}\n`];
}

/** The options that are shown before a capture. */
async function config(): Promise<string[]> {
  const devices = await deviceValues();
  const options = [
    {
      call: "--device",
      display: "Device",
      type: devices.length > 0 ? "selector" : "string",
      tooltip: "What carries the tunnels, or shows their frames: genev_sys_6081, a guest's device",
    },
    {
      call: "--sb",
      display: "Southbound database",
      type: "string",
      default: process.env.OVN_SB_DB,
      tooltip:
        "unix:PATH, tcp:HOST:PORT, ssl:HOST:PORT, or a file: names for what is asked for below, and the ports of tunnels",
    },
    { call: "--datapath", display: "Logical switch or router", type: "string", tooltip: "Its packets alone" },
    { call: "--port", display: "Logical port", type: "string", tooltip: "Packets from and to it alone" },
    {
      call: "--annotate",
      display: "Names as comments of packets",
      type: "boolflag",
      default: true,
      tooltip:
        "frame.comment says which logical ports a packet is between, where a southbound database tells",
    },
    { call: "--all", display: "Packets in no tunnel, too", type: "boolflag", default: false },
    { call: "--promiscuous", display: "Frames for others, too", type: "boolflag", default: false },
    ...["Private key", "Certificate", "CA certificate"].map((display, index) => ({
      call: ["--private-key", "--certificate", "--ca-cert"][index],
      display,
      type: "fileselect",
      mustexist: true,
      group: "TLS",
      tooltip: "For ssl: servers",
    })),
  ];
  return [...options.map((option, number) => sentence("arg", { number, ...option })), ...devices];
}

/** The devices to choose from: first those of tunnels, then those that show frames without theirs. */
async function deviceValues(): Promise<string[]> {
  const listed = loadNative().native?.devices() ?? [];
  const carriers = await tunnelDevices();
  const rank = (name: string): number =>
    carriers.includes(name) ? 0 : isBareName(name) ? 1 : name === "any" ? 3 : 2;
  const values = listed
    // One that its sentence could not say cannot be chosen.
    .filter(({ name }) => name === fieldText(name))
    .sort((a, b) => rank(a.name) - rank(b.name))
    .map(({ name, up, addresses }) => {
      const details = name === "any" ? ["all devices"] : up ? addresses : ["down", ...addresses];
      return { value: name, display: details.length === 0 ? name : `${name} (${details.join(", ")})` };
    });
  if (carriers.length > 0)
    values.unshift({ value: TUNNELS, display: `what carries this host's tunnels (${carriers.join(", ")})` });
  return values.map((value, index) => sentence("value", { arg: 0, ...value, default: index === 0 }));
}

/** The devices that carry this host's tunnels; none where its database does not say so at once. */
async function tunnelDevices(): Promise<readonly string[]> {
  const late = new Promise<readonly string[]>((resolve) => setTimeout(resolve, PATIENCE_MS, []).unref());
  const told = underlayDevices(new HostSwitches(NAMELESS, { output: "text", names: false })).catch(() => []);
  return Promise.race([told, late]);
}

async function capture(options: ExtcapOptions): Promise<number> {
  const { fifo, device, filters = [], extcapCaptureFilter: bpf } = options;
  const { sb, privateKey, certificate, caCert } = options;
  if (fifo === undefined) throw new CliError("extcap: --capture needs --fifo");
  // Whatever is said on standard error Wireshark shows as an error.
  holdErrors(true);
  try {
    const status = await live({
      ...given({ sb, privateKey, certificate, caCert, bpf }),
      ...(device && device !== TUNNELS ? { interface: [device] } : {}),
      filters: filters.filter(({ text }) => text !== ""),
      all: options.all === true,
      promiscuous: options.promiscuous === true,
      // Without names Wireshark says as much itself. A pipe that is called like a pcap is to be one.
      annotate: options.annotate === true && sourceOf(options) !== null && formatOf(fifo) === "pcapng",
      write: fifo,
      output: "text",
      names: "logical",
      mayBeEmpty: true,
    });
    if (status === Exit.done) dropHeld();
    return status;
  } catch (error) {
    // It says by itself what is wrong.
    dropHeld();
    throw error;
  } finally {
    holdErrors(false);
  }
}

/** Those that were filled in. */
function given<T extends Record<string, string | undefined>>(texts: T): Partial<T> {
  return Object.fromEntries(Object.entries(texts).filter(([, text]) => text)) as Partial<T>;
}

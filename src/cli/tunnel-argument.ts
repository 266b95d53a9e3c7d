/* What frames are to be put into, from flags and names. */
import type { OuterTunnel } from "../encode/encapsulate.js";
import type { Encap, Port } from "../southbound/index.js";
import { quoted, shown } from "../text.js";
import { canonicalAddress, ipVersion } from "../wire/address.js";
import type { ConvertOptions } from "./convert-options.js";
import { CliError } from "./fault.js";
import type { FilterArgument } from "./filter-options.js";
import { isNumber, keyArgument, LAST_EGRESS, LAST_INGRESS, LAST_VNI } from "./key-argument.js";
import type { Naming } from "./names.js";

/** Flags that say what is put around a frame, where frames are encapsulated, and not which packets are taken. */
const KINDS: ReadonlySet<string> = new Set(["vni", "datapath", "inport", "outport", "port", "chassis"]);

/** The filters that are left where packets have no tunnel yet. */
export function bareFilters(options: ConvertOptions): FilterArgument[] {
  return (options.filters ?? []).filter(({ kind }) => !KINDS.has(kind));
}

/** The tunnel that flags ask for. Throws a CliError where they leave something open. */
export function outerTunnel(options: ConvertOptions, naming: Naming): OuterTunnel {
  const given = new Map<string, string>();
  for (const { kind, text, negated } of options.filters ?? []) {
    if (!KINDS.has(kind)) continue;
    if (negated || given.has(kind) || kind === "port" || kind === "chassis" || kind === "datapath")
      throw new CliError(
        "with --encapsulate there are --vni, --inport and --outport, each once: they say what is put around",
      );
    given.set(kind, text);
  }
  const inport = portOf("inport", given.get("inport"), LAST_INGRESS, naming);
  const outport = portOf("outport", given.get("outport"), LAST_EGRESS, naming);
  const vni = given.get("vni");
  return {
    vni: vni === undefined ? vniOf(inport.port ?? outport.port) : keyArgument("--vni", vni, 0, LAST_VNI),
    ingress: inport.key,
    egress: outport.key,
    ...addressesOf(options.tunnel, inport.port, outport.port),
  };
}

/** A port's key, and the port where it was given by its name. */
function portOf(
  kind: "inport" | "outport",
  text: string | undefined,
  last: number,
  { inventory, at }: Naming,
): { key: number; port: Port | null } {
  if (text === undefined) throw new CliError(`--encapsulate needs --${kind}, a key, or with --sb a name`);
  if (isNumber(text)) return { key: keyArgument(`--${kind}`, text, 0, last), port: null };
  if (inventory === null) throw new CliError(`--${kind} ${quoted(text)} is a name, and names need --sb`);
  const port = inventory.portByName(text, at ?? Number.POSITIVE_INFINITY);
  if (port === null)
    throw new CliError(`--${kind} ${quoted(text)}: ${shown(inventory.source)} has no port of that name`);
  return { key: port.tunnelKey, port };
}

function vniOf(port: Port | null): number {
  if (port !== null && port.datapathKey > 0) return port.datapathKey;
  throw new CliError("--encapsulate needs --vni, or a port by its name, whose datapath it is");
}

/** The addresses of the tunnel: those that are given, else those of the chassis that the ports are bound to. */
function addressesOf(
  text: string | undefined,
  inport: Port | null,
  outport: Port | null,
): Pick<OuterTunnel, "source" | "destination"> {
  const addresses = text?.split(",").map(canonicalAddress) ?? [addressOf(inport), addressOf(outport)];
  const [source, destination] = addresses;
  if (source === null || destination === null)
    throw new CliError(
      "--encapsulate needs --tunnel SOURCE,DESTINATION, or both ports by name, bound to chassis with Geneve",
    );
  const versions = addresses.map((address) => ipVersion(address ?? ""));
  if (addresses.length !== 2 || versions[0] === 0 || versions[0] !== versions[1])
    throw new CliError(
      `--tunnel ${quoted(text ?? addresses.join(","))} is no pair of IP addresses of one version, such as 10.0.0.1,10.0.0.2`,
    );
  return { source, destination };
}

function addressOf(port: Port | null): string | null {
  const isGeneve = (encap: Encap): boolean => encap.type === "geneve";
  const encap = port?.encap ?? port?.chassis?.encaps.find(isGeneve) ?? null;
  return encap === null ? null : canonicalAddress(encap.ip);
}

/* What frames are to be put into, from flags and names. */
import type { OuterTunnel } from "../encode/encapsulate.js";
import { type EncapKind, encapKinds } from "../encode/kinds.js";
import { type Port, portEncaps } from "../southbound/index.js";
import { quoted, shown } from "../text.js";
import { canonicalAddress, ipVersion } from "../wire/address.js";
import type { ConvertOptions } from "./convert-options.js";
import { CliError } from "./fault.js";
import type { FilterArgument } from "./filter-options.js";
import { isNumber, keyArgument, LAST_EGRESS, LAST_INGRESS, LAST_VNI } from "./key-argument.js";
import type { Naming } from "./names.js";
import { checkGateway, encapPorts, ofKind, type TunnelEnd, tunnelEnd } from "./tunnel-ends.js";

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
  const { encap = "geneve" } = options;
  // VXLAN carries no ingress key, and to a VTEP gateway none at all.
  for (const kind of ["inport", "outport"] as const)
    if (!given.has(kind) && (encap !== "vxlan" || given.has("inport")))
      throw new CliError(`--encapsulate needs --${kind}, a key, or with --sb a name`);
  const inport = portOf("inport", given.get("inport"), LAST_INGRESS, naming);
  const outport = portOf("outport", given.get("outport"), LAST_EGRESS, naming);
  if (outport !== null)
    for (const given of [inport, outport])
      checkGateway(encap, given?.port?.chassis ?? null, "give --vni without --outport, and --tunnel");
  const text = given.get("vni");
  const vni =
    text === undefined ? vniOf(encap, inport?.port, outport?.port) : keyArgument("--vni", text, 0, LAST_VNI);
  return {
    kind: encap,
    contents: { vni, keys: outport === null ? null : { ingress: inport?.key ?? 0, egress: outport.key } },
    ...endsOf(options.tunnel, encap, inport?.port, outport?.port),
  };
}

/** A logical port that was given, by its key or by name. */
interface GivenPort {
  key: number;
  port?: Port;
}

function portOf(
  kind: "inport" | "outport",
  text: string | undefined,
  last: number,
  { inventory, at }: Naming,
): GivenPort | null {
  if (text === undefined) return null;
  if (isNumber(text)) return { key: keyArgument(`--${kind}`, text, 0, last) };
  if (inventory === null) throw new CliError(`--${kind} ${quoted(text)} is a name, and names need --sb`);
  const port = inventory.portByName(text, at ?? Number.POSITIVE_INFINITY);
  if (port === null)
    throw new CliError(`--${kind} ${quoted(text)}: ${shown(inventory.source)} has no port of that name`);
  return { key: port.tunnelKey, port };
}

/** The datapath whose keys these are: where the packets leave. */
function vniOf(kind: EncapKind, inport: Port | undefined, outport: Port | undefined): number {
  const vni = (outport ?? inport)?.datapathKey ?? 0;
  if (vni === 0) throw new CliError("--encapsulate needs --vni, or a port by its name, whose datapath it is");
  if (kind !== "vxlan" && inport !== undefined && inport.datapathKey !== vni)
    throw new CliError(
      `--inport ${quoted(inport.name)} and --outport are of two datapaths; give the port of the second by which the packets come`,
    );
  return vni;
}

/** The ends of the tunnel: those that are given, else those of the chassis that the ports are bound to. */
function endsOf(
  text: string | undefined,
  kind: EncapKind,
  inport: Port | undefined,
  outport: Port | undefined,
): Pick<OuterTunnel, "source" | "destination" | "destinationPort"> {
  const ends: (Pick<TunnelEnd, "address" | "port"> | null)[] =
    text?.split(",").map((each) => ({ address: canonicalAddress(each), port: null })) ??
    [inport, outport].map((port) => endOfPort(kind, port));
  const [source, destination] = ends;
  if (source === null || destination === null)
    throw new CliError(
      `--encapsulate needs --tunnel SOURCE,DESTINATION, or both ports by name, bound to chassis with ${encapKinds[kind]}`,
    );
  const addresses = ends.map((end) => end?.address ?? "");
  const versions = addresses.map(ipVersion);
  if (addresses.length !== 2 || versions[0] === 0 || versions[0] !== versions[1])
    throw new CliError(
      `--tunnel ${quoted(text ?? addresses.join(","))} is no pair of IP addresses of one version, such as 10.0.0.1,10.0.0.2`,
    );
  return {
    source: source.address,
    destination: destination.address,
    destinationPort: destination.port ?? encapPorts[kind],
  };
}

function endOfPort(kind: EncapKind, port: Port | undefined): TunnelEnd | null {
  const [encap] = port === undefined ? [] : ofKind(kind, portEncaps(port));
  return encap === undefined ? null : tunnelEnd(encap);
}

/* What a southbound database says of the tunnel between two logical ports. */
import type { EncapKind } from "../encode/kinds.js";
import type { Names } from "../match/names.js";
import { addressesIn } from "../southbound/address.js";
import {
  type Chassis,
  type Datapath,
  type Inventory,
  type MulticastGroup,
  type Port,
  portEncaps,
} from "../southbound/index.js";
import { KnownNames } from "../southbound/known-names.js";
import { type NoWay, peerOf, type Way, wayInto } from "../southbound/way.js";
import { quoted, shown } from "../text.js";
import { ipVersion } from "../wire/address.js";
import type { FrameOptions } from "./encode-options.js";
import { CliError } from "./fault.js";
import { unknownName } from "./filters.js";
import { isNumber, keyArgument, LAST_EGRESS, LAST_INGRESS, LAST_VNI } from "./key-argument.js";
import { openSource } from "./sb-open.js";
import { sbTime } from "./time-argument.js";
import { boundTo, checkGateway, endOf, ofKind, type TunnelEnd } from "./tunnel-ends.js";

/** What is known of a tunnel before flags have their say; null or empty where nothing is. */
export interface KnownTunnel {
  vni: number | null;
  /** The ingress key is 0 where nothing is known of it, as it need not be for VXLAN. */
  keys: { ingress: number; egress: number } | null;
  /** Where it begins. With several end points that of the version of the other end. */
  sources: readonly string[];
  /** A frame goes to each. */
  ends: readonly TunnelEnd[];
  /** Of the inner frame. */
  sourceMac: string | null;
  destinationMac: string | null;
  sourceIps: readonly string[];
  destinationIps: readonly string[];
  /** Routers that it has passed. */
  hops: number;
}

type Outport = Port | (MulticastGroup & { datapath: Datapath });

/** Why one port is not enough. */
const bothKeys: Record<EncapKind, string> = {
  geneve: "OVN's option has both keys",
  vxlan: "VXLAN carries its key alone",
  stt: "STT's context id has both keys",
};

export const BROADCAST = "ff:ff:ff:ff:ff:ff";

/** What keys, or a southbound database, say of the tunnel that the flags name. */
export async function knownTunnel(options: FrameOptions): Promise<KnownTunnel> {
  const { encap, inport, outport, datapath, from, to, vni } = options;
  for (const [given, other] of [
    ["inport", "outport"],
    ["outport", "inport"],
  ] as const)
    if (
      options[given] !== undefined &&
      options[other] === undefined &&
      (encap !== "vxlan" || given === "inport")
    )
      throw new CliError(`--${other} is missing: ${bothKeys[encap]}`);
  const isNamed = [inport, outport, datapath].some((text) => text !== undefined && !isNumber(text));
  if (isNamed || from !== undefined || to !== undefined || options.sb !== undefined) {
    const at = sbTime(options.sbTime);
    if (at === null) throw new CliError("--sb-time packet: there are no packets yet; give latest, or a time");
    return new TunnelNames(await openSource(options), at ?? Number.POSITIVE_INFINITY, options).find();
  }
  const keys =
    outport === undefined
      ? null
      : { ingress: inport === undefined ? 0 : ingressOf(inport), egress: egressOf(outport) };
  return { ...NOTHING, vni: vni ?? (datapath === undefined ? null : vniOf(datapath)), keys };
}

const NOTHING: KnownTunnel = {
  vni: null,
  keys: null,
  sources: [],
  ends: [],
  sourceMac: null,
  destinationMac: null,
  sourceIps: [],
  destinationIps: [],
  hops: 0,
};

function ingressOf(text: string): number {
  return keyArgument("--inport", text, 0, LAST_INGRESS);
}

function egressOf(text: string): number {
  return keyArgument("--outport", text, 0, LAST_EGRESS);
}

function vniOf(text: string): number {
  return keyArgument("--datapath", text, 0, LAST_VNI);
}

/** Looks up what the flags name, as of one time. */
class TunnelNames {
  readonly #inventory: Inventory;
  readonly #at: number;
  readonly #options: FrameOptions;
  readonly #known = new KnownNames(null, []);

  constructor(inventory: Inventory, at: number, options: FrameOptions) {
    this.#inventory = inventory;
    this.#at = at;
    this.#options = options;
  }

  async find(): Promise<KnownTunnel> {
    const { inport, outport } = this.#options;
    const given = await this.#datapath();
    const from = inport === undefined || isNumber(inport) ? null : await this.#port("inport", inport, given);
    const to = outport === undefined || isNumber(outport) ? null : await this.#outport(outport, given, from);
    const datapath = given ?? to?.datapath ?? from?.datapath ?? this.#byVni();
    if (datapath === null && this.#options.vni === undefined && inport !== undefined)
      throw new CliError("--datapath is missing: a key means nothing without the datapath whose it is");
    const way = from === null || datapath === null ? null : this.#way(from, datapath);
    const vni = datapath?.tunnelKey ?? null;
    // A key that no port has is as good as any.
    const ingress = inport === undefined ? null : (way?.inport.tunnelKey ?? ingressOf(inport));
    const egress = outport === undefined ? null : (to?.tunnelKey ?? egressOf(outport));
    const sender = from ?? this.#byKey(vni, ingress);
    const receiver = to ?? this.#receiver(datapath, egress);
    const source = await this.#chassis("from");
    return {
      vni: this.#options.vni ?? vni,
      keys: egress === null ? null : { ingress: ingress ?? 0, egress },
      sources: ofKind(this.#options.encap, source?.encaps ?? (sender === null ? [] : portEncaps(sender))).map(
        ({ ip }) => ip,
      ),
      ends: await this.#ends(source ?? sender?.chassis ?? null, receiver, datapath),
      ...this.#inner(sender, receiver, way?.routers ?? []),
    };
  }

  /** Addresses of the inner frame, behind the routers that it has passed, the last one's port first. */
  #inner(sender: Port | null, receiver: Outport | null, routers: readonly Port[]) {
    const sent = sender === null ? [] : this.#addresses(sender);
    const received = receiver?.kind === "port" ? this.#addresses(receiver) : [];
    const sourceIps = ipsIn(sent);
    const isPort = receiver?.kind === "port";
    // On the way to the gateway of a router, this one has routed it, to whom its flows say.
    if (isPort && receiver.type === "chassisredirect" && receiver.datapath?.kind === "router") {
      const hops = routers.length + 1;
      return { sourceMac: macIn(received), destinationMac: null, sourceIps, destinationIps: [], hops };
    }
    const [router] = routers;
    return {
      sourceMac: macIn(router === undefined ? sent : this.#addresses(router)),
      destinationMac: receiver?.kind === "multicast" ? BROADCAST : macIn(received),
      sourceIps,
      destinationIps: ipsIn(received),
      hops: routers.length,
    };
  }

  async #datapath(): Promise<Datapath | null> {
    const { datapath: text } = this.#options;
    if (text === undefined) return null;
    const flag = `--datapath ${quoted(text)}`;
    if (isNumber(text)) {
      const found = this.#inventory.datapath(vniOf(text), this.#at);
      if (found !== null) return found;
      throw new CliError(`${flag}: ${shown(this.#inventory.source)} has no datapath of that key`);
    }
    const all = this.#inventory.datapaths(this.#at);
    const own = all.filter(({ name, uuid, northUuid }) => [name, uuid, northUuid].includes(text));
    const found =
      own.length > 0
        ? own
        : all.filter((each) => this.#known.datapath(each, this.#at).friendly?.name === text);
    return this.#only(flag, "datapath", text, found, ({ tunnelKey }) => `${tunnelKey}`);
  }

  #byVni(): Datapath | null {
    const { vni } = this.#options;
    return vni === undefined ? null : this.#inventory.datapath(vni, this.#at);
  }

  async #port(kind: "inport" | "outport", text: string, datapath: Datapath | null): Promise<Port> {
    const flag = `--${kind} ${quoted(text)}`;
    const found = this.#ports(text);
    const within = found.filter((port) => port.datapath?.uuid === datapath?.uuid);
    return this.#only(flag, kind, text, within.length > 0 ? within : found, ({ name }) => quoted(name));
  }

  /** A port, or a multicast group of the datapath given or, where none is, of that of the packets' origin. */
  async #outport(text: string, given: Datapath | null, from: Port | null): Promise<Outport> {
    const datapath = given ?? from?.datapath ?? null;
    if (this.#ports(text).length === 0 && datapath !== null) {
      const group = this.#group(text, datapath);
      if (group !== null) return { ...group, datapath };
    }
    const port = await this.#port("outport", text, given);
    if (given === null || port.datapath?.uuid === given.uuid) return port;
    throw new CliError(
      `--outport ${quoted(text)} is of ${nameOf(port.datapath)}, not of ${nameOf(given)}; --datapath is where the packets leave`,
    );
  }

  /** By OVN's own name, else by those that others gave. */
  #ports(text: string): Port[] {
    const own = this.#inventory.portByName(text, this.#at);
    if (own !== null) return [own];
    return this.#inventory.ports(this.#at).filter((port) => this.#known.isKnownAs(port, text, this.#at));
  }

  #group(text: string, { tunnelKey }: Datapath): MulticastGroup | null {
    return this.#inventory.multicastGroups(this.#at, tunnelKey).find(({ name }) => name === text) ?? null;
  }

  #byKey(datapathKey: number | null, key: number | null): Port | null {
    return datapathKey === null || key === null ? null : this.#inventory.port(datapathKey, key, this.#at);
  }

  #receiver(datapath: Datapath | null, key: number | null): Outport | null {
    if (datapath === null || key === null) return null;
    const found = this.#inventory.egress(datapath.tunnelKey, key, this.#at);
    return found?.kind === "multicast" ? { ...found, datapath } : found;
  }

  /** The only one of a name. */
  async #only<T>(
    flag: string,
    kind: "datapath" | "inport" | "outport" | "chassis",
    text: string,
    found: readonly T[],
    words: (one: T) => string,
  ): Promise<T> {
    if (found.length === 1) return found[0];
    if (found.length > 1)
      throw new CliError(
        `${flag} is the name of several: ${found.slice(0, 16).map(words).join(", ")}; give one of these`,
      );
    const names: Names = { inventory: this.#inventory, known: this.#known, at: this.#at };
    const unknown = await unknownName(flag, kind, text, names);
    throw new CliError(
      unknown ?? `${flag}: ${shown(this.#inventory.source)} has none of that name at that time`,
    );
  }

  #way(from: Port, to: Datapath): Way {
    const way = wayInto(this.#inventory, from, to, this.#at);
    if (typeof way !== "string") return way;
    const why: Record<NoWay, string> = {
      unconnected: "no router connects",
      gateway: "are connected through a gateway alone, whose chassis sends what it routes, as",
      several: "are connected in several ways, as",
    };
    const ends = `${quoted(from.name)} and ${nameOf(to)}`;
    throw new CliError(
      way === "unconnected"
        ? `${why[way]} ${ends}; give a port of ${nameOf(to)} as --inport`
        : `${ends} ${why[way]} their routers have it; give the port of ${nameOf(to)} by which the packets come as --inport, and --from`,
    );
  }

  /** The addresses of a port; of one that leads to a router, and has none, those of the router's. */
  #addresses(port: Port): readonly string[] {
    const own = port.mac.flatMap(addressesIn);
    if (own.length > 0) return own;
    return peerOf(this.#inventory, port, this.#at)?.mac.flatMap(addressesIn) ?? [];
  }

  async #chassis(kind: "from" | "to"): Promise<Chassis | null> {
    const text = this.#options[kind];
    if (text === undefined) return null;
    const found = this.#inventory
      .chassis(this.#at)
      .filter(({ name, hostname }) => name === text || hostname === text);
    return this.#only(`--${kind} ${quoted(text)}`, "chassis", text, found, ({ name }) => quoted(name));
  }

  /** Where OVN sends frames to `receiver`: to all chassis that have it, or a port of a group, but the sender's own. */
  async #ends(
    from: Chassis | null,
    receiver: Outport | null,
    datapath: Datapath | null,
  ): Promise<TunnelEnd[]> {
    const { encap } = this.#options;
    const to = await this.#chassis("to");
    const given = [from, to ?? (receiver?.kind === "port" ? receiver.chassis : null)];
    for (const chassis of given) this.#refuseVtep(chassis);
    if (to !== null) return [endOf(to.name, to.encaps, encap)];
    if (this.#options.outerDst !== undefined || receiver === null || datapath === null) return [];
    const isPort = receiver.kind === "port";
    const ports = this.#inventory.ports(this.#at, datapath.tunnelKey);
    const bound = boundTo(isPort ? [receiver] : ports);
    const what = isPort ? quoted(receiver.name) : `ports of ${nameOf(datapath)}`;
    const remedy = "give --to or --outer-dst";
    if (bound.size === 0) throw new CliError(`no chassis has ${what}; ${remedy}`);
    if (ports.some(({ type }) => type === "localnet") && !this.#isAlwaysTunneled())
      throw new CliError(
        `${nameOf(datapath)} has a localnet port, by which OVN sends in the place of tunnels; ${remedy} to have one all the same`,
      );
    if (from !== null) bound.delete(from.name);
    // Of many some may have other tunnels.
    const ends = [...bound].filter(([, encaps]) => isPort || ofKind(encap, encaps).length > 0);
    if (!isPort && ends.length > 1 && !GROUPS_OF_ALL.has(receiver.name))
      throw new CliError(
        `which chassis have a port of ${quoted(receiver.name)} is not known, of ${ends.length} that have ${what}; ${remedy}`,
      );
    for (const chassis of this.#inventory.chassis(this.#at))
      if (ends.some(([name]) => name === chassis.name)) this.#refuseVtep(chassis);
    if (ends.length > 0) return ends.map(([name, encaps]) => endOf(name, encaps, encap));
    throw new CliError(
      `no chassis but ${quoted(from?.name ?? "")}, which would send it, has ${what}: OVN has no use for a tunnel there; ${remedy} to have one all the same`,
    );
  }

  /** Throws where an end of a tunnel of VXLAN is a VTEP gateway, and the VNI would have more than it takes it for. */
  #refuseVtep(chassis: Chassis | null): void {
    const { encap, outport } = this.#options;
    if (outport !== undefined)
      checkGateway(encap, chassis, "give --datapath without --outport, and --from and --to");
  }

  /** Whether switches that have a localnet port use tunnels, too (ovn-nb(5), NB_Global options:always_tunnel). */
  #isAlwaysTunneled(): boolean {
    return this.#inventory.global(this.#at)?.options.get("always_tunnel") === "true";
  }
}

/** Groups of all ports of a switch, but for those to routers: of others the database's ports are not kept. */
const GROUPS_OF_ALL: ReadonlySet<string> = new Set(["_MC_flood", "_MC_flood_l2"]);

function nameOf(datapath: Datapath | null): string {
  if (datapath === null) return "no datapath";
  return datapath.name === null ? `datapath ${datapath.tunnelKey}` : quoted(datapath.name);
}

function macIn(addresses: readonly string[]): string | null {
  return addresses.find((address) => /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/.test(address)) ?? null;
}

function ipsIn(addresses: readonly string[]): string[] {
  return addresses.filter((address) => ipVersion(address) > 0);
}

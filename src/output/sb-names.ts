import type { Datapath, FriendlyName, KnownNames, Port } from "../southbound/index.js";
import { printable } from "../text.js";
import { label, type NameChoice, type NameSources, portFields } from "./names.js";
import { ovsString } from "./sb-words.js";

/** Names of ports and datapaths as of one time, as `--names` chooses them; safe to print. */
export class SbNames {
  readonly #known: KnownNames;
  readonly #choice: NameChoice;
  readonly #sources: NameSources;
  readonly #at: number;

  constructor(known: KnownNames, choice: NameChoice, sources: NameSources, at: number) {
    this.#known = known;
    this.#choice = choice;
    this.#sources = sources;
    this.#at = at;
  }

  port(port: Port): string {
    return label(port.name, this.#friendlyPort(port), this.#choice) ?? "?";
  }

  /** A port's name as ovn-sbctl writes it, where that is its logical one. */
  ovsPort(port: Port): string {
    return this.#ovs(port.name, this.#friendlyPort(port));
  }

  /** A datapath's name, else its uuid, else `?`. */
  datapath(datapath: Datapath | null): string {
    if (datapath === null) return "?";
    return label(datapath.name, this.#friendlyDatapath(datapath), this.#choice) ?? datapath.uuid;
  }

  ovsDatapath(datapath: Datapath): string {
    return this.#ovs(datapath.name ?? datapath.uuid, this.#friendlyDatapath(datapath));
  }

  /** What else is known of a port: its device and instance, its host name. */
  remarks(port: Port): string[] {
    if (!this.#sources.north && !this.#sources.vswitches) return [];
    const { device, instance, hostName } = this.#known.port(port, this.#at);
    const said = [
      ["device", device],
      ["instance", instance],
      ["host name", hostName],
    ] as const;
    return said.filter(([, text]) => text !== null).map(([word, text]) => `${word} ${printable(text ?? "")}`);
  }

  /** The same for JSON. */
  portFields(port: Port): object {
    return portFields(this.#known.port(port, this.#at), this.#sources);
  }

  datapathFields(datapath: Datapath): object {
    return { friendlyName: this.#friendlyDatapath(datapath)?.name ?? null };
  }

  /** Whether the port is known by `name`, other than by its logical one. */
  isKnownAs(port: Port, name: string): boolean {
    return this.#known.isKnownAs(port, name, this.#at);
  }

  isDatapathKnownAs(datapath: Datapath, name: string): boolean {
    return this.#friendlyDatapath(datapath)?.name === name;
  }

  #ovs(name: string, friendly: FriendlyName | null): string {
    return friendly === null ? ovsString(name) : (label(name, friendly, this.#choice) ?? "?");
  }

  /** Null where it is not to be shown: then it is not looked for, either. */
  #friendlyPort(port: Port): FriendlyName | null {
    return this.#choice === "logical" ? null : this.#known.port(port, this.#at).friendly;
  }

  #friendlyDatapath(datapath: Datapath): FriendlyName | null {
    return this.#known.datapath(datapath, this.#at).friendly;
  }
}

/*
 * Everything a port is known by beside its logical name, from all sources there are. The southbound's word
 * counts before the northbound's, which it is a copy of.
 */
import { entryOf } from "./entry.js";
import { type FriendlyName, friendlyDatapath, friendlyPort } from "./friendly.js";
import type { Datapath, Interval, Port } from "./model.js";
import type { Northbound, NorthPort } from "./north.js";
import { Answer, Answers, Span } from "./span.js";
import type { VirtualInterface, VSwitch } from "./vswitch.js";

/** What a port is known by, for the time of the interval. Texts are as stored: escape before printing. */
export interface PortNames extends Interval {
  readonly friendly: FriendlyName | null;
  /** What DHCP tells the guest to be called; of a northbound database only, like the next. */
  readonly hostName: string | null;
  /** Its addresses as the northbound has them, "MAC [IP...]" each: also those that it assigned itself. */
  readonly addresses: readonly string[];
  /** The device it is on its chassis, and whose that is; of that host's Open_vSwitch database. */
  readonly device: string | null;
  readonly instance: string | null;
}

/** What a switch or router is known by. */
export interface DatapathNames extends Interval {
  readonly friendly: FriendlyName | null;
}

const NO_ADDRESSES: readonly string[] = Object.freeze([]);

/**
 * Names for the ports and datapaths of an inventory. Each is looked for once a version (the object that the
 * inventory gives) and kept with it; asking again allocates nothing.
 */
export class KnownNames {
  readonly north: Northbound | null;
  readonly vswitches: readonly VSwitch[];
  readonly #ports = new WeakMap<Port, Answers<PortNames>>();
  readonly #datapaths = new WeakMap<Datapath, Answers<DatapathNames>>();

  constructor(north: Northbound | null, vswitches: readonly VSwitch[]) {
    this.north = north;
    this.vswitches = vswitches;
  }

  /** What `port` is known by at `at`, milliseconds since 1970; Infinity: now, as far as the sources know. */
  port(port: Port, at: number): PortNames {
    const time = Math.min(at, Number.MAX_VALUE);
    const generation = this.generation;
    const answers = entryOf(this.#ports, port, () => new Answers());
    return (
      answers.at(time, generation)?.value ??
      keep(answers, generation, (span) => this.#portNames(port, span, time))
    );
  }

  /** Whether `port` is known by `name` at `at`, other than by its logical one. */
  isKnownAs(port: Port, name: string, at: number): boolean {
    const { friendly, device, instance, hostName } = this.port(port, at);
    return friendly?.name === name || device === name || instance === name || hostName === name;
  }

  /** What `datapath` is known by; `at` as for a port. */
  datapath(datapath: Datapath, at: number): DatapathNames {
    const time = Math.min(at, Number.MAX_VALUE);
    const generation = this.generation;
    const answers = entryOf(this.#datapaths, datapath, () => new Answers());
    return (
      answers.at(time, generation)?.value ??
      keep(answers, generation, (span) => ({ friendly: this.#datapathName(datapath, span, time) }))
    );
  }

  /** Every name that `port` had while this version of it lasted, the logical one included. Not for hot paths. */
  *everyPortName(port: Port): Generator<string> {
    yield port.name;
    yield* texts(friendlyPort(port.name, port.externalIds)?.name);
    for (let time = Math.max(port.from, this.#start()); time < port.until; ) {
      const { friendly, device, instance, hostName, until } = this.port(port, time);
      yield* texts(friendly?.name, device, instance, hostName);
      time = until;
    }
  }

  /** As everyPortName, of a switch or router; its uuid and that of its northbound row are among them. */
  *everyDatapathName(datapath: Datapath): Generator<string> {
    const { name, uuid, northUuid, externalIds } = datapath;
    yield* texts(name, uuid, northUuid, friendlyDatapath(name, externalIds)?.name);
    for (let time = Math.max(datapath.from, this.#start()); time < datapath.until; ) {
      const { friendly, until } = this.datapath(datapath, time);
      yield* texts(friendly?.name);
      time = until;
    }
  }

  /** From when on the further sources know anything; Infinity where there are none. */
  #start(): number {
    const sources = this.north === null ? this.vswitches : [this.north, ...this.vswitches];
    return sources.length === 0
      ? Number.POSITIVE_INFINITY
      : sources.reduce(
          (latest, { historyStart }) => Math.max(latest, historyStart),
          Number.NEGATIVE_INFINITY,
        );
  }

  #portNames(port: Port, span: Span, time: number): Omit<PortNames, keyof Interval> {
    const north: NorthPort | null = this.north?.switchPort(port.name, span, time) ?? null;
    const found = this.#interfaceOf(port, span, time);
    return {
      friendly:
        friendlyPort(port.name, port.externalIds) ??
        (north === null ? null : friendlyPort(port.name, north.externalIds)),
      hostName: north?.hostName ?? null,
      addresses: north?.addresses ?? NO_ADDRESSES,
      device: found?.device ?? null,
      instance: found?.instance ?? null,
    };
  }

  /** A container's packets come through the device of its VM, those of a virtual port through its present parent's. */
  #interfaceOf(port: Port, span: Span, time: number): VirtualInterface | null {
    const { chassis } = port;
    if (chassis === null) return null;
    const ifaceId = port.virtualParent ?? port.parentPort ?? port.name;
    const macs = ifaceId === port.name ? port.mac : NO_ADDRESSES;
    for (const vswitch of this.vswitches) {
      if (!vswitch.isOf(chassis, span, time)) continue;
      const found = vswitch.interfaceOf(ifaceId, macs, span, time);
      if (found !== null) return found;
    }
    return null;
  }

  #datapathName(datapath: Datapath, span: Span, time: number): FriendlyName | null {
    const { name, northUuid, externalIds } = datapath;
    const known = friendlyDatapath(name, externalIds);
    if (known !== null || this.north === null) return known;
    const ids = northUuid === null ? null : this.north.datapath(northUuid, span, time);
    return ids === null ? null : friendlyDatapath(name, ids);
  }

  /** Grows with every change of the sources. */
  get generation(): number {
    let sum = this.north?.generation ?? 0;
    for (let index = 0; index < this.vswitches.length; index++) sum += this.vswitches[index].generation;
    return sum;
  }
}

/** Those that are there. */
function texts(...all: readonly (string | null | undefined)[]): string[] {
  return all.filter((text) => text != null);
}

function keep<T extends Interval>(
  answers: Answers<T>,
  generation: number,
  make: (span: Span) => Omit<T, keyof Interval>,
): T {
  const span = new Span();
  const made = make(span);
  const value = { ...made, from: span.from, until: span.until } as T;
  answers.add(new Answer(value, span, generation));
  return value;
}

/*
 * What has been counted of live packets, in Prometheus' text format. A series only grows for as long as it is there:
 * what is added to it bears the keys and names of the moment it is added. How many there can be is bounded.
 */
import { Counter, Gauge, Registry } from "prom-client";
import type { Summary } from "../analysis/summary.js";
import { KEYS_FROM_NAMES } from "../frame/columns.js";
import type { FriendlyName } from "../southbound/index.js";
import { shown } from "../text.js";
import { Family } from "./metric-family.js";
import { label, type NameChoice } from "./names.js";

/** Label sets a family has at most, of two series each: 10,000 series in all. */
const MOST_DATAPATHS = 500;
const MOST_PORTS = 3000;
const MOST_TUNNELS = 1500;

/** What is added to the counters at once. */
export interface Counted {
  /** Sums since the last time. */
  readonly summary: Summary;
  /** Original bytes of its packets with an OVN option. */
  readonly ovnBytes: number;
  /** Packets that are no tunnel's, taken or not. */
  readonly notGeneve: number;
}

/** Packets of a device since the beginning, and whether it is there and up. */
export interface DeviceState {
  readonly device: string;
  readonly received: number;
  /** Null where nobody counts them. */
  readonly dropped: number | null;
  readonly droppedByDevice: number | null;
  readonly up: boolean;
}

/** A database names come from. */
export interface InventoryState {
  readonly source: string;
  /** Since it was last known to say what is known of it; null where nothing tells. */
  readonly ageMs: number | null;
  /** Null where it is no server that is followed. */
  readonly connected: boolean | null;
}

/** The metrics of `live`: docs/cli.md lists them. */
export class LiveMetrics {
  readonly #registry = new Registry();
  readonly #names: NameChoice;
  readonly #datapaths: Family;
  readonly #ports: Family;
  readonly #tunnels: Family;
  readonly #statuses: Counter;
  readonly #withoutTunnel: Counter;
  readonly #unresolved: Counter | null;
  readonly #isFull: Gauge;
  readonly #received: Counter;
  readonly #dropped: Counter;
  readonly #up: Gauge;
  readonly #age: Gauge;
  readonly #connected: Gauge;
  /** When it was added to last. */
  #now = 0;
  /** What each device had received and dropped when that was last asked for. */
  readonly #devices = new Map<string, DeviceState>();

  /** `isNamed`: there is an inventory. */
  constructor(version: string, isNamed: boolean, names: NameChoice) {
    const registers = [this.#registry];
    const counter = (name: string, help: string, labelNames: string[] = []) =>
      new Counter({ name: `genevescope_${name}`, help, labelNames, registers });
    const gauge = (name: string, help: string, labelNames: string[] = []) =>
      new Gauge({ name: `genevescope_${name}`, help, labelNames, registers });
    this.#names = names;
    gauge("build_info", "Always 1; its label is the version of genevescope.", ["version"]).set(
      { version },
      1,
    );
    this.#datapaths = new Family(
      registers,
      "datapath",
      "with an OVN option, by logical switch or router",
      MOST_DATAPATHS,
      ["datapath_key", "datapath"],
    );
    this.#ports = new Family(
      registers,
      "port",
      "with an OVN option, by logical port; tx came from it, rx went to it",
      MOST_PORTS,
      ["datapath_key", "datapath", "port_key", "port"],
      ["direction"],
    );
    this.#tunnels = new Family(
      registers,
      "tunnel",
      "of Geneve, by sending and receiving chassis",
      MOST_TUNNELS,
      ["source", "destination"],
    );
    this.#isFull = gauge(
      "label_limit_reached",
      'Whether some datapaths, ports or tunnels had no room for a series of their own and count as "other".',
      ["family"],
    );
    this.#statuses = counter("packets_total", "Packets captured, by what became of them.", ["status"]);
    this.#withoutTunnel = counter(
      "without_tunnel_packets_total",
      "Packets captured without their tunnels, by what told their keys.",
      ["keys_from"],
    );
    this.#unresolved = isNamed
      ? counter("unresolved_packets_total", "Packets of which the datapath or a port has no name.")
      : null;
    this.#received = counter("device_received_packets_total", "Packets a device's filter let through.", [
      "device",
    ]);
    this.#dropped = counter(
      "device_dropped_packets_total",
      "Packets lost at a device: by the kernel, for want of room in the ring, or by the device itself.",
      ["device", "by"],
    );
    this.#up = gauge("device_up", "Whether a device is there, up and captured from.", ["device"]);
    this.#age = gauge(
      "inventory_age_seconds",
      "Time since a database that names come from was last known to be as it is known here.",
      ["source"],
    );
    this.#connected = gauge(
      "inventory_connected",
      "Whether there is a connection to the server of a database.",
      ["source"],
    );
  }

  /** Adds what has been counted since the last time; `now`: in milliseconds, of a clock that does not go back. */
  add({ summary, ovnBytes, notGeneve }: Counted, now = performance.now()): void {
    this.#now = now;
    const { truncated, malformed, unsupported } = summary;
    const others = truncated + malformed + unsupported + summary.notGeneve;
    const statuses = {
      ok: summary.packets - others,
      truncated,
      malformed,
      unsupported,
      "not-geneve": notGeneve,
    };
    for (const [status, packets] of Object.entries(statuses)) this.#statuses.inc({ status }, packets);
    const { bare } = summary;
    bare?.forEach((packets, from) => {
      this.#withoutTunnel.inc({ keys_from: KEYS_FROM_NAMES[from] }, packets);
    });
    this.#unresolved?.inc(summary.unresolved ?? 0);
    this.#addDatapaths(summary, ovnBytes);
    this.#addPorts(summary);
    for (const { source, destination, sourceChassis, destinationChassis, packets, bytes } of summary.tunnels)
      this.#tunnels.add(
        { source: shown(sourceChassis ?? source), destination: shown(destinationChassis ?? destination) },
        this.#isKnown(sourceChassis !== null && destinationChassis !== null),
        packets,
        bytes,
        now,
      );
    const families = { datapath: this.#datapaths, port: this.#ports, tunnel: this.#tunnels };
    for (const [family, { isFull }] of Object.entries(families)) this.#isFull.set({ family }, isFull ? 1 : 0);
  }

  #addDatapaths({ datapaths, flowOverflow }: Summary, ovnBytes: number): void {
    let overflow = ovnBytes;
    for (const { datapathKey, name, friendly, packets, bytes } of datapaths) {
      overflow -= bytes;
      const labels = { datapath_key: datapathKey, datapath: this.#name(name, friendly) };
      this.#datapaths.add(labels, this.#isKnown(name !== null), packets, bytes, this.#now);
    }
    if (flowOverflow === 0) return;
    this.#datapaths.addOther({}, flowOverflow, overflow);
    for (const direction of ["tx", "rx"]) this.#ports.addOther({ direction }, flowOverflow, overflow);
  }

  #addPorts({ ports }: Summary): void {
    for (const port of ports) {
      const { rxPackets, rxBytes, txPackets, txBytes } = port;
      const labels = {
        datapath_key: port.datapathKey,
        datapath: this.#name(port.datapath, port.datapathFriendly),
        port_key: port.portKey,
        port: this.#name(port.name, port.names?.friendly),
      };
      const isKnown = this.#isKnown(port.name !== null);
      const now = this.#now;
      if (txPackets > 0) this.#ports.add({ ...labels, direction: "tx" }, isKnown, txPackets, txBytes, now);
      if (rxPackets > 0) this.#ports.add({ ...labels, direction: "rx" }, isKnown, rxPackets, rxBytes, now);
    }
  }

  /** Where there is no inventory nothing has a name, and nothing is suspicious for that. */
  #isKnown(isNamed: boolean): boolean {
    return isNamed || this.#unresolved === null;
  }

  #name(logical: string | null, friendly: FriendlyName | null | undefined): string {
    return shown(label(logical, friendly, this.#names) ?? "");
  }

  /** Takes over how the devices are. */
  setDevices(states: readonly DeviceState[]): void {
    for (const state of states) {
      const before = this.#devices.get(state.device);
      const device = shown(state.device);
      const grow = (
        counter: Counter,
        labels: Record<string, string>,
        name: "received" | "dropped" | "droppedByDevice",
      ): void => {
        const count = state[name];
        if (count !== null) counter.inc(labels, Math.max(0, count - (before?.[name] ?? 0)));
      };
      grow(this.#received, { device }, "received");
      grow(this.#dropped, { device, by: "kernel" }, "dropped");
      grow(this.#dropped, { device, by: "device" }, "droppedByDevice");
      this.#up.set({ device }, state.up ? 1 : 0);
      this.#devices.set(state.device, state);
    }
  }

  /** Takes over how the databases are. */
  setInventories(states: readonly InventoryState[]): void {
    for (const { source, ageMs, connected } of states) {
      const labels = { source: shown(source) };
      if (ageMs !== null) this.#age.set(labels, Math.max(0, ageMs) / 1000);
      if (connected !== null) this.#connected.set(labels, connected ? 1 : 0);
    }
  }

  /** All of it, as Prometheus reads it (text format 0.0.4). */
  async text(): Promise<string> {
    const texts: string[] = [];
    for (const { name } of this.#registry.getMetricsAsArray()) {
      texts.push(await this.#registry.getSingleMetricAsString(name));
      // Thousands of series take a while: packets have their turn in between.
      await new Promise(setImmediate);
    }
    return `${texts.join("\n")}\n`;
  }
}

/** What `text` is, for HTTP. */
export const METRICS_TYPE = Registry.PROMETHEUS_CONTENT_TYPE;

/*
 * Where frames with a MAC can be, whatever the datapath: for frames without their tunnel's header, of which
 * nothing but the addresses says where they belong. OVN's tunnels carry frames of switches, between ports whose
 * MACs `Port_Binding.mac` and `nat_addresses` tell (ovn-sb(5)); a router's port is seen there as the switch's port
 * that is its peer. Of a router's own datapath they carry only what is on the way to a `chassisredirect` port
 * (ovn-architecture(7), "Distributed Gateway Ports"): that has been given its source MAC already.
 */
import { canonicalAddress } from "../wire/address.js";
import type { Composer } from "./compose.js";
import type { EndpointIndex } from "./endpoints.js";
import { entryOf } from "./entry.js";
import type { History, RowVersion } from "./history.js";
import type { Port, Stations } from "./model.js";
import { pairValue } from "./ovsdb/value.js";
import { Answer, Answers, Span } from "./span.js";
import { ColumnIndex } from "./tables.js";

const PORT = ColumnIndex.Port_Binding;
/** Kept answers and the ports in them: beyond this they start over. */
const CACHE_LIMIT = 1 << 17;

/** The ports of all datapaths by MAC, as of a time. */
export class StationIndex {
  readonly #history: History;
  readonly #composer: Composer;
  readonly #endpoints: EndpointIndex;
  readonly #answers = new Map<string, Answers<Stations>>();
  #kept = 0;

  constructor(history: History, composer: Composer, endpoints: EndpointIndex) {
    this.#history = history;
    this.#composer = composer;
    this.#endpoints = endpoints;
  }

  /** Starts over: what answers come from is another. */
  reset(): void {
    this.#answers.clear();
    this.#kept = 0;
  }

  /** Where frames from and to `mac` (text) could be at `time`. */
  find(mac: string, time: number): Stations {
    const kept = this.#answers.get(mac)?.at(time, this.#endpoints.generation);
    return kept?.value ?? this.#find(mac, time);
  }

  #find(mac: string, time: number): Stations {
    const span = new Span();
    const ports = new Map<string, Port>();
    const redirects = new Map<string, Port>();
    for (const { version } of this.#endpoints.holding(canonicalAddress(mac.toLowerCase()), span, time)) {
      const port = span.use(this.#composer.portAnswer(version, time));
      if (port?.datapath == null) continue;
      add(redirects, this.#redirectOf(version, span, time));
      if (port.datapath.kind !== "router") add(ports, port);
      else {
        const peer = this.#peerOf(version, span, time);
        const there = peer === null ? null : span.use(this.#composer.portAnswer(peer, time));
        if (peer === null || there?.datapath == null || there.datapath.kind === "router") continue;
        add(ports, there);
        add(redirects, this.#redirectOf(peer, span, time));
      }
    }
    const { from, until } = span;
    const stations: Stations = { ports: inOrder(ports), redirects: inOrder(redirects), from, until };
    this.#keep(mac, new Answer(stations, span, this.#endpoints.generation));
    return stations;
  }

  /** The port at the other end of a patch, if that names this one as its own peer. */
  #peerOf({ values }: RowVersion, span: Span, time: number): RowVersion | null {
    const peer = this.#named(pairValue(values[PORT.options], "peer"), span, time);
    return peer !== null && pairValue(peer.values[PORT.options], "peer") === values[PORT.logical_port]
      ? peer
      : null;
  }

  /** The chassisredirect port that stands for a port. */
  #redirectOf({ values }: RowVersion, span: Span, time: number): Port | null {
    const name = pairValue(values[PORT.options], "chassis-redirect-port");
    const found = this.#named(name, span, time);
    if (found === null || found.values[PORT.type] !== "chassisredirect") return null;
    if (pairValue(found.values[PORT.options], "distributed-port") !== values[PORT.logical_port]) return null;
    const port = span.use(this.#composer.portAnswer(found, time));
    return port?.datapath == null ? null : port;
  }

  #named(name: string | undefined, span: Span, time: number): RowVersion | null {
    const row = name === undefined ? null : span.read(this.#history.portByName.get(name), time);
    return row === null ? null : span.read(row.versions, time);
  }

  #keep(mac: string, answer: Answer<Stations>): void {
    const size = 1 + answer.value.ports.length + answer.value.redirects.length;
    if (this.#kept + size > CACHE_LIMIT) this.reset();
    this.#kept += size;
    entryOf(this.#answers, mac, () => new Answers()).add(answer);
  }
}

function add(ports: Map<string, Port>, port: Port | null): void {
  if (port !== null) ports.set(port.uuid, port);
}

function inOrder(ports: ReadonlyMap<string, Port>): readonly Port[] {
  return [...ports.values()].sort(
    (a, b) => a.datapathKey - b.datapathKey || a.tunnelKey - b.tunnelKey || (a.name < b.name ? -1 : 1),
  );
}

/* What `live --top` lists: flows, ports, tunnels and datapaths, as rows to count. */
import type { Counted } from "../analysis/rates.js";
import type { Summary } from "../analysis/summary.js";
import type { FriendlyName } from "../southbound/index.js";
import { printable } from "../text.js";
import { label, type NameChoice } from "./names.js";

/** How things are named. */
export interface TopNames {
  /** Whether there is an inventory: without one, things are their keys. */
  readonly named: boolean;
  readonly names: NameChoice;
}

/** One of the tables. */
export interface TopKind {
  readonly title: string;
  /** The key that shows it. */
  readonly key: string;
  /** Headings of the cells of its rows. */
  headings(naming: TopNames): readonly string[];
  /** Whether what goes to a thing is told from what comes from it. */
  readonly isTwoWay: boolean;
  /** What a summary has of it. Cells are made when they are asked for. */
  counted(summary: Summary, naming: TopNames): Iterable<Counted>;
}

const flows: TopKind = {
  title: "flows",
  key: "f",
  isTwoWay: false,
  headings: ({ named }) => (named ? ["DATAPATH", "INPORT", "OUTPORT"] : ["VNI", "IN", "OUT"]),
  *counted({ flows }, naming) {
    for (const flow of flows) {
      const { datapathKey, ingressKey, egressKey, datapath, inport, outport, packets, bytes } = flow;
      // Keys that come to belong to another port are another flow.
      const id = JSON.stringify([datapathKey, ingressKey, egressKey, datapath, inport, outport]);
      const cells = () => [
        nameOf(datapath, flow.datapathFriendly, datapathKey, naming),
        nameOf(inport, flow.inportNames?.friendly, ingressKey, naming),
        nameOf(outport, flow.outportNames?.friendly, egressKey, naming),
      ];
      yield { id, packets, bytes, received: 0, cells };
    }
  },
};

const ports: TopKind = {
  title: "ports",
  key: "o",
  isTwoWay: true,
  headings: ({ named }) => (named ? ["PORT", "DATAPATH", "CHASSIS"] : ["VNI", "PORT"]),
  *counted({ ports }, naming) {
    for (const port of ports) {
      const { datapathKey, portKey, datapath, name, rxPackets, rxBytes, txPackets, txBytes } = port;
      // Egress key 0 is no port's.
      if (portKey === 0) continue;
      const id = JSON.stringify([datapathKey, portKey, datapath, name]);
      const cells = () => {
        const network = nameOf(datapath, port.datapathFriendly, datapathKey, naming);
        const own = nameOf(name, port.names?.friendly, portKey, naming);
        if (!naming.named) return [network, own];
        return [own, network, port.chassis === null ? "-" : printable(port.chassis)];
      };
      yield { id, packets: rxPackets + txPackets, bytes: rxBytes + txBytes, received: rxBytes, cells };
    }
  },
};

const tunnels: TopKind = {
  title: "tunnels",
  key: "t",
  isTwoWay: false,
  headings: ({ named }) => (named ? ["FROM", "TO", "SOURCE", "DESTINATION"] : ["SOURCE", "DESTINATION"]),
  *counted({ tunnels }, { named }) {
    for (const { source, destination, sourceChassis, destinationChassis, packets, bytes } of tunnels) {
      const cells = () => [
        ...(named ? [printable(sourceChassis ?? "?"), printable(destinationChassis ?? "?")] : []),
        source,
        destination,
      ];
      yield { id: `${source} ${destination}`, packets, bytes, received: 0, cells };
    }
  },
};

const datapaths: TopKind = {
  title: "datapaths",
  key: "d",
  isTwoWay: false,
  headings: ({ named }) => (named ? ["DATAPATH", "KIND", "VNI"] : ["VNI"]),
  *counted({ datapaths }, naming) {
    for (const { datapathKey, name, friendly, kind, packets, bytes } of datapaths) {
      const cells = () =>
        naming.named
          ? [nameOf(name, friendly, datapathKey, naming), kind ?? "?", `${datapathKey}`]
          : [`${datapathKey}`];
      yield { id: JSON.stringify([datapathKey, name]), packets, bytes, received: 0, cells };
    }
  },
};

/** In the order in which Tab goes through them. */
export const TOP_KINDS: readonly TopKind[] = [flows, ports, tunnels, datapaths];

/** A thing's name, or its key: behind a question mark where it ought to have a name. Egress key 0 stands for no port. */
function nameOf(
  logical: string | null,
  friendly: FriendlyName | null | undefined,
  key: number,
  { named, names }: TopNames,
): string {
  if (!named) return `${key}`;
  const name = label(logical, friendly, names);
  if (name === null) return key === 0 ? "-" : `? (key ${key})`;
  return name === "" ? '""' : name;
}

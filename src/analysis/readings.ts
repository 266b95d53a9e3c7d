/* The ways to read an inner frame without its tunnel's header, by where its MACs can be. */
import { entryOf } from "../southbound/entry.js";
import type { Datapath, Port, Stations } from "../southbound/index.js";

/** Readings put together at most; of more, IP addresses are not asked. */
export const MOST_TRIED = 64;

/** One way to read an inner frame: what the header of its tunnel would say. */
export interface Reading {
  readonly datapath: Datapath;
  /** Null where it is not known: no port of the datapath has the MAC, or the frame comes from within a router. */
  readonly inport: Port | null;
  /** Null where no port of the datapath has the MAC, and for a frame to a group. */
  readonly outport: Port | null;
}

/** The first MOST_TRIED readings, and how many there are. */
export interface Readings {
  readonly readings: readonly Reading[];
  readonly count: number;
}

/**
 * What a frame can be that comes from one MAC and goes to another; `to` null: to a group. Where a datapath has both,
 * it is there; else it is in any that has one of them, the other belonging to a machine that OVN does not know.
 */
export function readingsBetween(from: Stations, to: Stations | null): Readings {
  const readings: Reading[] = [];
  let count = 0;
  const add = (datapath: Datapath | null, inport: Port | null, outport: Port | null): void => {
    if (datapath !== null && ++count <= MOST_TRIED) readings.push({ datapath, inport, outport });
  };
  if (to !== null) {
    const outports = new Map<number, Port[]>();
    for (const port of [...to.ports, ...to.redirects])
      if (!isRouters(port)) entryOf(outports, port.datapathKey, () => []).push(port);
    for (const inport of from.ports) {
      const there = outports.get(inport.datapathKey) ?? [];
      for (const outport of there.slice(0, MOST_TRIED)) add(inport.datapath, inport, outport);
      count += Math.max(0, there.length - MOST_TRIED);
    }
  }
  if (count === 0) {
    for (const inport of from.ports) add(inport.datapath, inport, null);
    for (const outport of to?.ports ?? []) add(outport.datapath, null, outport);
  }
  for (const outport of from.redirects) if (isRouters(outport)) add(outport.datapath, null, outport);
  return { readings: readings.sort((a, b) => a.datapath.tunnelKey - b.datapath.tunnelKey), count };
}

/** The same, of a frame that a port's own device shows: it is from or to that port, or at least in its datapath. */
export function readingsAt(port: Port, from: Stations, to: Stations | null): Readings {
  const within = ({ ports, redirects, ...hold }: Stations): Stations => ({
    ports: ports.filter(({ datapathKey }) => datapathKey === port.datapathKey),
    redirects: redirects.filter(({ datapathKey }) => datapathKey === port.datapathKey),
    ...hold,
  });
  const all = readingsBetween(within(from), to && within(to));
  const own = all.readings.filter(
    ({ inport, outport }) => inport?.uuid === port.uuid || outport?.uuid === port.uuid,
  );
  if (own.length > 0) return { readings: own, count: own.length };
  if (all.count > 0 || port.datapath === null) return all;
  return { readings: [{ datapath: port.datapath, inport: null, outport: null }], count: 1 };
}

function isRouters(port: Port): boolean {
  return port.datapath?.kind === "router";
}

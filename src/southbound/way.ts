/*
 * The way of packets between two logical ports, as far as it follows from what is bound to what: routers may have
 * routes and policies of their own, which the southbound has as flows only.
 */
import type { Inventory } from "./inventory.js";
import type { Datapath, Port } from "./model.js";

/** How packets come to a port. */
export interface Way {
  /** The port by which they come into the last datapath, whose key they carry through the tunnel. */
  readonly inport: Port;
  /** The ports by which they leave the routers on the way, the last router's first; none within one datapath. */
  readonly routers: readonly Port[];
}

/** Why there is no one way. */
export type NoWay = "unconnected" | "gateway" | "several";

/** A datapath that leads to the last one; `way` is null of the last one itself, or where there are several. */
interface Reached {
  readonly datapath: Datapath;
  way: Way | null;
}

/**
 * The way from the port `from` into the datapath `to`, through routers that every chassis has: the packets then
 * travel between the chassis in that datapath. Through a gateway they travel to its chassis, in others.
 */
export function wayInto(inventory: Inventory, from: Port, to: Datapath, at: number): Way | NoWay {
  if (from.datapath === null) return "unconnected";
  if (from.datapath.uuid === to.uuid) return { inport: from, routers: [] };
  const seen = new Set([to.uuid]);
  let hasGateway = false;
  for (let last: Reached[] = [{ datapath: to, way: null }]; last.length > 0; ) {
    const next = new Map<string, Reached>();
    for (const { datapath, way } of last)
      for (const port of inventory.ports(at, datapath.tunnelKey)) {
        const peer = peerOf(inventory, port, at);
        if (peer === null || seen.has(peer.datapath.uuid)) continue;
        if (isGateway(port) || isGateway(peer)) {
          hasGateway = true;
          continue;
        }
        const other = next.get(peer.datapath.uuid);
        if (other !== undefined) other.way = null;
        else
          next.set(peer.datapath.uuid, {
            datapath: peer.datapath,
            way: through(port, peer, datapath, to, way),
          });
      }
    const found = next.get(from.datapath.uuid);
    if (found !== undefined) return found.way ?? "several";
    for (const uuid of next.keys()) seen.add(uuid);
    last = [...next.values()];
  }
  return hasGateway ? "gateway" : "unconnected";
}

/** The way from the other end of `port`, which is of `datapath`, where the rest of it is `way`. */
function through(port: Port, peer: Port, datapath: Datapath, to: Datapath, way: Way | null): Way | null {
  if (way === null && datapath.uuid !== to.uuid) return null;
  const { inport, routers } = way ?? { inport: port, routers: [] };
  return { inport, routers: peer.datapath?.kind === "router" ? [...routers, peer] : routers };
}

/** The port at the other end, if that names this one as its own peer. */
export function peerOf(inventory: Inventory, port: Port, at: number): (Port & { datapath: Datapath }) | null {
  const peer = port.peer === null ? null : inventory.portByName(port.peer, at);
  if (peer === null || peer.peer !== port.name || peer.datapath === null) return null;
  return peer as Port & { datapath: Datapath };
}

/** Whether packets through the port go to one chassis: that of a gateway router, or of a distributed gateway port. */
function isGateway({ type, options }: Port): boolean {
  return type === "l3gateway" || options.has("chassis-redirect-port");
}

/* What a port is, in words. */
import type { Port } from "../southbound/index.js";
import { printable } from "../text.js";

/** `""` is a VIF, a VM's or container's own interface. */
export function typeText(type: string): string {
  return type === "" ? "vif" : printable(type);
}

/** What a port is to other ports, and whether it is not up: `peer router1-net1`, `down`. */
export function remarks(port: Port): string[] {
  const list: string[] = [];
  const relation = (word: string, name: string | null | undefined) => {
    if (name) list.push(`${word} ${printable(name)}`);
  };
  relation("peer", port.peer);
  relation("of", port.distributedPort);
  relation("network", port.options.get("network_name"));
  relation("in", port.parentPort);
  relation("virtual parent", port.virtualParent);
  if (port.requestedChassis !== null && port.requestedChassis.name !== port.chassis?.name)
    relation("requested on", port.requestedChassis.name);
  if (port.chassis !== null && port.up === false) list.push("down");
  return list;
}

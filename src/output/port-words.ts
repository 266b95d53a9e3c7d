/* What a port is, in words. */
import type { Port, Resolution } from "../southbound/index.js";
import { printable, quoted } from "../text.js";

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

/** A hop in ovn-trace's words; `?` for what has no name. `hasInport` false: nothing is said of the ingress port. */
export function traceWords({ datapath, inport, outport }: Resolution, hasInport = true): string {
  const word = (role: string, entity: { readonly name: string | null } | null): string =>
    `${role}=${entity?.name == null ? "?" : quoted(entity.name)}`;
  const words = [
    word("dp", datapath),
    ...(hasInport ? [word("inport", inport)] : []),
    word("outport", outport),
  ];
  return `egress(${words.join(", ")})`;
}

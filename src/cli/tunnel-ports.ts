import { type TunnelPorts, USUAL_PORTS } from "../frame/other-tunnels.js";
import type { PortOptions } from "./options.js";

/**
 * Ports that tunnels are told by: those that flags say, else the usual ones and all that the southbound mentions. A
 * port that is VXLAN's because somebody says so is not Geneve's by default.
 */
export function portsOf(
  { genevePort, vxlanPort }: PortOptions,
  mentioned: (type: keyof TunnelPorts) => readonly number[],
): TunnelPorts {
  const all = (type: keyof TunnelPorts): Set<number> => new Set([...USUAL_PORTS[type], ...mentioned(type)]);
  const vxlan = vxlanPort === undefined ? all("vxlan") : new Set(vxlanPort);
  const geneve =
    genevePort === undefined
      ? new Set([...all("geneve")].filter((port) => vxlanPort?.includes(port) !== true))
      : new Set(genevePort);
  return { geneve, vxlan, stt: all("stt") };
}

import type { Chassis } from "./model.js";

/**
 * What the chassis at an outer address is to VXLAN. A stranger: no chassis has the address, or the one that has it has
 * no Encap of VXLAN. A VTEP gateway's tunnels carry a datapath key alone.
 */
export function vxlanEnd(chassis: Chassis | null): "hypervisor" | "vtep" | "stranger" {
  if (chassis === null || !chassis.encaps.some(({ type }) => type === "vxlan")) return "stranger";
  return chassis.isVtep ? "vtep" : "hypervisor";
}

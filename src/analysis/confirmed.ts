/* The exact keys of an inner frame: what the datapath's flows tell, as far as the southbound agrees. */
import { egressOf, ingressOf } from "../wire/ovn-option.js";
import type { Correlation } from "./correlator.js";
import type { FlowHeaders } from "./flow-keys.js";
import type { Reading } from "./readings.js";
import { type TunnelHeader, type TunnelHeaders, tunnelHeaders } from "./tunnel-header.js";

/**
 * The headers of flows that a frame had, as far as its readings agree; null where that cannot be said. A flow between
 * its MACs must not contradict all of its readings; one that does not look at a MAC must agree with a reading that knows
 * both ports.
 */
export function confirmed(
  { pinned, loose }: FlowHeaders,
  { readings, count }: Correlation,
): TunnelHeaders | null {
  const isSilent = count === 0 || count > readings.length;
  const sure = pinned.filter((header) => isSilent || readings.some((reading) => agrees(header, reading)));
  if (sure.length > 0) return tunnelHeaders(sure);
  const known = readings.filter(({ inport, outport }) => inport !== null && outport !== null);
  return tunnelHeaders(
    loose.filter((header) => header.ovnKeys !== null && known.some((reading) => agrees(header, reading))),
  );
}

/** Whether a header is possible by a reading, as far as both know. */
export function agrees({ vni, ovnKeys }: TunnelHeader, { datapath, inport, outport }: Reading): boolean {
  if (vni !== datapath.tunnelKey) return false;
  if (ovnKeys === null) return true;
  const ingress = ingressOf(ovnKeys);
  return (
    (inport === null || ingress === 0 || inport.tunnelKey === ingress) &&
    (outport === null || outport.tunnelKey === egressOf(ovnKeys))
  );
}

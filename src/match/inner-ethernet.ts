/* Where the Ethernet header of the tunnelled packet is. */
import { FrameFlag } from "../frame/columns.js";
import { ETHERNET_HEADER_BYTES } from "../wire/ethernet.js";
import { EtherType } from "../wire/ethertype.js";
import { GeneveOffset } from "../wire/geneve-fields.js";

// A module's own constants are compiled in; what is imported, or a property, is looked up at each use.
const OAM = FrameFlag.oam;
const USUAL = FrameFlag.usual;
const BRIDGED = EtherType.bridged;
const PROTOCOL_TYPE = GeneveOffset.protocolType;

const HEADER_BYTES = ETHERNET_HEADER_BYTES;

/** The offset of a packet's inner Ethernet header, by its columns; -1 where there is none, or not all of it. */
export function ethernetAt(view: DataView, flag: number, geneve: number, inner: number, end: number): number {
  if (inner < 0 || inner + HEADER_BYTES > end || (flag & OAM) !== 0) return -1;
  // Geneve alone says what it carries; other tunnels, and bare frames, are Ethernet.
  const isEthernet = (flag & USUAL) !== 0 || geneve < 0 || view.getUint16(geneve + PROTOCOL_TYPE) === BRIDGED;
  return isEthernet ? inner : -1;
}

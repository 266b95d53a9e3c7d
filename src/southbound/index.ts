/** genevescope/southbound: what the keys in a packet mean, as of the packet's time. */

export { Inventory } from "./inventory.js";
export type * from "./model.js";
export { openSouthbound } from "./open.js";
export { SouthboundError, type SouthboundErrorCode } from "./ovsdb/error.js";
export type { SourceDescription } from "./ovsdb/sink.js";

/** genevescope/southbound: what the keys in a packet mean, as of the packet's time. */
export { SouthboundError, type SouthboundErrorCode } from "./error.js";
export { Inventory, type InventoryOptions } from "./inventory.js";
export type * from "./model.js";
export { openSouthbound } from "./open.js";

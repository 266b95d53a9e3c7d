/** genevescope/southbound: what the keys in a packet mean, as of the packet's time. */

export { type KeyHolder, type PortEvent, type PortEventKind, portEncaps } from "./events.js";
export type { FriendlyName, NamingSystem } from "./friendly.js";
export { Inventory } from "./inventory.js";
export type { DatapathNames, KnownNames, PortNames } from "./known-names.js";
export type * from "./model.js";
export { type FollowedSouthbound, followSouthbound, openSouthbound } from "./open.js";
export { type NameSources, openKnownNames } from "./open-names.js";
export { SouthboundError, type SouthboundErrorCode } from "./ovsdb/error.js";
export type { DatabaseLink, FollowOptions, LinkState } from "./ovsdb/follow.js";
export type { SourceDescription } from "./ovsdb/sink.js";
export { type SnapshotSource, saveSnapshot } from "./snapshot.js";

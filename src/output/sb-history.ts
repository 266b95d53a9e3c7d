/*
 * What `sb history` tells: the events of a port or of a key's holders, for both forms.
 */
import {
  type Encap,
  type Inventory,
  type KeyHolder,
  type PortEvent,
  portEncaps,
} from "../southbound/index.js";

export interface PortHistory {
  readonly kind: "port";
  readonly name: string;
  readonly events: readonly PortEvent[];
  readonly inventory: Inventory;
}

export interface KeyHistory {
  readonly kind: "key";
  readonly datapathKey: number;
  readonly key: number;
  readonly holders: readonly KeyHolder[];
  readonly events: readonly PortEvent[];
  readonly inventory: Inventory;
}

/** The tunnel end points of the chassis that an event is about: those for this port, where one is prescribed. */
export function eventEncaps({ subject, before, chassis }: PortEvent): readonly Encap[] {
  for (const port of [subject, before])
    if (port?.kind === "port" && chassis !== null && port.chassis?.uuid === chassis.uuid)
      return portEncaps(port);
  return chassis?.encaps ?? [];
}

import type { CaptureInterface, PacketBatch } from "../capture/batch.js";
import type { Rewrite } from "../encode/rewrite.js";
import type { FrameBatch } from "../frame/columns.js";
import { LinkType } from "../wire/linktype.js";
import type { PacketGroups } from "./packet-groups.js";

/** Puts each packet, an Ethernet frame, on an interface of the group that it belongs to. */
export class GroupInterfaces implements Rewrite {
  readonly interfaces: CaptureInterface[] = [];
  readonly #groups: PacketGroups;

  constructor(groups: PacketGroups) {
    this.#groups = groups;
  }

  rewrite(packets: PacketBatch, frames: FrameBatch, rows: Int32Array, count: number): number {
    const { interfaceIndex } = packets;
    for (let row = 0; row < count; row++) {
      const i = rows[row];
      interfaceIndex[i] = this.#groups.of(packets, frames, i);
    }
    const { groups } = this.#groups;
    for (let index = this.interfaces.length; index < groups.length; index++) {
      const { name, description } = groups[index];
      this.interfaces.push({ linkType: LinkType.ETHERNET, name, snapLength: 0, description });
    }
    return count;
  }
}

/* A device that the npm package cap captures from, seen as one of the addon's. */
import type {
  NativeCounts,
  NativeDevice,
  NativeFault,
  NativeFilled,
  NativeOpened,
  NativeOptions,
} from "../native.js";
import { deviceState } from "./cap-package.js";
import { CapRecords } from "./cap-records.js";

/** Where a Cap is: in this process, or in one of its own. */
export interface CapLink {
  /**
   * Opens, and returns the LINKTYPE_ number and how many bytes of a packet are kept at most; or rejects with a
   * {@link NativeFault}. `changed` is called when there are records, or the end.
   */
  open(changed: () => void): Promise<{ linkType: number; longest: number }>;
  /** Records, cut anywhere; null where none have come. */
  read(): Buffer | null;
  /** What ended it, once it has ended and all records are read: a fault, or that it was stopped. */
  readonly end: NativeFault | "ended" | null;
  /** Packets that came and had no room. */
  readonly lost: number;
  /** Ends behind what has come. */
  stop(): void;
  close(): Promise<void>;
}

export class CapDevice implements NativeDevice {
  readonly #options: NativeOptions;
  readonly #link: CapLink;
  readonly #records: CapRecords;
  readonly #blocks: Uint8Array<ArrayBuffer>[];
  #given = 0;
  #isClosed = false;
  #changed = (): void => {};

  constructor(options: NativeOptions, link: CapLink) {
    this.#options = options;
    this.#link = link;
    this.#records = new CapRecords(() => link.read());
    this.#blocks = [0, 1].map(() => new Uint8Array(options.blockBytes));
  }

  async open(): Promise<NativeOpened> {
    const { linkType, longest } = await this.#link.open(() => this.#changed());
    const snapBytes = Math.min(this.#options.snapBytes, longest);
    return { linkType, snapBytes, blocks: this.#blocks };
  }

  async read(block: 0 | 1): Promise<NativeFilled | "ended"> {
    while (!this.#isClosed) {
      const filled = this.#records.fill(this.#blocks[block]);
      this.#given += filled.packets;
      if (filled.packets > 0) return filled;
      const { end } = this.#link;
      if (end === "ended") break;
      if (end !== null) throw end;
      await new Promise<void>((resolve) => {
        this.#changed = resolve;
      });
    }
    return "ended";
  }

  stop(): void {
    this.#link.stop();
  }

  counts(): NativeCounts {
    return { received: this.#given + this.#link.lost, dropped: null, droppedByDevice: null };
  }

  presence(): "up" | "down" | "gone" {
    return deviceState(this.#options.device) ?? "up";
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#changed();
    await this.#link.close();
  }
}

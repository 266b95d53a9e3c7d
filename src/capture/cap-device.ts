/* A device that the npm package cap captures from, seen as one of the addon's. */
import type {
  NativeBlock,
  NativeCounts,
  NativeDevice,
  NativeFault,
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
  readonly #blocks: NativeBlock[];
  #given = 0;
  #isClosed = false;
  #changed = (): void => {};

  constructor(options: NativeOptions, link: CapLink) {
    this.#options = options;
    this.#link = link;
    this.#records = new CapRecords(() => link.read());
    this.#blocks = [newBlock(options), newBlock(options)];
  }

  async open(): Promise<NativeOpened> {
    const { linkType, longest } = await this.#link.open(() => this.#changed());
    const snapBytes = Math.min(this.#options.snapBytes, longest);
    return { linkType, snapBytes, blocks: this.#blocks };
  }

  async read(block: 0 | 1): Promise<number | "ended"> {
    while (!this.#isClosed) {
      const count = this.#records.fill(this.#blocks[block]);
      this.#given += count;
      if (count > 0) return count;
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

function newBlock({ blockBytes, capacity }: NativeOptions): NativeBlock {
  return {
    bytes: new Uint8Array(blockBytes),
    offset: new Int32Array(capacity),
    capturedBytes: new Int32Array(capacity),
    originalBytes: new Float64Array(capacity),
    tsSec: new Float64Array(capacity),
    tsNsec: new Int32Array(capacity),
  };
}

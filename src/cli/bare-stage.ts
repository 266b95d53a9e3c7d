import { BareKeys } from "../analysis/bare-keys.js";
import { Correlator } from "../analysis/correlator.js";
import { Namer } from "../analysis/namer.js";
import type { CaptureInterface, CaptureSource, PacketBatch } from "../capture/index.js";
import type { LiveSource } from "../capture/live.js";
import { type FrameBatch, KeysFrom } from "../frame/columns.js";
import { grouped } from "../output/table.js";
import { quoted, shown } from "../text.js";
import type { BareDevices } from "./bare-devices.js";
import { DatapathFlows } from "./datapath-flows.js";
import type { Report } from "./following.js";
import { HeldFrames } from "./held-frames.js";
import type { Naming } from "./names.js";
import type { BareStage } from "./read.js";
import type { Run } from "./run.js";

/** Fills in the keys of a source's bare frames. */
export class LiveBareStage implements BareStage {
  readonly keys: BareKeys;
  /** Where the packets are to be taken from. */
  readonly source: CaptureSource;
  readonly #interfaces: readonly CaptureInterface[];
  readonly #devices: BareDevices;
  /** Devices that are captured from for keys alone. */
  readonly #underlay: readonly string[];
  readonly #held: HeldFrames | null;
  readonly #flows: DatapathFlows | null;
  readonly #report: Report;
  readonly #naming: Naming;
  readonly #namer: Namer | null;
  readonly #correlators = new Map<string | null, Correlator>();

  /** `devices`: those of `live` that show bare frames. `isExact`: what others show is for the keys of these. */
  constructor(run: Run, live: LiveSource, devices: BareDevices, isExact: boolean) {
    const { inventory, at, known } = run.naming;
    this.#naming = run.naming;
    this.#report = run.report;
    this.#devices = devices;
    this.#interfaces = live.interfaces;
    this.#namer = inventory === null ? null : new Namer(inventory, at, known);
    this.#underlay = isExact
      ? live.counts().flatMap(({ device }) => (devices.has(device) ? [] : [device]))
      : [];
    this.#flows = isExact ? new DatapathFlows(run.report) : null;
    this.#held = isExact
      ? new HeldFrames({
          source: live,
          decoder: run.decoder,
          isBare: (index) => this.isBare(index),
          hasUnderlay: this.#underlay.length > 0,
          flows: this.#flows,
        })
      : null;
    this.source = this.#held ?? live;
    this.keys = new BareKeys(
      (index) => this.#correlator(this.#interfaces[index].name),
      () => this.#flows?.dumps ?? [],
    );
  }

  isBare(interfaceIndex: number): boolean {
    const { name } = this.#interfaces[interfaceIndex];
    return name !== null && this.#devices.has(name);
  }

  fill(packets: PacketBatch, frames: FrameBatch): void {
    this.keys.fill(packets, frames, this.#held?.twins);
  }

  #correlator(device: string | null): Correlator | null {
    const { inventory, at } = this.#naming;
    if (inventory === null || this.#namer === null) return null;
    const known = this.#correlators.get(device);
    if (known !== undefined) return known;
    const port = device === null ? null : (this.#devices.get(device) ?? null);
    const correlator = new Correlator(inventory, at, this.#namer, port);
    this.#correlators.set(device, correlator);
    return correlator;
  }

  /** Says what there is to know of such devices. */
  async reportBegin(): Promise<void> {
    const underlay = this.#underlay;
    const ways = [
      ...(underlay.length > 0
        ? [`the same frames on ${underlay.map((device) => shown(device)).join(", ")}`]
        : []),
      ...(this.#flows !== null ? ["the datapath's flows"] : []),
      ...(this.#namer !== null ? ["MAC and IP addresses"] : []),
    ];
    const told =
      ways.length === 0
        ? "nothing tells keys and ports without --sb"
        : `keys and ports are told by ${ways.join(", else by ")}`;
    for (const [device, port] of this.#devices)
      await this.#report(
        port === null
          ? `${shown(device)}: its frames have no tunnel headers; ${told}`
          : `${shown(device)}: the device of the logical port ${quoted(port)}, its frames have no tunnel headers; ${told}`,
      );
  }

  /** Says what the keys came from. */
  async reportEnd(): Promise<void> {
    const { counts } = this.keys;
    const frames = counts.reduce((sum, count) => sum + count, 0);
    if (frames === 0) return;
    const parts = TOLD.filter(([from]) => counts[from] > 0).map(
      ([from, words]) => `${grouped(counts[from])} ${words}`,
    );
    await this.#report(`${grouped(frames)} frames without tunnel headers; their keys: ${parts.join(", ")}`);
    const { cut, hurried, dropped } = this.#held?.counts ?? { cut: 0, hurried: 0, dropped: 0 };
    if (cut > 0)
      await this.#report(
        `${grouped(cut)} frames were captured in part (--snap-length), here or on the underlay: of them nobody can say that they are the same`,
      );
    if (hurried + dropped > 0)
      await this.#report(
        `there were too many frames to wait for their twins: ${grouped(hurried)} were shown early, ${grouped(dropped)} of the underlay passed over`,
      );
  }

  async close(): Promise<void> {
    this.#flows?.stop();
    await this.source.close();
  }
}

const TOLD: readonly (readonly [from: number, words: string])[] = [
  [KeysFrom.underlay, "from the underlay"],
  [KeysFrom.flow, "from flows"],
  [KeysFrom.addresses, "by addresses"],
  [KeysFrom.several, "with several possible"],
  [KeysFrom.nothing, "unknown"],
];

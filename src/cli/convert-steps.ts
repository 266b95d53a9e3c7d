import type { Namer } from "../analysis/namer.js";
import type { CaptureInterface } from "../capture/batch.js";
import { Decapsulation } from "../encode/decapsulate.js";
import type { Rewrite } from "../encode/rewrite.js";
import { grouped } from "../output/table.js";
import { LinkType } from "../wire/linktype.js";
import type { ConvertOptions, WrittenFormat } from "./convert-options.js";
import { PortInterfaces } from "./port-interfaces.js";

/** What becomes of packets between the capture that is read and the one that is written. */
export interface ConvertSteps {
  readonly rewrites: readonly Rewrite[];
  /** Interfaces of what is written; null: the source's. */
  readonly interfaces: readonly CaptureInterface[] | null;
  /** What was left out, a line each. */
  leftOut(): string[];
}

/** The steps that the flags ask for. */
export function stepsOf(options: ConvertOptions, format: WrittenFormat, namer: Namer | null): ConvertSteps {
  const rewrites: Rewrite[] = [];
  const leftOut: (() => string[])[] = [];
  let interfaces: readonly CaptureInterface[] | null = null;
  if (options.decapsulate === true) {
    if (format === "pcapng") {
      const ports = new PortInterfaces(namer, options.names || "logical");
      rewrites.push(ports);
      interfaces = ports.interfaces;
    } else interfaces = [{ linkType: LinkType.ETHERNET, name: null, snapLength: 0 }];
    const decapsulation = new Decapsulation();
    rewrites.push(decapsulation);
    leftOut.push(() => leftLines(decapsulation));
  }
  return { rewrites, interfaces, leftOut: () => leftOut.flatMap((lines) => lines()) };
}

/** `13 packets have no inner frame to write: 10 not Geneve, 3 fragments of tunnel packets`. */
function leftLines({ leftOut }: Decapsulation): string[] {
  const packets = leftOut.reduce((sum, each) => sum + each.packets, 0);
  if (packets === 0) return [];
  const reasons = leftOut.map((each) => `${grouped(each.packets)} ${each.why}`).join(", ");
  return [
    `${packets === 1 ? "1 packet has" : `${grouped(packets)} packets have`} no inner frame to write: ${reasons}`,
  ];
}

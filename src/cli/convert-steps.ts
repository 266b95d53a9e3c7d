import { Namer } from "../analysis/namer.js";
import type { CaptureInterface } from "../capture/batch.js";
import { AddressMap } from "../encode/address-map.js";
import { Anonymization } from "../encode/anonymize.js";
import { Decapsulation } from "../encode/decapsulate.js";
import { Encapsulation } from "../encode/encapsulate.js";
import type { Rewrite } from "../encode/rewrite.js";
import { PayloadStrip } from "../encode/strip.js";
import { Truncation } from "../encode/truncate.js";
import { grouped } from "../output/table.js";
import { LinkType } from "../wire/linktype.js";
import type { Annotator } from "./annotator.js";
import type { ConvertOptions, WrittenFormat } from "./convert-options.js";
import { CliError } from "./fault.js";
import { GroupInterfaces } from "./group-interfaces.js";
import { PacketGroups } from "./packet-groups.js";
import { packetCount } from "./packet-output.js";
import type { Run } from "./run.js";
import { MOST_FILES } from "./split-output.js";
import { outerTunnel } from "./tunnel-argument.js";
import { checkAnnotated, MOST_INTERFACES } from "./written-file.js";

/** What becomes of packets between the capture that is read and the one that is written. */
export interface ConvertSteps {
  readonly rewrites: readonly Rewrite[];
  /** What packets are told apart by that are written into files of their own; null: all are in one. */
  readonly split: PacketGroups | null;
  /** What puts comments on packets; null: none have any. */
  readonly annotator: Annotator | null;
  /** Interfaces of what is written; null: the source's. */
  readonly interfaces: readonly CaptureInterface[] | null;
  /** What was left out, a line each. */
  leftOut(): string[];
}

/** The steps that the flags ask for. */
export async function stepsOf(
  { naming, decoder }: Run,
  options: ConvertOptions,
  format: WrittenFormat,
): Promise<ConvertSteps> {
  const names = options.names || "logical";
  const { inventory, at, known } = naming;
  if (options.encapsulate === true && (options.decapsulate || options.annotate || options.split))
    throw new CliError(
      "--encapsulate takes frames without tunnels; --decapsulate, --annotate and --split are about packets with one",
    );
  // What packets are named by in a capture that is to be shared are their keys.
  const isNamed = inventory !== null && options.anonymize === undefined;
  const namer = isNamed ? new Namer(inventory, at, known) : null;
  const rewrites: Rewrite[] = [];
  const leftOut: (() => string[])[] = [];
  let interfaces: readonly CaptureInterface[] | null = null;
  // Headers are where the source had them: that comes before packets are taken out of their tunnels.
  if (options.stripPayload === true) rewrites.push(new PayloadStrip(decoder.ports));
  if (options.anonymize !== undefined) {
    if (options.annotate || options.encapsulate)
      throw new CliError(
        "--anonymize: give --annotate or --encapsulate in a second step, with the southbound of --anonymized-sb",
      );
    const { anonymizeKey, saveAnonymous } = await import("./anonymizing.js");
    const key = await anonymizeKey(options.anonymize);
    const map = new AddressMap(key);
    if (options.anonymizedSb !== undefined) await saveAnonymous(naming, key, map, options.anonymizedSb);
    const anonymization = new Anonymization(map, decoder.ports);
    rewrites.push(anonymization);
    interfaces = anonymization.interfaces;
    leftOut.push(() => unreadLines(anonymization));
  } else if (options.anonymizedSb !== undefined) throw new CliError("--anonymized-sb is for --anonymize");
  if (options.decapsulate === true) {
    const decapsulation = new Decapsulation();
    rewrites.push(decapsulation);
    if (format === "pcapng") {
      const ports = new GroupInterfaces(new PacketGroups("port", namer, names, MOST_INTERFACES));
      rewrites.push(ports);
      interfaces = ports.interfaces;
    } else interfaces = [{ linkType: LinkType.ETHERNET, name: null, snapLength: 0 }];
    leftOut.push(() => leftLines(decapsulation));
  }
  if (options.encapsulate === true) {
    const encapsulation = new Encapsulation(outerTunnel(options, naming));
    rewrites.push(encapsulation);
    interfaces = encapsulation.interfaces;
    leftOut.push(() => unfitLines(encapsulation));
  } else if (options.tunnel !== undefined || options.encap !== undefined)
    throw new CliError(`--${options.tunnel === undefined ? "encap" : "tunnel"} is for --encapsulate`);
  if (options.snapLength !== undefined) rewrites.push(new Truncation(options.snapLength));
  let annotator: Annotator | null = null;
  if (options.annotate === true) {
    checkAnnotated(format);
    const { Annotator } = await import("./annotator.js");
    annotator = new Annotator(namer, decoder, names);
  }
  const split =
    options.split === undefined ? null : new PacketGroups(options.split, namer, names, MOST_FILES);
  return { rewrites, split, annotator, interfaces, leftOut: () => leftOut.flatMap((lines) => lines()) };
}

/** `13 packets have no inner frame to write: 10 not in a tunnel, 3 fragments of tunnel packets`. */
function leftLines({ leftOut }: Decapsulation): string[] {
  const packets = leftOut.reduce((sum, each) => sum + each.packets, 0);
  if (packets === 0) return [];
  const reasons = leftOut.map((each) => `${grouped(each.packets)} ${each.why}`).join(", ");
  return [`${packetCount(packets)} ${packets === 1 ? "has" : "have"} no inner frame to write: ${reasons}`];
}

function unfitLines({ notEthernet, tooLarge }: Encapsulation): string[] {
  const lines: string[] = [];
  if (notEthernet > 0) lines.push(`left out, for they are no Ethernet frames: ${packetCount(notEthernet)}`);
  if (tooLarge > 0) lines.push(`left out, for no tunnel's packet is that large: ${packetCount(tooLarge)}`);
  return lines;
}

function unreadLines({ unread }: Anonymization): string[] {
  if (unread === 0) return [];
  return [
    `left out, for not all their headers are read here and there may be addresses in them: ${packetCount(unread)}`,
  ];
}

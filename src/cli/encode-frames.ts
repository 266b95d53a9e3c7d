/* Frames from the flags that describe them. */
import { openCapture } from "../capture/index.js";
import { buildFrame, type FrameBuilder, frameBuilder, type OuterHeaders } from "../encode/build.js";
import { buildInner, type InnerFields } from "../encode/inner.js";
import { encapKinds, type InnerKind } from "../encode/kinds.js";
import type { EncodedPacket, Moment } from "../encode/packet.js";
import { shown } from "../text.js";
import { canonicalAddress, ipVersion } from "../wire/address.js";
import { WireError } from "../wire/error.js";
import { LinkType } from "../wire/linktype.js";
import { BROADCAST, type KnownTunnel, knownTunnel } from "./encode-names.js";
import type { FrameOptions } from "./encode-options.js";
import { CliError } from "./fault.js";
import { filterTime } from "./time-argument.js";
import { encapPorts, type TunnelEnd } from "./tunnel-ends.js";

/** MAC addresses that nobody has been given: the second bit says so (IEEE 802c). */
const SOURCE_MAC = "02:00:00:00:00:01";
const DESTINATION_MAC = "02:00:00:00:00:02";
const TTL = 64;
/** The first of the ports that are given to whoever asks (RFC 6335), and that of the echo service. */
const SOURCE_PORT = 49152;
const DESTINATION_PORT = 7;
const ECHO_BYTES = 56;
const INTERVAL_MS = 1000;
/** Frames made at once. */
const GROUP = 256;

/** Ends of the link that frames are sent on, where it says more than the flags. */
export interface LinkMacs {
  source: string;
  /** The neighbour through whom an address is reached. */
  destination(address: string): Promise<string>;
}

/**
 * The frames, together as they are made: `count` of them at least (default: one to each end), or with --inner-pcap
 * those of the capture. `link`: where they are sent.
 */
export async function* framePackets(
  options: FrameOptions,
  count: number | undefined,
  link: LinkMacs | null,
): AsyncGenerator<EncodedPacket[]> {
  const known = await knownTunnel(options);
  const { vni, keys } = known;
  if (vni === null)
    throw new CliError("--vni is missing; or give --datapath, or names as --inport and --outport");
  const build = builderOf(options, vni, keys);
  const tunnels = await tunnelsOf(options, known, link);
  for await (const inners of innerFrames(
    options,
    known,
    count === undefined ? 1 : Math.ceil(count / tunnels.length),
  ))
    yield* tunnelled(inners, tunnels, build);
}

/** The packets of a group; where one cannot be made, those before it, and then why. */
function* tunnelled(
  inners: readonly InnerFrame[],
  tunnels: readonly OuterHeaders[],
  build: FrameBuilder,
): Generator<EncodedPacket[]> {
  const packets: EncodedPacket[] = [];
  for (const { bytes: inner, which, sec, nsec } of inners)
    try {
      for (const outer of tunnels) {
        const bytes = build(outer, inner);
        const { length } = bytes;
        packets.push({
          bytes,
          sec,
          nsec,
          originalBytes: length,
          linkType: LinkType.ETHERNET,
          interface: null,
        });
      }
    } catch (error) {
      if (packets.length > 0) yield packets;
      if (which === undefined || !(error instanceof WireError)) throw error;
      throw new CliError(`${which}: ${error.message}`, { cause: error });
    }
  yield packets;
}

function builderOf(options: FrameOptions, vni: number, keys: KnownTunnel["keys"]): FrameBuilder {
  const { encap, option = [], oam = false, corrupt = null } = options;
  if (encap === "geneve") {
    const contents = { vni, keys, options: option, oam };
    return (outer, inner) => buildFrame(outer, contents, inner, corrupt);
  }
  for (const name of ["option", "oam", "corrupt"] as const)
    if (options[name] !== undefined)
      throw new CliError(`--${name} is for Geneve, not for ${encapKinds[encap]}`);
  if (encap === "stt" && !options.outerChecksum)
    throw new CliError("--no-outer-checksum is for UDP; STT has the checksum of TCP");
  return frameBuilder(encap, { vni, keys });
}

/** What is around each frame, once for each end that it goes to. */
async function tunnelsOf(
  options: FrameOptions,
  known: KnownTunnel,
  link: LinkMacs | null,
): Promise<OuterHeaders[]> {
  const { outerDst, outerSrc } = options;
  const asked: TunnelEnd[] = outerDst === undefined ? [...known.ends] : [endAt(outerDst, known)];
  if (asked.length === 0) throw missing("--outer-dst", "or --outport by name");
  const tunnels: OuterHeaders[] = [];
  for (const { address: destination, port, checksum } of asked) {
    const version = ipVersion(destination);
    const source = outerSrc ?? known.sources.find((each) => ipVersion(each) === version);
    if (source === undefined) throw missing("--outer-src", "or --from, or an --inport that a chassis has");
    tunnels.push({
      source: canonicalAddress(source),
      destination,
      sourceMac: options.outerSrcMac ?? link?.source ?? SOURCE_MAC,
      destinationMac: options.outerDstMac ?? (await link?.destination(destination)) ?? DESTINATION_MAC,
      tags: options.outerVlan ?? [],
      sourcePort: options.outerSrcPort ?? null,
      destinationPort: options.outerDstPort ?? port ?? encapPorts[options.encap],
      ttl: options.outerTtl ?? TTL,
      dscp: options.outerDscp ?? 0,
      dontFragment: options.outerDf,
      checksum: checksum && options.outerChecksum,
    });
  }
  return tunnels;
}

/** An address that was given; what is known of the end there still holds. */
function endAt(address: string, { ends }: KnownTunnel): TunnelEnd {
  return ends.find((end) => end.address === address) ?? { address, port: null, checksum: true };
}

function missing(flag: string, other: string): CliError {
  return new CliError(`${flag} is missing; give it, ${other}`);
}

/** A frame that a tunnel is to carry. */
interface InnerFrame extends Moment {
  bytes: Uint8Array;
  /** Where a capture has it, in words. */
  which?: string;
}

async function* innerFrames(
  options: FrameOptions,
  known: KnownTunnel,
  count: number,
): AsyncGenerator<InnerFrame[]> {
  const { inner, innerHex, innerPcap } = options;
  const clock = clockOf(options);
  if (innerPcap !== undefined) {
    yield* capturedFrames(
      innerPcap,
      options.time === undefined && options.interval === undefined ? null : clock,
    );
    return;
  }
  const make = innerHex === undefined ? maker(inner ?? "icmp", options, known) : () => innerHex;
  for (let start = 0; start < count; start += GROUP)
    yield Array.from({ length: Math.min(GROUP, count - start) }, (_, i) => {
      return { bytes: make(start + i), ...clock(start + i) };
    });
}

/** Makes the frame with an index; only echoes differ, in their sequence numbers. */
function maker(kind: InnerKind, options: FrameOptions, known: KnownTunnel): (index: number) => Uint8Array {
  const fields = innerFields(kind, options, known);
  if (kind !== "icmp" && kind !== "icmp-reply") {
    const frame = buildInner(kind, fields);
    return () => frame;
  }
  return (index) => buildInner(kind, { ...fields, sequence: (fields.sequence + index) & 0xffff });
}

function innerFields(kind: InnerKind, options: FrameOptions, known: KnownTunnel): InnerFields {
  const isEcho = kind === "icmp" || kind === "icmp-reply";
  const sourceMac = options.innerSrcMac ?? known.sourceMac;
  const destinationMac = options.innerDstMac ?? (kind === "arp" ? BROADCAST : known.destinationMac);
  if (sourceMac === null)
    throw missing("--inner-src-mac", "or an --inport whose MAC address the database has");
  if (destinationMac === null)
    throw missing("--inner-dst-mac", "or an --outport whose MAC address the database has");
  return {
    ...innerAddresses(kind, options, known),
    sourceMac,
    destinationMac,
    tags: options.innerVlan ?? [],
    ttl: options.innerTtl ?? Math.max(1, TTL - known.hops),
    dscp: options.innerDscp ?? 0,
    dontFragment: true,
    identifier: options.id ?? 1,
    sequence: options.seq ?? 1,
    sourcePort: options.innerSrcPort ?? SOURCE_PORT,
    destinationPort: options.innerDstPort ?? DESTINATION_PORT,
    size: options.size ?? (isEcho ? ECHO_BYTES : 0),
  };
}

/** As given, else the first addresses that both ends have of one version, IPv4 before IPv6; ARP has IPv4 alone. */
function innerAddresses(kind: InnerKind, { innerSrc, innerDst }: FrameOptions, known: KnownTunnel) {
  const sources = innerSrc === undefined ? known.sourceIps : [innerSrc];
  const destinations = innerDst === undefined ? known.destinationIps : [innerDst];
  const isArp = kind === "arp" || kind === "arp-reply";
  for (const version of isArp ? [4] : [4, 6]) {
    const source = sources.find((each) => ipVersion(each) === version);
    const destination = destinations.find((each) => ipVersion(each) === version);
    if (source !== undefined && destination !== undefined) return { source, destination };
  }
  if (sources.length === 0) throw missing("--inner-src", "or an --inport whose IP address the database has");
  if (destinations.length === 0)
    throw missing("--inner-dst", "or an --outport whose IP address the database has");
  throw new CliError(
    `from ${sources.join(", ")} to ${destinations.join(", ")}: no two IP${isArp ? "v4" : ""} addresses of one version; give --inner-src and --inner-dst`,
  );
}

/** The time of the frame with an index. */
function clockOf({ time, interval = INTERVAL_MS }: FrameOptions): (index: number) => Moment {
  const start = filterTime("--time", time ?? `${Date.now() / 1000}`, false);
  return (index) => {
    const ms = index * interval;
    const nsec = start.nsec + Math.round((ms % 1000) * 1e6);
    const carry = nsec >= 1e9 ? 1 : 0;
    return { sec: start.sec + Math.floor(ms / 1000) + carry, nsec: nsec - carry * 1e9 };
  };
}

/** The frames of a capture, with its times or those of a clock; up to one that is none, or not whole, which throws. */
async function* capturedFrames(
  file: string,
  clock: ((index: number) => Moment) | null,
): AsyncGenerator<InnerFrame[]> {
  const source = await openCapture(file);
  let taken = 0;
  try {
    for (let batch = await source.next(); batch !== null; batch = await source.next()) {
      const frames: InnerFrame[] = [];
      let fault: string | null = null;
      for (let i = 0; i < batch.count && fault === null; i++) {
        const { linkType, fcsBytes = 0 } = source.interfaces[batch.interfaceIndex[i]];
        const which = `${shown(file)}: packet ${batch.firstNumber + i}`;
        const captured = batch.capturedBytes[i];
        const start = batch.offset[i];
        if (linkType !== LinkType.ETHERNET) fault = `${which} is no Ethernet frame; a tunnel carries these`;
        else if (captured < batch.originalBytes[i])
          fault = `${which} is cut to ${captured} of its ${batch.originalBytes[i]} bytes; capture whole ones`;
        else
          frames.push({
            bytes: batch.bytes.slice(start, start + Math.max(0, captured - fcsBytes)),
            which,
            ...(clock?.(taken++) ?? { sec: batch.tsSec[i], nsec: batch.tsNsec[i] }),
          });
      }
      yield frames;
      if (fault !== null) throw new CliError(fault);
    }
    if (source.damage !== null)
      throw new CliError(
        `${shown(file)}: damaged at byte ${source.damage.offset}: ${source.damage.reason}; everything before it was taken`,
      );
  } finally {
    await source.close();
  }
}

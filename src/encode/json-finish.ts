import type { HeaderLayer, Layer } from "../frame/layers.js";
import type { Verdict } from "../frame/verify.js";
import { ETHER_TYPE_MIN } from "../wire/ethertype.js";
import type { ChecksumRule, Draft } from "./json-draft.js";
import { JsonFields } from "./json-fields.js";
import { type ChecksumFix, fragmentIndex, withRightLengths, writeLayers } from "./layers.js";

/** The bytes of headers and what follows them, with lengths and checksums that were not given: see `settle`. */
export function finishedBytes(drafts: readonly Draft[], rest: readonly Layer[], missing: number): Uint8Array {
  const { layers, fixes } = settle(withSequence(drafts, rest, missing), rest, missing);
  return writeLayers(layers, { fixChecksums: fixes });
}

/** The drafts; before an STT header with the sequence number of TCP's form that says its length, unless that is given. */
function withSequence(drafts: readonly Draft[], rest: readonly Layer[], missing: number): readonly Draft[] {
  const at = drafts.findIndex(({ layer }) => layer.layer === "stt") - 1;
  if (at < 0 || drafts[at].fields.has("seq")) return drafts;
  const layers = withRightLengths([...drafts.map(({ layer }) => layer), ...rest], missing);
  return drafts.with(at, { ...drafts[at], layer: layers[at] as HeaderLayer<"tcp"> });
}

/**
 * Whether what JSON does not say of a frame's layers is worked out as it is, given the verdict on each checksum: the
 * lengths fit, and a checksum is told where it does not follow.
 */
export function isSettled(
  layers: readonly Layer[],
  verdicts: readonly (Verdict | null)[],
  missing: number,
): boolean {
  const drafts: Draft[] = [];
  for (const [index, layer] of layers.entries()) {
    if (layer.layer === "payload" || layer.layer === "trailer") break;
    const verdict = verdicts[index];
    // Where it is right, 0 may be as well, which is what would be written.
    if (verdict === "good" && "checksum" in layer && layer.checksum === 0xffff) return false;
    const length = hasLength(layer) ? lengthOf(layer) : undefined;
    drafts.push({ layer, fields: NOBODYS, length, ...(verdict ? { checksum: RULES[verdict] } : {}) });
  }
  try {
    settle(drafts, layers.slice(drafts.length), missing);
    return true;
  } catch {
    return false;
  }
}

/** Fields of layers that come from elsewhere. */
const NOBODYS = new JsonFields({}, "");
/** What is done for a checksum with each verdict. */
const RULES: Record<Verdict, ChecksumRule> = {
  good: "right",
  unfilled: "unfilled",
  bad: "stored",
  absent: "stored",
  unverified: "stored",
};

/**
 * Sets lengths that were not given, and says which checksums are to be set. Lengths that were given must fit; of a
 * frame of which `missing` bytes were cut off behind these layers they may count any of those.
 */
function settle(
  drafts: readonly Draft[],
  rest: readonly Layer[],
  missing: number,
): { layers: Layer[]; fixes: Map<Layer, ChecksumFix> } {
  const layers = [...drafts.map(({ layer }) => layer), ...rest];
  const least = withRightLengths(layers);
  // Few need it: a length that is given is that of what is there.
  let whole = missing === 0 ? least : null;
  const fragment = fragmentIndex(layers);
  const fixes = new Map<Layer, ChecksumFix>();
  /** By depth, whether bytes that checksums cover were cut off. */
  const isCut = [false, false];
  drafts.forEach((draft, index) => {
    const { layer, fields, checksum } = draft;
    const isPart = index > fragment;
    if (isPart && hasLength(layer) && draft.length === undefined)
      throw fields.wrong("length", "is missing, which in a fragment does not follow from what is there");
    if (!isPart && hasLength(layer) && draft.length !== lengthOf(least[index])) {
      whole ??= withRightLengths(layers, missing);
      const length = fittingLength(draft, lengthOf(least[index]), lengthOf(whole[index]));
      setLength(layer, length);
      if (length > lengthOf(least[index])) isCut[layer.depth] = true;
    }
    if (checksum === undefined || checksum === "stored") return;
    if (layer.layer !== "ipv4" && (isPart || isCut[layer.depth]))
      throw fields.wrong(
        "checksumValue",
        `is missing, which does not follow: bytes that it covers ${isPart ? "are in other fragments" : "were cut off"}`,
      );
    fixes.set(layer, checksum);
  });
  return { layers, fixes };
}

/** The length of a header as given, or the largest that fits. */
function fittingLength({ layer, fields, length }: Draft, least: number, most: number): number {
  if (length === undefined) return most;
  if (length >= least && length <= most) return length;
  const name = layer.layer === "ethernet" ? "type" : "length";
  const fit = least === most ? `${least} fits` : `${least} to ${most} fit`;
  throw fields.wrong(name, `${length}, but ${fit} what is there; left out it is worked out`);
}

function hasLength(layer: Layer): boolean {
  if (layer.layer === "ethernet") return layer.etherType < ETHER_TYPE_MIN;
  return layer.layer === "ipv4" || layer.layer === "ipv6" || layer.layer === "udp";
}

function lengthOf(layer: Layer): number {
  if (layer.layer === "ethernet") return layer.etherType;
  if (layer.layer === "ipv4") return layer.totalLength;
  if (layer.layer === "ipv6") return layer.payloadLength;
  return layer.layer === "udp" ? layer.length : 0;
}

function setLength(layer: Layer, length: number): void {
  if (layer.layer === "ethernet") layer.etherType = length;
  else if (layer.layer === "ipv4") layer.totalLength = length;
  else if (layer.layer === "ipv6") layer.payloadLength = length;
  else if (layer.layer === "udp") layer.length = length;
}
